//! A PowerDNS server, what the example offers on it, and what stands there by somebody else's hand.

use serde_json::{Value, json};

use crate::proof::core::Core;
use crate::support::powerdns::{KEY, Server};

/// Serves, has the driver, and offers what `examples/powerdns/platform.yaml` does.
pub fn core(server: &Server) -> Core {
    let core = Core::start(&["powerdns"]);
    core.secret("pdns-key", KEY);
    core.apply(&platform(server.port));
    core
}

pub fn platform(port: u16) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/powerdns/platform.yaml");
    let example = std::fs::read_to_string(path).expect("the example");
    let address = "endpoint: http://127.0.0.1:8081/";
    assert_eq!(example.matches(address).count(), 1, "the example changed");
    example.replace(address, &format!("endpoint: http://127.0.0.1:{port}/"))
}

/// An order of the same name, with a resource for each name and what stands behind its `type:`.
pub fn order(name: &str, resources: &[(&str, String)]) -> String {
    let resources: Vec<String> =
        resources.iter().map(|(key, resource)| format!("{key}: {{ type: {resource} }}")).collect();
    format!("{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ {} }} }}\n", resources.join(", "))
}

pub fn zone(name: &str) -> String {
    format!("dns-zone, params: {{ name: {name} }}")
}

pub fn record(zone: &str, name: &str, kind: &str, records: &str) -> String {
    format!("dns-record, params: {{ zone: {zone}, name: {name}, type: {kind}, records: {records} }}")
}

/// A zone that somebody else made.
#[track_caller]
pub fn foreign_zone(server: &Server, name: &str) {
    let zone = json!({ "name": name, "kind": "Native", "nameservers": ["ns.elsewhere.example."], "account": "them" });
    assert_eq!(server.call("POST", "/zones", &zone).status, 201);
}

/// What somebody else does to a record set.
#[track_caller]
pub fn by_hand(server: &Server, zone: &str, name: &str, kind: &str, ttl: u32, contents: &[&str]) {
    let records: Vec<Value> = contents.iter().map(|it| json!({ "content": it, "disabled": false })).collect();
    let verb = if records.is_empty() { "DELETE" } else { "REPLACE" };
    let change = json!({ "name": name, "type": kind, "ttl": ttl, "changetype": verb, "records": records });
    let answer = server.call("PATCH", &format!("/zones/{zone}"), &json!({ "rrsets": [change] }));
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// The whole zone but its comments' times; null if there is none.
#[track_caller]
pub fn whole(server: &Server, zone: &str) -> Value {
    let answer = server.call("GET", &format!("/zones/{zone}"), &Value::Null);
    if answer.status == 404 { Value::Null } else { answer.json() }
}

#[track_caller]
pub fn serial(server: &Server, zone: &str) -> u64 {
    whole(server, zone)["serial"].as_u64().expect("a serial")
}
