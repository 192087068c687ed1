//! Entries of the catalog.

use serde_json::{Value, json};

use super::{flag, json_text, object};
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
    ])
}
