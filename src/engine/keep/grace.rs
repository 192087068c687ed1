//! The time that what holds data is kept before its deletion begins: until then somebody may take that back.

use crate::domain::effect::Effect;
use crate::domain::operation::{Operation, OperationState, OperationVerb, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::{Resource, ResourceState};
use crate::domain::time::Timestamp;
use crate::engine::{Engine, Error};
use crate::store::{self, Commit, Site, Write};

/// A deletion that has not begun because its resource is kept for a while.
pub fn is_kept(operation: &Operation) -> bool {
    operation.verb == OperationVerb::Delete
        && operation.reason == Some(Reason::DeletionGrace)
        && operation.stage == Stage::Decide
        && operation.step == 0
        && operation.attempts == 0
        && operation.effect == Effect::None
        && operation.state == OperationState::Waiting
}

/// `child` deletes what is kept for `grace_ms`. `open`: what else is at it; a deletion that takes the place of another one takes its time too.
pub fn keep(child: &mut Operation, grace_ms: u64, open: &[Operation], now: Timestamp) {
    let until = open.iter().filter(|it| is_kept(it)).map(|it| it.due).min();
    let until = until.unwrap_or_else(|| now.plus_ms(grace_ms));
    if until <= now {
        return;
    }
    child.state = OperationState::Waiting;
    child.due = until;
    child.reason = Some(Reason::DeletionGrace);
    child.message = format!("kept until {until}, then deleted; `vend cancel {}` takes that back", child.id);
}

/// Takes the deletion back: the resource is again what it was.
pub fn take_back(resource: &mut Resource, operation: &Operation) {
    let settled = resource.observed_generation >= resource.generation && resource.object.is_some();
    resource.state = if settled { ResourceState::Ready } else { ResourceState::Failed };
    (resource.reason, resource.message) = match settled {
        true => (None, String::new()),
        false => (Some(Reason::Cancelled), format!("its deletion was taken back ({})", operation.id)),
    };
}

impl Engine {
    /// A clock that was set back must not make a deletion begin early: it waits for its time, whatever the queue holds for due.
    pub(in crate::engine) async fn keep_waiting(&self, operation: &Operation, now: Timestamp) -> Result<bool, Error> {
        let after = Operation { version: operation.version + 1, update_time: now, ..operation.clone() };
        let mut commit = Commit::new(Site::Operation);
        commit.writes.push(Write::Operation(Box::new(after)));
        match self.put(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// If an order is being deleted of which this resource is to stay, it stays too.
    pub(in crate::engine) async fn order_stays(
        &self,
        operation: &Operation,
        now: Timestamp,
    ) -> Result<Option<Write>, Error> {
        let Some(order) = self.store.order(&operation.order).await?.filter(|it| it.deleting) else { return Ok(None) };
        let order =
            crate::domain::order::Order { deleting: false, version: order.version + 1, update_time: now, ..order };
        Ok(Some(Write::Order(Box::new(order))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{object, operation, resource};

    #[test]
    fn a_deletion_that_waits_says_until_when_and_is_not_put_off_again() {
        let now = Timestamp::from_ms(1_000);
        let mut child = operation(OperationVerb::Delete);
        child.state = OperationState::Queued;
        keep(&mut child, 0, &[], now);
        assert!(!is_kept(&child), "there is no grace");
        keep(&mut child, 60_000, &[], now);
        assert!(is_kept(&child) && child.due == Timestamp::from_ms(61_000));
        assert!(child.message.contains("1970-01-01T00:01:01"), "{}", child.message);
        let mut later = operation(OperationVerb::Delete);
        keep(&mut later, 60_000, std::slice::from_ref(&child), Timestamp::from_ms(31_000));
        assert_eq!(later.due, child.due);
        let begun = Operation { stage: Stage::Delete, ..child };
        assert!(!is_kept(&begun));
    }

    #[test]
    fn what_is_taken_back_is_what_it_was() {
        let mut it = resource();
        (it.object, it.generation, it.observed_generation) = (Some(object(true, true)), 2, 2);
        it.state = ResourceState::Deleting;
        take_back(&mut it, &operation(OperationVerb::Delete));
        assert_eq!((it.state, it.reason), (ResourceState::Ready, None));
        it.observed_generation = 1;
        take_back(&mut it, &operation(OperationVerb::Delete));
        assert_eq!(it.state, ResourceState::Failed);
    }
}
