//! YAML and JSON into domain records and back, with positions; bounded.
//!
//! Every problem of every document of a file is found at once and told where it stands. Must never know who reads a
//! document or whether it is allowed, nor what other documents there are.

pub mod place;
pub mod problem;
mod scalar;
mod tree;
mod text;
pub mod schema;
pub mod json_schema;
pub mod rule;
pub mod refusal;
pub mod nearest;
mod header;
mod check;
pub mod connection;
pub mod span;
pub mod render;
mod writer;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::domain::contract::Violation;
use crate::domain::document::{API_VERSION, Manifest};
use crate::domain::json;

pub use place::{Place, Position};
pub use problem::{Errors, Problem};
pub use render::{render, yaml};
pub use schema::schema;
pub use tree::Tree;

/// The most bytes of one file: an order of 10,000 resources passes.
pub const MAX_BYTES: usize = 16 << 20;

/// The most bytes of one document as JSON, which is how it is kept and shown.
pub const DOCUMENT_BYTES: usize = 8 << 20;

/// Bytes as they were sent, with the name that problems are told under.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub manifest: Manifest,
    /// Its place among the documents of its file, from 0; empty ones are not counted.
    pub index: usize,
    /// What it takes of memory: keys and values, each mapping counted as several.
    pub nodes: usize,
    /// Where each key and value stands, by JSON Pointer into the document as written.
    pub positions: Place,
}

impl Parsed {
    /// What a later look at the manifest found, told where it stands in `file`.
    pub fn problem(&self, file: &str, violation: &Violation) -> Problem {
        let at = self.positions.key(&violation.pointer);
        Problem::new(file, at, &violation.pointer, &violation.message)
    }
}

/// Every document of `file`, or every problem of every one of them. A file of nothing but comments has none.
pub fn parse(file: &File<'_>) -> Result<Vec<Parsed>, Errors> {
    let mut problems = Errors::default();
    let mut parsed = Vec::new();
    if let Some(text) = text::read(file, &mut problems) {
        for (index, tree) in tree::read(file.name, text, &mut problems).into_iter().enumerate() {
            if let Some(manifest) = manifest(file.name, tree.value, tree.intact, &tree.place, &mut problems) {
                parsed.push(Parsed { manifest, index, nodes: tree.nodes, positions: tree.place });
            }
        }
    }
    if problems.is_empty() { Ok(parsed) } else { Err(problems.sorted()) }
}

/// Any YAML within the same bounds, whoever gave it its form: each document as a value that knows where everything in it stands.
pub fn read(file: &File<'_>) -> Result<Vec<Tree>, Errors> {
    let mut problems = Errors::default();
    let trees = text::read(file, &mut problems).map(|text| tree::read(file.name, text, &mut problems));
    if problems.is_empty() { Ok(trees.unwrap_or_default()) } else { Err(problems.sorted()) }
}

/// One document from its tree. One that is not `intact` has been refused already; what is left of it may mislead.
fn manifest(file: &str, mut value: Value, intact: bool, place: &Place, problems: &mut Errors) -> Option<Manifest> {
    if !intact {
        return None;
    }
    if !json::is_within(&value, DOCUMENT_BYTES) {
        let message = format!("this document has more than {DOCUMENT_BYTES} bytes as JSON");
        problems.push(Problem::new(file, place.value(""), "", &message).hint("make several of it"));
        return None;
    }
    if let Value::Object(members) = &mut value {
        members.remove("status");
    }
    let mut found = Vec::new();
    check::handles(&value, &mut found);
    let manifest = match header::kind(&value, &mut found) {
        Some(kind) => typed(kind, value, &mut found),
        None => None,
    };
    let sound = found.is_empty();
    for it in found {
        let at = if it.at_key { place.key(&it.pointer) } else { place.value(&it.pointer) };
        problems.push(Problem { hint: it.hint, ..Problem::new(file, at, &it.pointer, &it.message) });
    }
    manifest.filter(|_| sound)
}

fn typed(kind: crate::domain::document::Kind, mut value: Value, found: &mut Vec<refusal::Refusal>) -> Option<Manifest> {
    let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let refused = schema::compiled(kind).refusals(&value, &refusal::Scope::Document(kind, &name));
    let shaped = refused.is_empty();
    found.extend(refused.into_iter().filter(|it| it.pointer != "/apiVersion"));
    if !shaped {
        return None;
    }
    if let Value::Object(members) = &mut value {
        members.remove("apiVersion");
    }
    match serde_json::from_value::<Manifest>(value) {
        Ok(manifest) => {
            check::manifest(&manifest, found);
            Some(manifest)
        }
        Err(error) => {
            found
                .push(refusal::Refusal::new("", format!("cannot read this document as {API_VERSION} {kind}: {error}")));
            None
        }
    }
}
