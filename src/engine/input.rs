//! What every driver call says about whose object it is.

use serde_json::Value;

use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName};

/// The labels by which an object at a backend is known to be ours.
pub fn ownership(core: &str, resource: &ResourceId, incarnation: u32) -> Vec<(String, String)> {
    let mut labels = core_label(core);
    labels.push(("vend-resource".into(), resource.to_string()));
    labels.push(("vend-incarnation".into(), incarnation.to_string()));
    labels
}

/// The one that all objects of this core have.
pub fn core_label(core: &str) -> Vec<(String, String)> {
    vec![("vend-core".into(), core.into())]
}

/// What `input.context` tells a driver.
pub fn context(order: &OrderName, key: &Key, class: Option<&Name>, generation: u64) -> Value {
    serde_json::json!({
        "project": order.project,
        "environment": order.environment,
        "order": order.order,
        "name": key,
        "class": class,
        "generation": generation,
    })
}
