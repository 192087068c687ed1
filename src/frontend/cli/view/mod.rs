//! Messages of the API as values with kebab-case keys: the one shape behind tables, YAML and JSON.
//!
//! What is empty is left out. Must never know how a value is shown.

mod access;
mod catalog;
mod document;
mod driver;
mod hold;
mod operation;
mod plan;
mod resource;

pub use access::{audit_entry, secret};
pub use catalog::{catalog_entry, matched};
pub use document::{document, generation, order, order_manifest};
pub use driver::driver;
pub use hold::hold;
pub use operation::{journal_line, operation, state_word, verb_word};
pub use plan::{action_word, plan};
pub use resource::{outputs, resource};

use serde_json::{Map, Value, json};

use crate::pb;

/// An object of what is there: null, empty texts, lists and objects are left out.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let mut map = Map::new();
    for (key, value) in entries {
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        if !empty {
            map.insert(key.to_owned(), value);
        }
    }
    Value::Object(map)
}

/// RFC 3339 in UTC, whole seconds.
pub fn time(time: &Option<prost_types::Timestamp>) -> Value {
    let Some(time) = time else { return Value::Null };
    match jiff::Timestamp::from_second(time.seconds) {
        Ok(stamp) => json!(stamp.to_string()),
        Err(_) => Value::Null,
    }
}

/// A JSON text of the API; what does not parse is shown as the text it is.
pub fn json_text(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn conditions(all: &[pb::Condition]) -> Value {
    let one = |it: &pb::Condition| {
        object([
            ("type", json!(it.r#type)),
            ("status", json!(it.status)),
            ("reason", json!(it.reason)),
            ("message", json!(it.message)),
            ("since", time(&it.since)),
        ])
    };
    json!(all.iter().map(one).collect::<Vec<_>>())
}

/// A count that says something only above zero.
fn count(number: i64) -> Value {
    if number == 0 { Value::Null } else { json!(number) }
}

/// A mark that says something only if set.
fn flag(set: bool) -> Value {
    if set { json!(true) } else { Value::Null }
}
