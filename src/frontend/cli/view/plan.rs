//! Plans, for scripts; `cli/plan.rs` draws them for people.

use serde_json::{Value, json};

use super::{count, flag, json_text, object};
use crate::pb::{self, planned_resource::Action};

pub fn plan(plan: &pb::Plan) -> Value {
    object([
        ("order", json!(plan.order)),
        ("digest", json!(plan.digest)),
        ("destroys", json!(plan.destroys)),
        ("resources", plan.resources.iter().map(resource).collect()),
        ("warnings", json!(plan.warnings)),
    ])
}

fn resource(resource: &pb::PlannedResource) -> Value {
    object([
        ("key", json!(resource.key)),
        ("id", json!(resource.id)),
        ("type", json!(resource.resource_type)),
        ("class", json!(resource.class)),
        ("action", json!(action_word(resource.action()))),
        ("changes", resource.changes.iter().map(change).collect()),
        ("drifted", json!(resource.drifted)),
        ("outputs", json_text(&resource.outputs_json)),
        ("unknown-outputs", json!(resource.unknown_outputs)),
        ("recipe", json!(resource.recipe)),
        ("recipe-revision", count(resource.recipe_revision)),
        ("recipe-reason", json!(resource.recipe_reason)),
        ("driver", json!(resource.driver)),
        ("driver-digest", json!(resource.driver_digest)),
        ("needs", json!(resource.needs)),
        ("deletion-grace-seconds", count(resource.deletion_grace.as_ref().map_or(0, |it| it.seconds))),
        ("reads", resource.reads.iter().map(read).collect()),
    ])
}

fn change(change: &pb::PlannedChange) -> Value {
    object([
        ("pointer", json!(change.pointer)),
        ("before", json_text(&change.before_json)),
        ("after", json_text(&change.after_json)),
        ("forces-replacement", flag(change.forces_replacement)),
        ("unknown", flag(change.unknown)),
    ])
}

fn read(read: &pb::PlanRead) -> Value {
    object([
        ("connection", json!(read.connection)),
        ("function", json!(read.function)),
        ("statement", json!(read.statement)),
        ("held-by", json!(read.held_by)),
    ])
}

pub fn action_word(action: Action) -> &'static str {
    match action {
        Action::Unspecified => "",
        Action::None => "none",
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Release => "release",
        Action::Record => "record",
    }
}
