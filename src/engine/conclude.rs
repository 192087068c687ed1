//! What an ended attempt means for the records: pure, on records as they are now, which may be newer than the attempt's.

use serde_json::{Value, json};

use crate::domain::contract::{Answer, Call, Claim, Finding, Input, Object, Pending};
use crate::domain::effect::Effect;
use crate::domain::operation::{Operation, OperationState, OperationVerb, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::{Desired, ExternalObject, Resource, ResourceState};
use crate::domain::time::Timestamp;

use super::doubt::Settled;
use super::keep::grace::take_back;
use super::retry::{MOST_PENDING, Verdict, pause_ms};
use crate::secret::Sealer;

/// An end, as far as the records care.
#[derive(Debug, Clone)]
pub enum Ended {
    Answered(Answer),
    Failed(Verdict),
    /// A write whose answer was lost is not in doubt any more.
    Settled(Settled),
    /// Nothing was left to do.
    Finished,
    /// Asked to end, with nothing running.
    Cancelled,
}

/// The records after it. `resource` is `None` if the resource is gone for good.
pub struct Conclusion {
    pub resource: Option<Resource>,
    pub operation: Operation,
    /// The operation goes on at once: decide again.
    pub again: bool,
}

pub struct Facts<'a> {
    pub call: &'a Call,
    pub state_version: u32,
    /// How long after a write the backend may still not show its result.
    pub settle_ms: u64,
    /// How much of that was left when a look began.
    pub unshown_ms: u64,
    /// What the operation is known to have changed by now; `None`: nothing new is known.
    pub effect: Option<Effect>,
    pub now: Timestamp,
    pub sealer: Sealer<'a>,
}

pub fn conclude(mut resource: Resource, mut operation: Operation, ended: Ended, facts: &Facts<'_>) -> Conclusion {
    operation.effect = facts.effect.unwrap_or(operation.effect);
    operation.update_time = facts.now;
    resource.update_time = facts.now;
    let again = match ended {
        Ended::Answered(answer) => answered(&mut resource, &mut operation, answer, facts),
        Ended::Failed(verdict) => {
            failed(&mut resource, &mut operation, verdict, facts);
            false
        }
        Ended::Settled(settled) => settle(&mut resource, &mut operation, settled, facts),
        Ended::Finished => {
            succeed(&mut resource, &mut operation, facts);
            false
        }
        Ended::Cancelled => {
            cancelled(&mut resource, &mut operation, facts);
            false
        }
    };
    // A write in doubt is settled first: what was begun must be on record before anything is given up.
    let ends = !operation.state.is_terminal() && operation.state != OperationState::NeedsAttention;
    if operation.cancel_requested && ends && operation.effect != Effect::Unknown {
        cancelled(&mut resource, &mut operation, facts);
        keep_former(&mut resource);
        return Conclusion { resource: Some(resource), operation, again: false };
    }
    if operation.state.is_terminal() {
        keep_former(&mut resource);
    }
    let gone = operation.state == OperationState::Succeeded && operation.verb.removes();
    Conclusion { resource: (!gone).then_some(resource), operation, again }
}

/// If nothing has come of what was to take its place.
fn keep_former(resource: &mut Resource) {
    if resource.object.is_none() {
        resource.object = resource.former.take();
    }
}

fn answered(resource: &mut Resource, operation: &mut Operation, answer: Answer, facts: &Facts<'_>) -> bool {
    match (operation.stage, answer) {
        (_, Answer::Pending(pending)) => {
            // The next step may be asked for something else, and has to find what this one has begun.
            mark_begun(resource, operation, facts);
            match pause_ms(operation.step, pending.poll_after_ms) {
                Some(pause_ms) => wait(operation, &pending, pause_ms, facts),
                None => {
                    let message =
                        format!("its driver has answered `pending` {MOST_PENDING} times; cancel it, or apply again");
                    let verdict = Verdict::Park { reason: Reason::DriverLimitExceeded, message };
                    failed(resource, operation, verdict, facts);
                }
            }
            false
        }
        (Stage::Create | Stage::Update, Answer::Done(object)) => {
            put_object(resource, object, None, facts);
            if resource.former.is_some() {
                return next_stage(operation, Stage::DeleteFormer);
            }
            succeed(resource, operation, facts);
            false
        }
        (Stage::Delete, Answer::Gone) => {
            resource.object = None;
            if operation.verb == OperationVerb::Delete {
                return next_stage(operation, Stage::Decide);
            }
            resource.incarnation += 1;
            next_stage(operation, Stage::Create)
        }
        (Stage::DeleteFormer, Answer::Gone) => {
            resource.former = None;
            // What is there now may be adopted, or an earlier generation's: whether it is as asked is for a plan to say.
            next_stage(operation, Stage::Decide)
        }
        (Stage::Find, Answer::Found(finding)) => found(resource, operation, finding, facts),
        (stage, answer) => {
            let message = format!("the driver answered {answer:?} to {}", stage.as_str());
            failed(resource, operation, Verdict::Fail { reason: Reason::DriverUnfit, message }, facts);
            false
        }
    }
}

