//! What is on offer, decided from data alone.

mod compatible;
mod fit;
mod matching;
mod params;
mod requirement;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::document::{Document, Manifest};
use crate::domain::id::DocumentId;
use crate::domain::name::Name;
use crate::domain::time::Timestamp;

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn record(mut manifest: Value) -> Document {
    manifest["kind"] = json!("Recipe");
    let manifest: Manifest = of(manifest);
    Document {
        id: of::<DocumentId>(json!("doc_01h00000000000000000000000")),
        project: String::new(),
        manifest,
        version: 3,
        principal: "user:anna".to_owned(),
        create_time: of::<Timestamp>(json!(0)),
        update_time: of::<Timestamp>(json!(0)),
    }
}

/// Violations as `pointer: message`, one a line.
fn told(violations: &[crate::domain::contract::Violation]) -> String {
    violations.iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect::<Vec<_>>().join("\n")
}
