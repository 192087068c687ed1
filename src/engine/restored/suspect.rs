//! What a restored store must not do without looking first: the backup is older than the world.
//!
//! Operations on a suspect wait until [`Engine::verify`] has had a look. What was on its way when the backup was made then begins
//! afresh; and what is to be made for a resource of the backup is looked for first, whenever that may be.

use serde_json::json;

use crate::domain::contract::{Call, Claim};
use crate::domain::description::Identity;
use crate::domain::effect::Effect;
use crate::domain::hold::{Cause, Hold, Target, key};
use crate::domain::id::ResourceId;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::{Desired, Resource, ResourceState};
use crate::domain::suspect::Restored;
use crate::domain::time::Timestamp;
use crate::stock::Offer;
use crate::store::Write;

use crate::engine::conclude::{claim_object, next_stage};
use crate::engine::journal::tally;
use crate::engine::prepare::key_retention_ms;
use crate::engine::{Engine, Error};

/// What comes before a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    Nothing,
    /// The object may have been made in the time that is lost.
    Look,
    /// It may, nobody can look, and a repetition might make another one.
    Ask,
}

/// How what was on its way when the backup was made goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// From what is there now, with an empty journal.
    Afresh,
    /// As it began: its idempotency key finds what it may have made since.
    Keyed,
    /// Not before a person says what became of its create.
    Parked,
}

pub fn hold_key() -> String {
    key(Cause::Suspect, &Target::Core)
}

impl Engine {
    /// The hold of suspects, if this resource is one.
    pub(in crate::engine) async fn suspected(&self, id: &ResourceId) -> Result<Option<Hold>, Error> {
        let Some(hold) = self.holds.get(&hold_key()) else { return Ok(None) };
        Ok(self.store.suspect(id).await?.filter(|it| it.open).map(|_| hold))
    }

    /// Before an object is made of which nothing is on record.
    pub(in crate::engine) async fn first(
        &self,
        resource: &Resource,
        operation: &Operation,
        offer: &Offer,
    ) -> Result<First, Error> {
        let Some(restored) = self.store.restored() else { return Ok(First::Nothing) };
        if resource.object.is_some() || self.store.suspect(&resource.id).await?.is_none() {
            return Ok(First::Nothing);
        }
        let until = self.clock.now().plus_ms(offer.limits.time_ms);
        let identity = offer.type_description().map(|it| it.identity);
        Ok(match first(operation, identity, &restored, key_retention_ms(offer), until) {
            // An attempt of it began before this process did.
            First::Look if self.history(operation).await?.attempts > 0 => First::Nothing,
            first => first,
        })
    }

    /// The writes by which the open operations of a resource go on after a look; `resource` is as it is before them.
    pub(in crate::engine) fn going_on(
        &self,
        resource: &Resource,
        open: Vec<Operation>,
        going: Going,
        offer: Option<&Offer>,
    ) -> Result<Vec<Write>, Error> {
        let now = self.clock.now();
        let (mut writes, mut after) = (Vec::new(), resource.clone());
        let mut first_create = true;
        for before in open {
            let mut operation = before.clone();
            let creates = !operation.verb.removes() && std::mem::replace(&mut first_create, false);
            match going {
                Going::Keyed if creates => keyed(&mut operation),
                Going::Parked if creates => park(&mut operation, &mut after),
                _ => {
                    let began = begin_afresh(&mut operation);
                    let looked_for = offer.is_some_and(is_looked_for);
                    if began && looked_for && after.object.is_none() && !operation.verb.removes() {
                        self.mark(&mut after)?;
                    }
                }
            }
            let held = operation.held.take().is_some();
            if operation == before && !held {
                continue;
            }
            operation.due = now;
            operation.version = before.version + 1;
            operation.update_time = now;
            writes.extend(tally(&operation, before.state, now));
            writes.push(Write::Operation(Box::new(operation)));
        }
        if after != *resource {
            after.version = resource.version + 1;
            after.update_time = now;
            writes.push(Write::Resource(Box::new(after)));
        }
        Ok(writes)
    }

    /// A create that was on its way may have made something: the next step looks.
    fn mark(&self, resource: &mut Resource) -> Result<(), Error> {
        let project = resource.name.order.project.to_string();
        let sealer = self.sealer(&project);
        let desired: Desired = sealer.open_desired(&resource.id, &resource.desired)?;
        let call = Call::Find(self.input(resource, resource.incarnation, desired, None));
        claim_object(resource, &Claim { external_id: None, state: json!({}) }, &call, &sealer);
        if let Some(object) = &mut resource.object {
            object.claimed = false;
        }
        Ok(())
    }
}

