//! Domain records into documents as people read them: what `get -o yaml` and `-o json` show, and `apply -f` takes back.

use serde_json::{Map, Value};

use super::writer;
use crate::domain::document::{API_VERSION, Manifest};

/// Keys that come first, in this order, wherever a document has them; the others follow by name.
const FIRST: [&str; 9] =
    ["apiVersion", "kind", "name", "project", "environment", "title", "description", "owners", "labels"];

/// Keys of a document that come last.
const LAST: [&str; 3] = ["resources", "params", "status"];

/// The document to show. `status` is what vend knows of it; reading it back ignores that key.
pub fn render(manifest: &Manifest, status: Option<Value>) -> Value {
    let written = serde_json::to_value(manifest).expect("a manifest has only text keys and finite numbers");
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), Value::from(API_VERSION));
    if let Value::Object(members) = written {
        document.extend(members);
    }
    if let Some(status) = status {
        document.insert("status".to_owned(), status);
    }
    Value::Object(document)
}

/// `document` as YAML, the keys in the order people write them. Ends with a line break.
pub fn yaml(document: &Value) -> String {
    let Value::Object(members) = document else { return format!("{document}\n") };
    let rank = |key: &str| match FIRST.iter().position(|it| *it == key) {
        Some(at) => at,
        None => LAST.iter().position(|it| *it == key).map_or(FIRST.len(), |at| FIRST.len() + 1 + at),
    };
    let mut keys: Vec<&String> = members.keys().collect();
    keys.sort_by_key(|key| (rank(key), *key));
    writer::write(members, &keys)
}
