//! Installed drivers.

use serde_json::{Value, json};

use super::{conditions, count, json_text, object, time};
use crate::frontend::cli::names;
use crate::pb;

pub fn driver(driver: &pb::Driver) -> Value {
    object([
        ("name", json!(names::short(&driver.name))),
        ("version", json!(driver.version)),
        ("title", json!(driver.title)),
        ("digest", json!(driver.digest)),
        ("resource-types", json!(driver.resource_types)),
        ("imports", json!(driver.imports)),
        ("size-bytes", count(driver.size_bytes)),
        ("description", json_text(&driver.description_json)),
        ("principal", json!(driver.principal)),
        ("create-time", time(&driver.create_time)),
        ("conditions", conditions(&driver.conditions)),
    ])
}