/// Whether what was made can be found without a claim.
pub fn is_looked_for(offer: &Offer) -> bool {
    offer.type_description().is_some_and(|it| matches!(it.identity, Identity::Named | Identity::Findable))
}

/// `until`: when the next attempt has ended at the latest.
fn first(
    operation: &Operation,
    identity: Option<Identity>,
    restored: &Restored,
    key_retention_ms: u64,
    until: Timestamp,
) -> First {
    match identity {
        Some(Identity::Named | Identity::Findable) => {
            // What comes behind a look, or is the second attempt, has been looked for.
            let begins = match operation.stage {
                Stage::Decide => operation.step == 0,
                Stage::Create => operation.attempts == 0 && operation.continuation.is_none(),
                _ => false,
            };
            if begins { First::Look } else { First::Nothing }
        }
        Some(Identity::Keyed) => {
            let of_backup = operation.generation <= restored.generations_before();
            let good = until < restored.backup_time.plus_ms(key_retention_ms);
            if of_backup && operation.effect == Effect::Unknown && !good { First::Ask } else { First::Nothing }
        }
        _ => First::Nothing,
    }
}

/// True if it had begun: what it knows is older than the world.
fn begin_afresh(operation: &mut Operation) -> bool {
    let untouched = operation.stage == Stage::Decide && operation.step == 0 && operation.attempts == 0;
    if operation.held.is_some() {
        (operation.reason, operation.message) = (None, String::new());
    }
    if operation.state == OperationState::Queued || untouched {
        return false;
    }
    let state = operation.state;
    next_stage(operation, Stage::Decide);
    if state == OperationState::NeedsAttention {
        operation.state = state;
    }
    true
}

/// No newer generation takes its place: it would have another key.
fn keyed(operation: &mut Operation) {
    operation.effect = Effect::Unknown;
    if operation.state != OperationState::NeedsAttention {
        operation.state = OperationState::Waiting;
        (operation.reason, operation.message) = (None, String::new());
    }
}

pub const UNKNOWN_CREATE: &str =
    "the store was restored from a backup: whether its object was made since is not known, and cannot be looked for";

fn park(operation: &mut Operation, resource: &mut Resource) {
    operation.effect = Effect::Unknown;
    operation.stage = Stage::Create;
    operation.state = OperationState::NeedsAttention;
    (operation.reason, operation.message) = (Some(Reason::CreateOutcomeUnknown), UNKNOWN_CREATE.into());
    resource.state = ResourceState::AttentionRequired;
    (resource.reason, resource.message) = (operation.reason, operation.message.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::operation::OperationVerb;
    use crate::engine::testing::operation;

    const RESTORED: Restored = Restored {
        incarnation: 2,
        backup_time: Timestamp::from_ms(1_000_000),
        restore_time: Timestamp::from_ms(2_000_000),
    };

    fn at(stage: Stage, step: u32, attempts: u32) -> Operation {
        Operation { stage, step, attempts, generation: 1, ..operation(OperationVerb::Create) }
    }

    fn before(operation: &Operation, identity: Identity, until: u64) -> First {
        first(operation, Some(identity), &RESTORED, 600_000, Timestamp::from_ms(until))
    }

    #[test]
    fn what_can_be_found_is_looked_for_once_before_it_is_made() {
        for identity in [Identity::Named, Identity::Findable] {
            for (operation, expected) in [
                (at(Stage::Decide, 0, 0), First::Look),
                (at(Stage::Create, 3, 0), First::Look),
                (at(Stage::Decide, 1, 0), First::Nothing),
                (at(Stage::Create, 3, 1), First::Nothing),
                (at(Stage::Find, 0, 0), First::Nothing),
            ] {
                assert_eq!(before(&operation, identity, 0), expected, "{operation:?}");
            }
        }
        assert_eq!(before(&at(Stage::Decide, 0, 0), Identity::Unsafe, 0), First::Nothing);
    }

    #[test]
    fn a_key_is_good_as_long_as_its_backend_honours_it_from_the_backup_on() {
        let going = Operation { effect: Effect::Unknown, ..at(Stage::Decide, 0, 0) };
        assert_eq!(before(&going, Identity::Keyed, 1_599_999), First::Nothing);
        assert_eq!(before(&going, Identity::Keyed, 1_600_000), First::Ask);
        let decided = Operation { effect: Effect::None, ..going.clone() };
        assert_eq!(before(&decided, Identity::Keyed, 1_600_000), First::Nothing, "a person had it begun afresh");
        let newer = Operation { generation: 2_001, ..going };
        assert_eq!(before(&newer, Identity::Keyed, 1_600_000), First::Nothing, "it has a key of its own");
    }
}