fn settle(resource: &mut Resource, operation: &mut Operation, settled: Settled, facts: &Facts<'_>) -> bool {
    match settled {
        Settled::NotApplied | Settled::Applied => {
            operation.state = OperationState::Running;
            true
        }
        Settled::Object(claim) => {
            claim_object(resource, &claim, facts.call, &facts.sealer);
            next_stage(operation, operation.stage)
        }
        Settled::Afresh if operation.stage == Stage::Create => {
            // Never with an empty journal before something has looked, and not before the backend must show what there is. Who has a
            // claim looks at that.
            mark_begun(resource, operation, facts);
            let claimed = resource.object.as_ref().is_some_and(|object| object.claimed && object.external_id.is_some());
            if !claimed {
                return next_stage(operation, Stage::Find);
            }
            next_stage(operation, Stage::Create);
            operation.state = OperationState::Waiting;
            operation.due = facts.now.plus_ms(facts.settle_ms);
            facts.settle_ms == 0
        }
        Settled::Afresh => next_stage(operation, Stage::Decide),
        Settled::Converged(object) => {
            put_object(resource, object, None, facts);
            if resource.former.is_some() {
                return next_stage(operation, Stage::DeleteFormer);
            }
            succeed(resource, operation, facts);
            false
        }
        Settled::Gone => answered(resource, operation, Answer::Gone, facts),
    }
}

fn found(resource: &mut Resource, operation: &mut Operation, finding: Finding, facts: &Facts<'_>) -> bool {
    match finding {
        Finding::None => {
            if facts.unshown_ms > 0 {
                let message = "nothing is found yet: looked again when its backend must show it".into();
                let wait_ms = facts.unshown_ms;
                let verdict = Verdict::Wait { reason: Reason::CreateOutcomeUnknown, message, wait_ms };
                failed(resource, operation, verdict, facts);
                return false;
            }
            resource.object = None;
        }
        Finding::One(claim) => claim_object(resource, &claim, facts.call, &facts.sealer),
        Finding::Many(candidates) => {
            let message = format!("several objects carry its labels: {}", candidates.join(", "));
            failed(resource, operation, Verdict::Park { reason: Reason::MultipleCandidates, message }, facts);
            return false;
        }
    }
    next_stage(operation, Stage::Decide)
}

/// The operation goes on with another verb: a new step with a journal of its own.
pub fn next_stage(operation: &mut Operation, stage: Stage) -> bool {
    operation.stage = stage;
    operation.step += 1;
    operation.attempts = 0;
    operation.continuation = None;
    operation.status.clear();
    operation.state = OperationState::Running;
    true
}

fn wait(operation: &mut Operation, pending: &Pending, pause_ms: u64, facts: &Facts<'_>) {
    operation.continuation = Some(facts.sealer.continuation(&operation.id, &pending.continuation));
    operation.step += 1;
    operation.attempts = 0;
    operation.state = OperationState::Waiting;
    operation.due = facts.now.plus_ms(pause_ms);
    operation.reason = None;
    operation.message.clear();
}

fn end(operation: &mut Operation, state: OperationState, facts: &Facts<'_>) {
    operation.state = state;
    operation.continuation = None;
    operation.end_time = state.is_terminal().then_some(facts.now);
}

