//! A replacement that creates first keeps what it replaces until all that refers to it has moved to the new object.

use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::Resource;
use crate::engine::{Engine, Error};
use crate::stock::Offer;
use crate::store::{self, Commit, Site, Write};

impl Engine {
    /// `None`: nobody waits for the new object any more, and the former one can go. Else whether the operation goes on at once.
    pub(in crate::engine) async fn hand_over(
        &self,
        resource: &Resource,
        operation: &Operation,
    ) -> Result<Option<bool>, Error> {
        if operation.verb.removes() || !self.store.is_awaited(&operation.id).await? {
            return Ok(None);
        }
        let open = self.store.open_operations(&resource.id).await?;
        if open.iter().any(|it| it.generation > operation.generation) {
            return self.give_way(resource, operation).await.map(Some);
        }
        // It goes before anything is made: those that refer to it move but once, to what comes of this.
        if operation.stage == Stage::Decide {
            return Ok(None);
        }
        self.wait_for_the_others(operation).await.map(Some)
    }

    async fn wait_for_the_others(&self, operation: &Operation) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut after = Operation {
            state: OperationState::Waiting,
            stage: Stage::DeleteFormer,
            status: "the new one is there; the former one goes when what refers to it has moved".into(),
            due: now,
            version: operation.version + 1,
            update_time: now,
            ..operation.clone()
        };
        (after.reason, after.message) = (None, String::new());
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(crate::engine::journal::tally(&after, operation.state, now));
        commit.writes.push(Write::Operation(Box::new(after.clone())));
        commit.writes.push(Write::HandOver(Box::new(after)));
        match self.put(commit).await {
            // Should all of them have ended meanwhile, it goes on.
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(true),
            Err(other) => Err(other.into()),
        }
    }

    /// One of those that were to move has not: the former object stays until they have, by this apply's successor or a later one.
    pub(super) async fn not_moved(
        &self,
        resource: &Resource,
        operation: &Operation,
        by: &OperationId,
        offer: &Offer,
    ) -> Result<bool, Error> {
        let broken = self.store.operation(by).await?;
        if broken.is_some_and(|it| it.state == OperationState::Superseded) {
            let open = self.store.open_operations(&resource.id).await?;
            return match open.iter().any(|it| it.generation > operation.generation) {
                true => self.give_way(resource, operation).await,
                false => self.wait_for_the_others(operation).await,
            };
        }
        let why = self.why_broken(by).await?;
        let message = format!("what it has replaced stays until what refers to it has moved: {why}");
        self.fail(resource, operation, offer, Reason::DependencyFailed, message).await
    }
}
