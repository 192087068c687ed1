//! Operations.

use std::collections::HashMap;

use crate::domain::effect::Effect;
use crate::domain::operation::{Operation, OperationState, OperationVerb, Tally};
use crate::pb;
use crate::pb::operation as wire;

use super::{etag, int, long, time};

pub fn operation(it: Operation) -> pb::Operation {
    pb::Operation {
        id: it.id.to_string(),
        parent: it.parent.map_or_else(String::new, |id| id.to_string()),
        order: it.order.to_string(),
        resource: it.resource.map_or_else(String::new, |id| id.to_string()),
        resource_key: it.resource_key,
        verb: verb(it.verb).into(),
        generation: long(it.generation),
        state: state(it.state).into(),
        done: it.state.is_terminal(),
        reason: it.reason.map_or_else(String::new, |reason| reason.to_string()),
        message: it.message,
        effect: effect(it.effect).into(),
        status: it.status,
        principal: it.principal,
        request_id: it.request_id,
        attempts: int(it.attempts),
        due_time: (it.state == OperationState::Waiting && it.held.is_none()).then(|| time(it.due)),
        superseded_by: it.superseded_by.map_or_else(String::new, |id| id.to_string()),
        plan_digest: it.plan_digest,
        children: children(it.tally),
        create_time: Some(time(it.create_time)),
        update_time: Some(time(it.update_time)),
        end_time: it.end_time.map(time),
        etag: etag(it.version),
        awaits: int(it.awaits),
        driver_digest: it.driver_digest,
    }
}

/// The states that some child is in.
fn children(mut tally: Tally) -> HashMap<String, i32> {
    let counts = OperationState::ALL.map(|state| (state.as_str().replace('-', "_"), int(*tally.count(state))));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

pub fn state(it: OperationState) -> wire::State {
    match it {
        OperationState::Queued => wire::State::Queued,
        OperationState::Running => wire::State::Running,
        OperationState::Waiting => wire::State::Waiting,
        OperationState::Succeeded => wire::State::Succeeded,
        OperationState::Failed => wire::State::Failed,
        OperationState::Cancelled => wire::State::Cancelled,
        OperationState::Superseded => wire::State::Superseded,
        OperationState::NeedsAttention => wire::State::NeedsAttention,
    }
}

pub fn verb(it: OperationVerb) -> wire::Verb {
    match it {
        OperationVerb::Apply => wire::Verb::Apply,
        OperationVerb::Upgrade => wire::Verb::Upgrade,
        OperationVerb::Delete => wire::Verb::Delete,
        OperationVerb::Create => wire::Verb::Create,
        OperationVerb::Update => wire::Verb::Update,
        OperationVerb::Replace => wire::Verb::Replace,
        OperationVerb::Adopt => wire::Verb::Adopt,
        OperationVerb::Release => wire::Verb::Release,
    }
}

fn effect(it: Effect) -> wire::Effect {
    match it {
        Effect::None => wire::Effect::None,
        Effect::Applied => wire::Effect::Applied,
        Effect::Unknown => wire::Effect::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_counted_under_the_names_of_their_states() {
        let tally = Tally { succeeded: 2, needs_attention: 1, ..Tally::default() };
        let expected = HashMap::from([("succeeded".to_owned(), 2), ("needs_attention".to_owned(), 1)]);
        assert_eq!(children(tally), expected);
        for state in OperationState::ALL {
            let name = super::state(state).as_str_name().trim_start_matches("STATE_").to_lowercase();
            assert_eq!(name, state.as_str().replace('-', "_"));
        }
    }
}
