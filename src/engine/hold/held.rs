//! Operations that have to wait for what is held: put aside where the queue does not see them, and brought back.
//!
//! All of it by the queue's own loop, so that nobody is put aside for what was lifted a moment ago and forgotten there.

use crate::domain::hold::{Cause, Hold, Target, key};
use crate::domain::operation::{Budget, Held, Operation, OperationState};
use crate::domain::time::Timestamp;
use crate::store::{self, Commit, Site, Write};

use crate::engine::journal::tally;
use crate::engine::{Engine, Error};

/// So many are put aside or brought back in one commit.
pub const PAGE: u32 = 256;
/// Those that waited for a connection come back over so long a time for each, and all of a page within 5 s.
const SPREAD_MS: u64 = 20;

impl Engine {
    /// What this operation has to wait for before an attempt of it may start. If it is nothing, an attempt starts: the
    /// breakers on its way count it.
    pub(in crate::engine) async fn waits_for(
        &self,
        operation: &Operation,
        now: Timestamp,
    ) -> Result<Option<Hold>, Error> {
        // One that was asked to end does so without an attempt.
        if operation.cancel_requested || self.holds.is_empty() {
            return Ok(None);
        }
        let Some(id) = &operation.resource else { return Ok(None) };
        if let Some(suspicion) = self.suspected(id).await? {
            return Ok(Some(suspicion));
        }
        let Some(resource) = self.store.resource(id).await? else { return Ok(None) };
        if let Some(pause) = self.pause_on(&operation.order, &resource.pin).await? {
            return Ok(Some(pause));
        }
        Ok(self.tripped(&resource.pin, &operation.id, now))
    }

    pub(in crate::engine) fn nothing_holds(&self) -> bool {
        self.holds.is_empty()
    }

    pub(in crate::engine) async fn put_aside(
        &self,
        waiting: Vec<(Operation, Hold)>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let changed = waiting.into_iter().map(|(operation, hold)| (operation.state, aside(operation, &hold, now)));
        self.put_operations(changed.collect(), now).await
    }

    /// Brings back a page of those who wait for what is no more. True if there may be others.
    pub(in crate::engine) async fn bring_back(&self) -> Result<bool, Error> {
        if !self.holds.may_be_kept_needlessly() {
            return Ok(false);
        }
        let found = self.bring_back_page().await;
        if !matches!(found, Ok(false)) {
            self.holds.look_for_released();
        }
        found
    }

    async fn bring_back_page(&self) -> Result<bool, Error> {
        let mut found = false;
        let mut after = String::new();
        while let Some(key) = self.store.next_held_key(&after).await? {
            if self.holds.get(&key).is_none() {
                let held = self.store.held(&key, PAGE).await?;
                let spread_ms = match key.starts_with(Cause::Breaker.as_str()) {
                    true => SPREAD_MS * held.len() as u64,
                    false => 0,
                };
                found |= !held.is_empty();
                self.release(held, spread_ms).await?;
            }
            after = key;
        }
        Ok(found)
    }

    /// Where a breaker wants to know whether its connection works, one of those who wait for it goes and sees.
    pub(in crate::engine) async fn call_probes(&self, now: Timestamp) -> Result<(), Error> {
        for connection in self.circuits_that_call(now) {
            let held = self.store.held(&key(Cause::Breaker, &Target::Connection(connection)), 1).await?;
            self.release(held, 0).await?;
        }
        Ok(())
    }

    async fn release(&self, held: Vec<Operation>, spread_ms: u64) -> Result<(), Error> {
        let now = self.clock.now();
        let changed = held.into_iter().map(|it| (it.state, back(it, now, self.roll(spread_ms))));
        let put = self.put_operations(changed.collect(), now).await;
        self.backlog().doubt();
        put
    }

    /// Up to `most`, at random.
    fn roll(&self, most: u64) -> u64 {
        let mut roll = [0u8; 8];
        self.entropy.fill(&mut roll);
        u64::from_be_bytes(roll) % (most + 1)
    }

    /// In one commit, or, if one of them was changed meanwhile, each of the others by itself.
    async fn put_operations(&self, changed: Vec<(OperationState, Operation)>, now: Timestamp) -> Result<(), Error> {
        let commit = |changed: &[(OperationState, Operation)]| {
            let mut commit = Commit::new(Site::Operation);
            for (before, after) in changed {
                commit.writes.extend(tally(after, *before, now));
                commit.writes.push(Write::Operation(Box::new(after.clone())));
            }
            self.put(commit)
        };
        if changed.is_empty() {
            return Ok(());
        }
        match commit(&changed).await {
            Err(store::Error::Conflict { .. }) => {}
            ended => return Ok(ended?),
        }
        for one in changed.chunks(1) {
            match commit(one).await {
                Ok(()) | Err(store::Error::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }
}

/// The operation while it waits for `hold`.
fn aside(operation: Operation, hold: &Hold, now: Timestamp) -> Operation {
    Operation {
        state: OperationState::Waiting,
        held: Some(Held { by: hold.key(), since: now }),
        reason: Some(hold.reason),
        message: hold.told(),
        version: operation.version + 1,
        update_time: now,
        ..operation
    }
}

/// The operation when it goes on in `wait_ms`: the time that it was held is added to its budget.
fn back(operation: Operation, now: Timestamp, wait_ms: u64) -> Operation {
    let held_ms = operation.held.as_ref().map_or(0, |held| now.since_ms(held.since));
    let time_ms = operation.budget.time_ms.saturating_add(held_ms).saturating_add(wait_ms);
    Operation {
        held: None,
        due: now.plus_ms(wait_ms),
        budget: Budget { time_ms, ..operation.budget },
        reason: None,
        message: String::new(),
        version: operation.version + 1,
        update_time: now,
        ..operation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::operation::OperationVerb;
    use crate::domain::reason::Reason;
    use crate::engine::testing::operation;

    #[test]
    fn what_waits_spends_neither_attempts_nor_time() {
        let before = Operation { attempts: 3, state: OperationState::Queued, ..operation(OperationVerb::Create) };
        let hold = Hold {
            cause: Cause::Pause,
            target: Target::Core,
            reason: Reason::Paused,
            message: String::new(),
            principal: "token:anna".into(),
            since: Timestamp::ZERO,
        };
        let waiting = aside(before.clone(), &hold, Timestamp::from_ms(1_000));
        assert_eq!((waiting.state, waiting.reason), (OperationState::Waiting, Some(Reason::Paused)));
        assert_eq!(waiting.held.as_ref().map(|it| it.by.as_str()), Some("pause:core"));
        let after = back(waiting, Timestamp::from_ms(61_000), 500);
        assert_eq!((after.held.as_ref(), after.reason, after.message.as_str()), (None, None, ""));
        assert_eq!((after.due.ms(), after.attempts, after.version), (61_500, 3, before.version + 2));
        assert_eq!(after.budget.time_ms, before.budget.time_ms + 60_500);
        assert_eq!(after.budget.attempts, before.budget.attempts);
    }
}
