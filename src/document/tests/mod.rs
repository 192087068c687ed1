//! Documents from bytes to records and back, at the boundary: what people write, and what they are told.

mod bounds;
mod published;
mod read;
mod refused;
mod round;
mod schemas;

use super::{Errors, File, Parsed, parse};

fn read(text: &str) -> Result<Vec<Parsed>, Errors> {
    parse(&File { name: "f.yaml", content: text.as_bytes() })
}

/// The problems of `text`, one a line.
fn problems(text: &str) -> String {
    match read(text) {
        Ok(parsed) => format!("accepted: {parsed:?}"),
        Err(errors) => errors.to_string(),
    }
}

/// `body` with a header above it, which takes two lines.
fn document(kind: &str, body: &str) -> String {
    format!("apiVersion: vend/v1\nkind: {kind}\n{body}")
}
