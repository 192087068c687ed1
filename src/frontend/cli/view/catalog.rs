//! Entries of the catalog, and what serves them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{count, flag, json_text, object};
use crate::pb;

pub fn catalog_entry(entry: &pb::CatalogEntry) -> Value {
    object([
        ("name", json!(entry.resource_type)),
        ("title", json!(entry.title)),
        ("description", json!(entry.description)),
        ("classes", json!(entry.classes)),
        ("holds-data", flag(entry.holds_data)),
        ("recipe", json!(entry.recipe)),
        ("params", json_text(&entry.params_schema_json)),
        ("outputs", json_text(&entry.outputs_schema_json)),
        ("defaults", json_text(&entry.defaults_json)),
        ("fixed", json_text(&entry.fixed_json)),
        ("allowed", json_text(&entry.allowed_json)),
        ("constraints", entry.constraints.iter().map(constraint).collect()),
    ])
}

fn constraint(it: &pb::Constraint) -> Value {
    object([("rule", json!(it.rule)), ("message", json!(it.message))])
}

pub fn matched(asked: &pb::MatchRecipeRequest, found: &pb::MatchRecipeResponse) -> Value {
    let criteria = found.criteria.clone().unwrap_or_default();
    object([
        ("type", json!(asked.resource_type)),
        ("class", json!(asked.class)),
        ("project", json!(asked.project)),
        ("environment", json!(asked.environment)),
        ("order", json!(asked.order)),
        ("key", json!(asked.key)),
        ("id", json!(asked.id)),
        ("recipe", json!(found.recipe)),
        ("recipe-revision", count(found.recipe_revision)),
        (
            "criteria",
            object([
                ("resource", json!(criteria.resource)),
                ("environment", json!(criteria.environment)),
                ("project", json!(criteria.project)),
                ("environment-type", json!(criteria.environment_type)),
                ("class", json!(criteria.class)),
            ]),
        ),
        ("reason", json!(found.reason)),
        ("driver", json!(found.driver)),
        ("driver-requirement", json!(found.driver_requirement)),
        ("driver-digest", json!(found.driver_digest)),
        ("connections", json!(found.connections.iter().collect::<BTreeMap<_, _>>())),
        ("others", found.others.iter().map(other).collect()),
    ])
}

fn other(it: &pb::OtherRecipe) -> Value {
    json!({
        "recipe": it.recipe, "recipe-revision": it.recipe_revision, "serves": it.serves, "reason": it.reason,
    })
}
