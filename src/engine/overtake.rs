//! What becomes of operations that are open when a newer generation is accepted. Pure.

use serde_json::json;

use crate::domain::effect::Effect;
use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::{Desired, ExternalObject, Resource};
use crate::domain::time::Timestamp;
use crate::store::{Commit, Write};

use super::accept::Asking;
use super::journal::tally;

/// An operation that gave up on a create it had begun makes room for this one; the mark it leaves lets that one look first.
pub fn mark_parked(resource: &mut Resource, before: &Resource, open: &[Operation], asking: &Asking<'_>) {
    let begun = open.iter().any(|it| {
        it.resource.as_ref() == Some(&resource.id)
            && gives_way(it)
            && it.stage == Stage::Create
            && it.effect != Effect::None
    });
    if !begun || resource.object.is_some() {
        return;
    }
    // It is looked for under what that create was asked for.
    let begun_with: Desired =
        asking.sealer.open_desired(&before.id, &before.desired).unwrap_or_else(|_| Desired::new(json!({}), json!({})));
    resource.object = Some(ExternalObject {
        incarnation: resource.incarnation,
        claimed: false,
        external_id: None,
        state: asking.sealer.state(&resource.id, &json!({})),
        state_version: 0,
        applied: asking.sealer.applied(&resource.id, &begun_with),
        outputs: asking.sealer.outputs(&resource.id, &json!({})),
        complete: false,
    });
}

/// Not begun, or given up without a doubt: a newer generation takes its place.
pub fn gives_way(open: &Operation) -> bool {
    match open.state {
        OperationState::Queued => true,
        // It has made what was asked, and waits for others to move: the next one sees to what it has left.
        OperationState::Waiting if has_handed_over(open) => true,
        // Held before it began.
        OperationState::Waiting => {
            open.stage == Stage::Decide && open.step == 0 && open.attempts == 0 && open.effect == Effect::None
        }
        OperationState::NeedsAttention => {
            open.effect != Effect::Unknown
                && !matches!(open.reason, Some(Reason::Nondeterministic | Reason::MultipleCandidates))
        }
        _ => false,
    }
}

/// All that it still waits for is that those that refer to it have moved.
pub fn has_handed_over(open: &Operation) -> bool {
    open.stage == Stage::DeleteFormer && open.awaits > 0 && !open.verb.removes()
}

pub fn supersede(open: &Operation, successor: &OperationId, commit: &mut Commit, now: Timestamp) {
    let after = Operation {
        state: OperationState::Superseded,
        reason: Some(Reason::Superseded),
        message: format!("a newer generation took its place: {successor}"),
        superseded_by: Some(successor.clone()),
        version: open.version + 1,
        update_time: now,
        end_time: Some(now),
        ..open.clone()
    };
    commit.writes.extend(tally(&after, open.state, now));
    commit.writes.push(Write::Operation(Box::new(after)));
}

/// What is to go need not be finished first: the operation ends with its next step, and what it made is deleted.
pub fn hurry(open: &Operation, commit: &mut Commit, now: Timestamp) {
    if !open.state.is_runnable() {
        return;
    }
    if open.awaits > 0 {
        commit.writes.push(Write::Await { operation: Box::new(open.clone()), related: Vec::new() });
    }
    commit.writes.push(Write::Operation(Box::new(Operation {
        cancel_requested: true,
        due: now,
        held: None,
        version: open.version + 1,
        update_time: now,
        ..open.clone()
    })));
}
