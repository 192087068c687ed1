//! Asking an operation to end.

use crate::domain::effect::Effect;
use crate::domain::event::Audit;
use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::ResourceState;
use crate::store::{self, Commit, Paging, Site, Write};

use super::journal::tally;
use super::keep::grace;
use super::{Engine, Error};

/// How often a commit is tried again after somebody else changed a record.
const CONFLICT_TRIES: u32 = 8;

impl Engine {
    /// Of an order's operation: all of its children. What is queued or waits ends CANCELLED at once or with its next step; a
    /// running verb is finished first. A parked child ends too: FAILED with effect unknown if a write was in doubt.
    pub async fn cancel(&self, id: &OperationId, principal: &Principal) -> Result<Operation, Error> {
        let operation = self.operation(id).await?;
        if operation.state.is_terminal() {
            return Ok(operation);
        }
        if operation.resource.is_some() {
            self.cancel_child(id, principal).await?;
            return self.operation(id).await;
        }
        let filter = store::Filter {
            project: Some(operation.order.project.to_string()),
            parent: Some(id.clone()),
            ..store::Filter::default()
        };
        for child in self.store.operations(&filter, &Paging::all()).await?.items {
            if !child.state.is_terminal() {
                self.cancel_child(&child.id, principal).await?;
            }
        }
        self.operation(id).await
    }

    pub(super) async fn operation(&self, id: &OperationId) -> Result<Operation, Error> {
        let missing = || Refusal::new(Reason::NotFound, format!("there is no operation `{id}`"));
        Ok(self.store.operation(id).await?.ok_or_else(missing)?)
    }

    async fn cancel_child(&self, id: &OperationId, principal: &Principal) -> Result<(), Error> {
        for _ in 0..CONFLICT_TRIES {
            let operation = self.operation(id).await?;
            if operation.state.is_terminal() {
                return Ok(());
            }
            let now = self.clock.now();
            let parked = operation.state == OperationState::NeedsAttention;
            let mut after = Operation { cancel_requested: true, version: operation.version + 1, ..operation.clone() };
            after.update_time = now;
            after.due = now;
            after.held = None;
            if parked && after.effect != Effect::Unknown {
                after.state = OperationState::Waiting;
            }
            let mut commit = Commit::new(Site::Operation);
            if parked && after.effect == Effect::Unknown {
                // Giving up: what the lost write did stays unknown, and the resource says so until it is applied again.
                after.state = OperationState::Failed;
                after.end_time = Some(now);
                after.message = format!("given up by {principal}: {}", after.message);
                if let Some(resource) = &operation.resource
                    && let Some(mut resource) = self.store.resource(resource).await?
                {
                    resource.state = ResourceState::Failed;
                    resource.version += 1;
                    resource.update_time = now;
                    self.mark_unsettled(&mut resource, &operation).await?;
                    commit.writes.push(Write::Resource(Box::new(resource)));
                }
            }
            commit.writes.extend(tally(&after, operation.state, now));
            if operation.awaits > 0 {
                commit.writes.push(Write::Await { operation: Box::new(operation.clone()), related: Vec::new() });
            }
            commit.writes.push(Write::Operation(Box::new(after)));
            if grace::is_kept(&operation) {
                commit.writes.extend(self.order_stays(&operation, now).await?);
            }
            commit.audit.push(Audit::allowed(
                principal,
                operation.order.project.as_str(),
                "operations.cancel",
                operation.id.as_str(),
                now,
                &*self.entropy,
            ));
            match self.put(commit).await {
                Ok(()) => {
                    self.look_for_due();
                    return Ok(());
                }
                Err(store::Error::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Refusal::new(Reason::ConcurrentOperation, format!("operation `{id}` keeps changing; ask again")).into())
    }
}