/// Everything is as desired.
fn succeed(resource: &mut Resource, operation: &mut Operation, facts: &Facts<'_>) {
    end(operation, OperationState::Succeeded, facts);
    (operation.reason, operation.message) = (None, String::new());
    operation.status.clear();
    resource.observed_generation = generation(facts.call).max(resource.observed_generation);
    if !operation.verb.removes() && resource.state != ResourceState::Deleting {
        resource.state = ResourceState::Ready;
        (resource.reason, resource.message) = (None, String::new());
    }
}

fn failed(resource: &mut Resource, operation: &mut Operation, verdict: Verdict, facts: &Facts<'_>) {
    match verdict {
        Verdict::Leave => {}
        Verdict::Retry { reason, message, wait_ms } => {
            operation.attempts += 1;
            // It spends no budget: what a person has to mend may take its time.
            operation.budget.attempts += u32::from(reason == Reason::CredentialsRejected);
            operation.state = OperationState::Waiting;
            // From the time that is written beside it: were it an earlier one, a clock set back in between would park it.
            operation.due = facts.now.plus_ms(wait_ms);
            (operation.reason, operation.message) = (Some(reason), message);
        }
        Verdict::Wait { reason, message, wait_ms } => {
            operation.state = OperationState::Waiting;
            operation.due = facts.now.plus_ms(wait_ms);
            (operation.reason, operation.message) = (Some(reason), message);
        }
        Verdict::Fail { reason, message } => {
            mark_begun(resource, operation, facts);
            end(operation, OperationState::Failed, facts);
            resource.state = ResourceState::Failed;
            tell(resource, operation, reason, message);
        }
        Verdict::Park { reason, message } => {
            operation.attempts += 1;
            operation.state = OperationState::NeedsAttention;
            resource.state = ResourceState::AttentionRequired;
            tell(resource, operation, reason, message);
        }
    }
}

/// Ends what was asked to end. What a create has begun stays on record, so that the next one looks first.
fn cancelled(resource: &mut Resource, operation: &mut Operation, facts: &Facts<'_>) {
    mark_begun(resource, operation, facts);
    let state = match operation.effect {
        Effect::Unknown => OperationState::Failed,
        _ => OperationState::Cancelled,
    };
    let kept = operation.reason == Some(Reason::DeletionGrace) && operation.stage == Stage::Decide;
    end(operation, state, facts);
    resource.state = ResourceState::Failed;
    tell(resource, operation, Reason::Cancelled, "cancelled on request".into());
    if kept && operation.effect == Effect::None {
        take_back(resource, operation);
    }
}

fn tell(resource: &mut Resource, operation: &mut Operation, reason: Reason, message: String) {
    (resource.reason, resource.message) = (Some(reason), message.clone());
    (operation.reason, operation.message) = (Some(reason), message);
}

/// A create that wrote, or may have, leaves a mark even without a claim: no later one starts as if nothing had been.
pub fn mark_begun(resource: &mut Resource, operation: &Operation, facts: &Facts<'_>) {
    if operation.stage != Stage::Create || resource.object.is_some() || operation.effect == Effect::None {
        return;
    }
    let empty = Claim { external_id: None, state: json!({}) };
    claim_object(resource, &empty, facts.call, &facts.sealer);
    if let Some(object) = &mut resource.object {
        object.claimed = false;
    }
}

/// Of the resource, as the call was made for it.
pub fn generation(call: &Call) -> u64 {
    call.input().and_then(|input| input.context.get("generation")).and_then(Value::as_u64).unwrap_or(0)
}

fn begun_with(input: &Input) -> Desired {
    Desired::new(input.params.clone(), input.config.clone())
}

/// Keeps what a driver has checkpointed at this stage.
pub fn keep_claim(resource: &mut Resource, stage: Stage, claim: &Claim, call: &Call, sealer: &Sealer<'_>) {
    match (stage, &mut resource.former) {
        (Stage::DeleteFormer, Some(former)) => {
            former.external_id = claim.external_id.clone();
            former.state = sealer.state(&resource.id, &claim.state);
        }
        _ => claim_object(resource, claim, call, sealer),
    }
}

