//! What a driver says about itself: the parsed answer of `describe`, its only manifest.
//!
//! The shape is `wit/describe.schema.json`. Must never know how a component is run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The whole manifest of one driver. Constant per component digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Description {
    /// The driver's name, e.g. `postgres`; what a recipe names before the `@`.
    pub name: String,
    /// The driver's own version (SemVer 2.0).
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Version of the state the driver writes; `migrate` moves between neighbours.
    pub state_version: u32,
    /// Connections the driver needs, by slot name.
    #[serde(default)]
    pub slots: BTreeMap<String, Slot>,
    /// Resource types it implements, by name.
    pub types: BTreeMap<String, TypeDescription>,
    /// How secret values may have to be written (`plain`, `percent`, `scram-sha-256`, …).
    #[serde(default)]
    pub encodings: Vec<String>,
    /// What it asks beyond (or below) the default limits of an attempt.
    #[serde(default)]
    pub limits: AskedLimits,
}

/// One connection a driver needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Slot {
    /// Connection types that fit, e.g. `["postgres"]`; any one of them.
    pub types: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether the driver asks to read, to write, or both through this slot.
    pub access: Access,
    /// What it asks over HTTP, and nothing else then; empty: whatever the connection allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<AskedRequest>,
}

/// Requests that a driver makes through a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AskedRequest {
    /// All if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Below the endpoint; `*` is any run within a segment, `**` any run.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    Read,
    ReadWrite,
}

/// How a driver makes one resource type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TypeDescription {
    /// JSON Schema 2020-12 of the params it accepts; `x-vend-secret: true` marks secrets.
    pub params: Value,
    /// JSON Schema 2020-12 of the outputs it gives; `x-vend-secret: true` marks secrets.
    pub outputs: Value,
    /// JSON Schema 2020-12 of what a recipe may put into `config`.
    #[serde(default = "empty_object_schema")]
    pub config: Value,
    /// JSON Pointers into params (`/name`) that cannot change while the object lives.
    #[serde(default)]
    pub create_only: Vec<String>,
    /// What names the object at the backend, reserved in the core while the resource lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub natural_key: Option<NaturalKey>,
    pub identity: Identity,
    /// How long after a write the backend may still not show its result, milliseconds.
    #[serde(default)]
    pub settle_ms: u64,
    /// How long the backend honours an idempotency key, milliseconds. 0, the default: not known, and a write that carries one is never
    /// sent again.
    #[serde(default)]
    pub key_retention_ms: u64,
    /// Verbs beyond create, read, find, plan, update and delete: `adopt`, `discover`.
    #[serde(default)]
    pub verbs: Vec<String>,
}

fn empty_object_schema() -> Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}

/// Reserved in the core as (backend of `slot`, `family`, values at `pointers`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NaturalKey {
    pub slot: String,
    /// Types of one family share one name space at the backend.
    pub family: String,
    /// JSON Pointers into params, e.g. `["/name"]`.
    pub pointers: Vec<String>,
}

/// How a create whose answer was lost can be told from one that never happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The client chooses the id.
    Named,
    /// The backend honours an idempotency key.
    Keyed,
    /// Searchable by ownership label or natural key.
    Findable,
    /// None of these; a recipe must accept it explicitly.
    Unsafe,
}

/// Limits a driver asks for; absent means the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AskedLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<u32>,
}
