//! What every driver call says about whose object it is.

use serde_json::Value;

use crate::domain::id::ResourceId;
use crate::domain::name::{Name, OrderName};

/// The labels by which an object at a backend is known to be ours.
pub fn ownership(core: &str, resource: &ResourceId, incarnation: u32) -> Vec<(String, String)> {
    vec![
        ("vend-core".into(), core.into()),
        ("vend-resource".into(), resource.to_string()),
        ("vend-incarnation".into(), incarnation.to_string()),
    ]
}

/// What `input.context` tells a driver.
pub fn context(order: &OrderName, key: &Name, class: Option<&Name>, generation: u64) -> Value {
    serde_json::json!({
        "project": order.project,
        "environment": order.environment,
        "order": order.order,
        "name": key,
        "class": class,
        "generation": generation,
    })
}
