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
        ("shared-id", json!(resource.shared_id)),
        ("home", json!(resource.home)),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a plan may hold, as `docs/plan.schema.json` says; nothing else.
    #[test]
    fn the_schema_has_it_all() {
        let change = |unknown, forces_replacement| pb::PlannedChange {
            pointer: "/params/name".into(),
            before_json: "1".into(),
            after_json: "\"x\"".into(),
            forces_replacement,
            unknown,
        };
        let actions = [
            Action::None,
            Action::Create,
            Action::Update,
            Action::Replace,
            Action::Delete,
            Action::Adopt,
            Action::Release,
            Action::Record,
        ];
        let whole = |action: Action| pb::PlannedResource {
            key: "db/server".into(),
            id: "res_01".into(),
            resource_type: "thing".into(),
            class: "ha".into(),
            shared_id: "company.db".into(),
            home: "billing/db".into(),
            action: action.into(),
            changes: vec![change(true, false), change(false, true)],
            outputs_json: "{\"a\":1}".into(),
            unknown_outputs: vec!["/b".into()],
            recipe: "r".into(),
            recipe_revision: 1,
            driver: "d@1.0.0".into(),
            driver_digest: "sha256:0".into(),
            recipe_reason: "serves everywhere".into(),
            reads: vec![pb::PlanRead {
                connection: "c".into(),
                function: "f".into(),
                statement: "SELECT 1".into(),
                held_by: vec!["linkage".into()],
            }],
            needs: vec!["x".into()],
            deletion_grace: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
            drifted: vec!["/params/name".into()],
        };
        let bare = pb::PlannedResource {
            key: "a".into(),
            resource_type: "thing".into(),
            action: Action::None.into(),
            ..Default::default()
        };
        let full = pb::Plan {
            order: "projects/p/environments/e/orders/o".into(),
            digest: "0123456789abcdef".repeat(4),
            resources: actions.into_iter().map(whole).chain([bare]).collect(),
            warnings: vec!["careful".into()],
            destroys: true,
        };
        let value = json!({ "documents": [], "plans": [plan(&full)] });
        let schema = serde_json::from_str(include_str!("../../../../docs/plan.schema.json")).expect("JSON");
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let faults: Vec<_> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        let mut other = value.clone();
        other["plans"][0]["resources"][0]["surprise"] = json!(1);
        assert!(!validator.is_valid(&other), "a new member has to be added to the schema");
    }
}
