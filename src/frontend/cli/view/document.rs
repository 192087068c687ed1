//! Documents and orders: the manifest as written, and a `status` that `vend apply` ignores.

use serde_json::{Map, Value, json};

use super::{conditions, count, json_text, object, time};
use crate::frontend::cli::kind::Kind;
use crate::frontend::cli::names;
use crate::pb;

pub fn document(document: &pb::Document) -> Value {
    let status = object([
        ("id", json!(document.id)),
        ("revision", count(document.revision)),
        ("principal", json!(document.principal)),
        ("create-time", time(&document.create_time)),
        ("update-time", time(&document.update_time)),
        ("etag", json!(document.etag)),
        ("conditions", conditions(&document.conditions)),
    ]);
    manifest(&document.kind, &document.name, &document.manifest_json, status)
}

pub fn order(order: &pb::Order) -> Value {
    let status = object([
        ("id", json!(order.id)),
        ("generation", count(order.generation)),
        ("state", json!(order.state)),
        ("resources", json!(order.resources)),
        ("resources-ready", json!(order.resources_ready)),
        ("operation", json!(order.operation)),
        ("principal", json!(order.principal)),
        ("source", json!(order.source)),
        ("create-time", time(&order.create_time)),
        ("update-time", time(&order.update_time)),
        ("etag", json!(order.etag)),
        ("shared", order.shared.iter().map(shared).collect()),
        ("conditions", conditions(&order.conditions)),
    ]);
    let mut value = order_manifest(&order.name, &order.manifest_json);
    value["status"] = status;
    value
}

fn shared(entry: &pb::SharedEntry) -> Value {
    object([
        ("key", json!(entry.key)),
        ("resource", json!(names::short_resource(&entry.resource))),
        ("resource-id", json!(entry.resource_id)),
    ])
}

/// As it can be applied.
pub fn order_manifest(name: &str, manifest_json: &str) -> Value {
    let kind = Kind::Order.document().unwrap_or_default();
    let mut value = manifest(kind, name, manifest_json, Value::Null);
    // The name says where it lives; the manifest may leave it to the call that applied it.
    let (project, environment, _) = names::scope(name);
    if let Value::Object(map) = &mut value {
        map.remove("status");
        map.entry("project").or_insert(json!(project));
        map.entry("environment").or_insert(json!(environment));
    }
    value
}

/// What an order was once, without its manifest.
pub fn generation(it: &pb::OrderGeneration) -> Value {
    object([
        ("generation", count(it.generation)),
        ("operation", json!(it.operation)),
        ("state", json!(super::state_word(it.state()))),
        ("verb", json!(super::verb_word(it.verb()))),
        ("principal", json!(it.principal)),
        ("source", json!(it.source)),
        ("plan-digest", json!(it.plan_digest)),
        ("counts", json!(it.counts.iter().collect::<std::collections::BTreeMap<_, _>>())),
        ("create-time", time(&it.create_time)),
    ])
}

fn manifest(kind: &str, name: &str, manifest_json: &str, status: Value) -> Value {
    let mut map = match json_text(manifest_json) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    map.entry("apiVersion").or_insert(json!("vend/v1"));
    map.entry("kind").or_insert(json!(kind));
    map.entry("name").or_insert(json!(names::short(name)));
    map.insert("status".to_owned(), status);
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_where_it_lives() {
        let order = order(&pb::Order {
            name: "projects/shop/environments/dev/orders/checkout".to_owned(),
            manifest_json: r#"{"kind": "Order", "name": "checkout", "resources": {}}"#.to_owned(),
            state: "ready".to_owned(),
            ..pb::Order::default()
        });
        let expected = json!({
            "apiVersion": "vend/v1", "kind": "Order", "name": "checkout", "project": "shop", "environment": "dev",
            "resources": {}, "status": {"state": "ready", "resources": 0, "resources-ready": 0},
        });
        assert_eq!(order, expected);
    }
}
