//! `apiVersion` and `kind`: what a document has to say before anything else can be understood.

use serde_json::Value;

use super::nearest::{hint, list};
use super::refusal::Refusal;
use super::scalar::short;
use crate::domain::document::{API_VERSION, Kind};

/// The kind of a document, if it has a known one; what is wrong with its header goes to `found`.
pub(super) fn kind(value: &Value, found: &mut Vec<Refusal>) -> Option<Kind> {
    let Value::Object(members) = value else {
        let message = "a document is a mapping with `apiVersion`, `kind` and `name`";
        found.push(Refusal::new("", message).hint(format!("begin it with `apiVersion: {API_VERSION}`")));
        return None;
    };
    let kinds: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
    match members.get("apiVersion") {
        None => {
            found.push(Refusal::new("", "missing key `apiVersion`").hint(format!("write `apiVersion: {API_VERSION}`")))
        }
        Some(Value::String(text)) if text == API_VERSION => {}
        Some(other) => {
            let message = format!("unknown apiVersion {}", shown(other));
            found.push(Refusal::new("/apiVersion", message).hint(format!("write `apiVersion: {API_VERSION}`")));
        }
    }
    match members.get("kind") {
        None => {
            found.push(Refusal::new("", "missing key `kind`").hint(format!("it is one of {}", list(&kinds))));
            None
        }
        Some(Value::String(text)) => {
            let kind = Kind::parse(text);
            if kind.is_none() {
                let message = format!("unknown kind {}", short(text));
                found.push(Refusal::new("/kind", message).hint(hint(text, kinds)));
            }
            kind
        }
        Some(other) => {
            let message = format!("unknown kind {}", shown(other));
            found.push(Refusal::new("/kind", message).hint(format!("it is one of {}", list(&kinds))));
            None
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => short(text),
        other => short(&other.to_string()),
    }
}