/// Keeps `claim` as the resource's unfinished object, begun with what the call asked.
pub fn claim_object(resource: &mut Resource, claim: &Claim, call: &Call, sealer: &Sealer<'_>) {
    let id = resource.id.clone();
    let state = sealer.state(&id, &claim.state);
    match &mut resource.object {
        Some(object) => {
            // A create that has another object than before has removed that, or has found it gone; the new one is begun with what it asks.
            let other = claim.external_id.is_some() && object.external_id != claim.external_id;
            if let (true, Call::Create(input)) = (other, call) {
                object.applied = sealer.applied(&id, &begun_with(input));
                object.outputs = sealer.outputs(&id, &json!({}));
                object.complete = false;
            }
            object.claimed = true;
            object.external_id = claim.external_id.clone();
            object.state = state;
        }
        None => {
            let Some(input) = call.input() else { return };
            resource.object = Some(ExternalObject {
                incarnation: input.incarnation,
                claimed: true,
                external_id: claim.external_id.clone(),
                state,
                state_version: 0,
                applied: sealer.applied(&id, &begun_with(input)),
                outputs: sealer.outputs(&id, &json!({})),
                complete: false,
            });
        }
    }
}

/// `observed`: the params that it has, where they are not those that the call asked for.
pub fn put_object(resource: &mut Resource, object: Object, observed: Option<Value>, facts: &Facts<'_>) {
    let Some(input) = facts.call.input() else { return };
    let id = resource.id.clone();
    let mut applied = begun_with(input);
    applied.params = observed.unwrap_or(applied.params);
    resource.object = Some(ExternalObject {
        incarnation: input.incarnation,
        claimed: true,
        external_id: Some(object.external_id),
        state: facts.sealer.state(&id, &object.state),
        state_version: facts.state_version,
        applied: facts.sealer.applied(&id, &applied),
        outputs: facts.sealer.outputs(&id, &object.outputs),
        complete: true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{Counting, object, operation, resource};
    use crate::secret::Keyring;

    fn input() -> Input {
        Input {
            resource_id: resource().id.to_string(),
            incarnation: 1,
            resource_type: "thing".into(),
            labels: Vec::new(),
            config: json!({}),
            params: json!({}),
            unknown: Vec::new(),
            prior: None,
            continuation: None,
            context: json!({}),
        }
    }

    fn concluded(resource: Resource, operation: Operation, ended: Ended, call: &Call, unshown_ms: u64) -> Conclusion {
        let (keyring, entropy) = (Keyring::new(&[7; 32]), Counting::default());
        let sealer = Sealer { keyring: &keyring, entropy: &entropy, project: "shop" };
        let now = Timestamp::from_ms(10_000);
        let facts = Facts { call, state_version: 1, settle_ms: 2_000, unshown_ms, effect: None, now, sealer };
        conclude(resource, operation, ended, &facts)
    }

    /// Also where it is given up at that moment: what deletes it later has to look.
    #[test]
    fn what_begins_afresh_has_left_a_mark() {
        for cancel_requested in [false, true] {
            let mut creating = operation(OperationVerb::Create);
            (creating.stage, creating.effect) = (Stage::Create, Effect::Applied);
            creating.cancel_requested = cancel_requested;
            let call = Call::Create(input());
            let after = concluded(resource(), creating, Ended::Settled(Settled::Afresh), &call, 0);
            let left = after.resource.expect("it is there").object.expect("a mark");
            assert!(!left.claimed && !left.complete, "{left:?}");
            assert_eq!((after.operation.stage, after.again), (Stage::Find, !cancel_requested));
        }
    }

    #[test]
    fn that_nothing_is_found_counts_when_it_must_be_shown() {
        let look = |unshown_ms| {
            let mut begun = resource();
            begun.object = Some(object(false, false));
            let mut looking = operation(OperationVerb::Delete);
            looking.stage = Stage::Find;
            let none = Ended::Answered(Answer::Found(Finding::None));
            concluded(begun, looking, none, &Call::Find(input()), unshown_ms)
        };
        let early = look(1);
        assert!(early.resource.expect("it is there").object.is_some() && !early.again);
        assert_eq!((early.operation.stage, early.operation.due.ms()), (Stage::Find, 10_001));
        let late = look(0);
        assert!(late.resource.expect("it is there").object.is_none() && late.again);
        assert_eq!(late.operation.stage, Stage::Decide);
    }
}
