//! Plans. What comes in is masked already.

use crate::domain::contract::Change;
use crate::domain::marker::covers;
use crate::domain::plan::{Plan, PlanRead, PlannedAction, PlannedResource};
use crate::pb;
use crate::pb::planned_resource::Action;

use super::{json, long, text};

pub fn plan(it: Plan) -> pb::Plan {
    pb::Plan {
        order: it.order.to_string(),
        destroys: it.destroys(),
        digest: it.digest,
        resources: it.resources.into_iter().map(resource).collect(),
        warnings: it.warnings,
    }
}

fn resource(it: PlannedResource) -> pb::PlannedResource {
    let unknown = it.unknown_params;
    pb::PlannedResource {
        key: it.key.to_string(),
        id: it.id.map_or_else(String::new, |id| id.to_string()),
        resource_type: it.resource_type.to_string(),
        class: text(it.class.as_ref()),
        shared_id: it.shared.map_or_else(String::new, String::from),
        home: it.home.unwrap_or_default(),
        action: action(it.action).into(),
        changes: it.changes.into_iter().map(|it| change(it, &unknown)).collect(),
        outputs_json: it.outputs.to_string(),
        drifted: it.drifted,
        unknown_outputs: it.unknown,
        recipe: it.pin.recipe.to_string(),
        recipe_revision: long(it.pin.recipe_revision),
        driver: it.driver,
        driver_digest: it.pin.driver_digest,
        recipe_reason: it.recipe_reason,
        reads: it.reads.into_iter().map(read).collect(),
        needs: it.needs.iter().map(ToString::to_string).collect(),
        deletion_grace: (it.grace_ms > 0).then(|| duration(it.grace_ms)),
    }
}

fn duration(ms: u64) -> prost_types::Duration {
    let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default() }
}

fn action(it: PlannedAction) -> Action {
    match it {
        PlannedAction::None => Action::None,
        PlannedAction::Create => Action::Create,
        PlannedAction::Update => Action::Update,
        PlannedAction::Replace => Action::Replace,
        PlannedAction::Delete => Action::Delete,
        PlannedAction::Adopt => Action::Adopt,
        PlannedAction::Release => Action::Release,
        PlannedAction::Record => Action::Record,
    }
}

fn change(it: Change, unknown: &[String]) -> pb::PlannedChange {
    pb::PlannedChange {
        unknown: covers(unknown, &it.pointer),
        pointer: it.pointer,
        before_json: json(it.before.as_ref()),
        after_json: json(it.after.as_ref()),
        forces_replacement: it.forces_replacement,
    }
}

fn read(it: PlanRead) -> pb::PlanRead {
    pb::PlanRead { connection: it.connection, function: it.function, statement: it.statement, held_by: it.held_by }
}
