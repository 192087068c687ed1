//! Resources and their outputs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{count, flag, json_text, object, time};
use crate::frontend::cli::names;
use crate::pb;

pub fn resource(resource: &pb::Resource) -> Value {
    let conditions = super::conditions(&resource.conditions);
    object([
        ("name", json!(names::short_resource(&resource.name))),
        ("full-name", json!(resource.name)),
        ("id", json!(resource.id)),
        ("type", json!(resource.resource_type)),
        ("class", json!(resource.class)),
        ("shared-id", json!(resource.shared_id)),
        ("shared-with", resource.shared_with.iter().map(|it| json!(names::short_resource(it))).collect()),
        ("labels", json!(resource.labels.iter().collect::<BTreeMap<_, _>>())),
        ("state", json!(resource.state)),
        ("reason", json!(resource.reason)),
        ("message", json!(resource.message)),
        ("external-id", json!(resource.external_id)),
        ("generation", count(resource.generation)),
        ("observed-generation", json!(resource.observed_generation)),
        ("incarnation", count(resource.incarnation.into())),
        ("params", json_text(&resource.params_json)),
        ("outputs", json_text(&resource.outputs_json)),
        ("recipe", json!(resource.recipe)),
        ("recipe-revision", count(resource.recipe_revision)),
        ("recipe-criteria", json!(resource.recipe_criteria)),
        ("driver-digest", json!(resource.driver_digest)),
        ("connections", json!(resource.connections.iter().collect::<BTreeMap<_, _>>())),
        ("needs", json!(resource.needs)),
        ("conditions", conditions),
        ("on-remove", if resource.on_remove == "retain" { json!("retain") } else { Value::Null }),
        ("observe-only", flag(resource.observe_only)),
        ("adopted", json!(resource.adopted)),
        ("ready", flag(resource.state == "ready")),
        ("principal", json!(resource.principal)),
        ("observe-time", time(&resource.observe_time)),
        ("create-time", time(&resource.create_time)),
        ("update-time", time(&resource.update_time)),
        ("etag", json!(resource.etag)),
    ])
}

/// Resource key → outputs.
pub fn outputs(outputs_json: &std::collections::HashMap<String, String>) -> Map<String, Value> {
    outputs_json.iter().map(|(key, text)| (key.clone(), json_text(text))).collect()
}
