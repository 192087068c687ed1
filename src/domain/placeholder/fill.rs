//! Putting what is known in the place of placeholders.

use serde_json::{Map, Value};

use super::{Part, Reference, Template, is_any};
use crate::domain::json::{is_within, pointer_push};
use crate::domain::secret::Handle;

/// What stands behind a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Value(Value),
    /// Not known yet.
    Unknown,
    /// Left for somebody else to put in place.
    Kept(Template),
}

/// What a secret is joined from: text, and the secrets that stood behind placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Secret(Handle),
}

/// Who knows what placeholders stand for.
pub trait Lookup {
    fn find(&mut self, pointer: &str, reference: &Reference) -> Result<Found, String>;

    /// What comes out is filled again: literal text stays written as it was.
    fn again(&self) -> bool {
        false
    }

    /// The text that is made of these, of which at least one is a secret.
    fn join(&mut self, pointer: &str, pieces: Vec<Piece>) -> Result<String, String>;
}

/// A value with everything in place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filled {
    /// Without what is not known.
    pub value: Value,
    /// JSON Pointers to what is not known and absent; a list of which an item is not known is absent as a whole.
    pub unknown: Vec<String>,
}

/// Bytes of JSON that a filled value may have.
const MOST_BYTES: usize = 1 << 20;

/// Puts what `lookup` finds in the place of the placeholders in `value`. All that is wrong is told, with its place.
pub fn fill(value: &Value, lookup: &mut dyn Lookup) -> Result<Filled, Vec<(String, String)>> {
    let mut filling = Filling { lookup, wrong: Vec::new(), unknown: Vec::new(), left: MOST_BYTES };
    let filled = filling.value(value, "");
    if !filling.wrong.is_empty() {
        return Err(filling.wrong);
    }
    let mut unknown = filling.unknown;
    let value = filled.unwrap_or_else(|| {
        unknown = vec![String::new()];
        Value::Null
    });
    Ok(Filled { value, unknown })
}

struct Filling<'a> {
    lookup: &'a mut dyn Lookup,
    wrong: Vec<(String, String)>,
    unknown: Vec<String>,
    /// Bytes that may still be put in.
    left: usize,
}

impl Filling<'_> {
    /// `None`: not known.
    fn value(&mut self, value: &Value, pointer: &str) -> Option<Value> {
        if !is_any(value) {
            return Some(value.clone());
        }
        match value {
            Value::String(text) => self.text(text, pointer),
            Value::Array(items) => self.items(items, pointer),
            Value::Object(members) => Some(Value::Object(self.members(members, pointer))),
            other => Some(other.clone()),
        }
    }

    fn items(&mut self, items: &[Value], pointer: &str) -> Option<Value> {
        let known = self.unknown.len();
        let filled: Vec<Option<Value>> = items
            .iter()
            .enumerate()
            .map(|(i, item)| self.value(item, &pointer_push(pointer, &i.to_string())))
            .collect();
        let all = self.unknown.len() == known && filled.iter().all(Option::is_some);
        self.unknown.truncate(known);
        all.then(|| filled.into_iter().flatten().collect())
    }

    fn members(&mut self, members: &Map<String, Value>, pointer: &str) -> Map<String, Value> {
        let mut filled = Map::new();
        for (name, member) in members {
            let pointer = pointer_push(pointer, name);
            match self.value(member, &pointer) {
                Some(value) => {
                    filled.insert(name.clone(), value);
                }
                None => self.unknown.push(pointer),
            }
        }
        filled
    }

    fn text(&mut self, text: &str, pointer: &str) -> Option<Value> {
        let refuse = |this: &mut Self, message: String| {
            this.wrong.push((pointer.to_owned(), message));
            Some(Value::Null)
        };
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => return refuse(self, error.to_string()),
        };
        if let Some(reference) = template.alone() {
            return match self.find(pointer, reference) {
                Ok(Found::Value(value)) => Some(value),
                Ok(Found::Unknown) => None,
                Ok(Found::Kept(template)) => Some(Value::String(template.written())),
                Err(message) => refuse(self, message),
            };
        }
        let (mut pieces, mut unknown, mut kept) = (Vec::new(), false, false);
        for part in template.parts() {
            match part {
                Part::Text(text) => pieces.push(Kept::Text(text.clone())),
                Part::Reference(reference) => match self.find(pointer, reference) {
                    Ok(Found::Unknown) => unknown = true,
                    Ok(Found::Kept(template)) => {
                        kept = true;
                        pieces.push(Kept::Template(template));
                    }
                    Ok(Found::Value(value)) => match piece(&value) {
                        Some(Piece::Text(text)) => pieces.push(Kept::Text(text)),
                        Some(Piece::Secret(handle)) => pieces.push(Kept::Secret(handle)),
                        None => {
                            let message = format!(
                                "`{reference}` is a {}, which cannot stand within a text: let it stand alone",
                                kind(&value)
                            );
                            return refuse(self, message);
                        }
                    },
                    Err(message) => return refuse(self, message),
                },
            }
        }
        if unknown {
            return None;
        }
        let joined =
            if kept || self.lookup.again() { Ok(Value::String(written(pieces))) } else { self.join(pointer, pieces) };
        joined.map_or_else(|message| refuse(self, message), Some)
    }

    fn find(&mut self, pointer: &str, reference: &Reference) -> Result<Found, String> {
        let found = self.lookup.find(pointer, reference)?;
        if let Found::Value(value) = &found {
            if !is_within(value, self.left) {
                return Err(format!("`{reference}` puts in more than {MOST_BYTES} bytes"));
            }
            self.left = self.left.saturating_sub(value.to_string().len());
        }
        Ok(found)
    }

    fn join(&mut self, pointer: &str, pieces: Vec<Kept>) -> Result<Value, String> {
        if pieces.iter().all(|piece| matches!(piece, Kept::Text(_))) {
            return Ok(Value::String(pieces.into_iter().map(Kept::text).collect()));
        }
        let piece = |piece: Kept| match piece {
            Kept::Secret(handle) => Piece::Secret(handle),
            other => Piece::Text(other.text()),
        };
        self.lookup.join(pointer, pieces.into_iter().map(piece).collect()).map(Value::String)
    }
}

/// A part of a text of which some stays a placeholder.
enum Kept {
    Text(String),
    Secret(Handle),
    Template(Template),
}

impl Kept {
    fn text(self) -> String {
        match self {
            Kept::Text(text) => text,
            Kept::Secret(handle) => handle.to_string(),
            Kept::Template(template) => template.written(),
        }
    }
}

fn written(pieces: Vec<Kept>) -> String {
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Kept::Template(template) => parts.extend(template.0),
            other => parts.push(Part::Text(other.text())),
        }
    }
    // Two texts that meet may be read as one.
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (joined.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => joined.push(part),
        }
    }
    Template(joined).written()
}

/// A scalar as it stands within a text.
fn piece(value: &Value) -> Option<Piece> {
    match value {
        Value::String(text) => Some(match Handle::parse(text) {
            Some(handle) => Piece::Secret(handle),
            None => Piece::Text(text.clone()),
        }),
        Value::Number(_) | Value::Bool(_) => Some(Piece::Text(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "mapping",
        Value::Array(_) => "list",
        _ => "null",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    struct Known(BTreeMap<&'static str, Found>);

    impl Lookup for Known {
        fn find(&mut self, _: &str, reference: &Reference) -> Result<Found, String> {
            self.0.get(reference.segments().join(".").as_str()).cloned().ok_or_else(|| format!("no {reference}"))
        }

        fn join(&mut self, _: &str, pieces: Vec<Piece>) -> Result<String, String> {
            Ok(format!("{} pieces", pieces.len()))
        }
    }

    #[test]
    fn what_is_found_takes_the_place() {
        let secret = Handle::from_bytes(&[9; 32]);
        let kept = Template::parse("x${late}").expect("a template");
        let known = BTreeMap::from([
            ("n", Found::Value(json!(5))),
            ("s", Found::Value(json!("five"))),
            ("m", Found::Value(json!({ "a": 1 }))),
            ("p", Found::Value(json!(secret.to_string()))),
            ("u", Found::Unknown),
            ("k", Found::Kept(kept)),
        ]);
        for (value, expected, unknown) in [
            (
                json!({ "a": "${n}", "b": "${m}", "c": "x${n}-${s}" }),
                json!({ "a": 5, "b": { "a": 1 }, "c": "x5-five" }),
                vec![],
            ),
            (json!("$${n}"), json!("${n}"), vec![]),
            (json!({ "a": "${p}", "b": "u:${p}@h" }), json!({ "a": secret.to_string(), "b": "3 pieces" }), vec![]),
            (json!({ "a": "${u}", "b": { "c": "x${u}", "d": 1 } }), json!({ "b": { "d": 1 } }), vec!["/a", "/b/c"]),
            (json!({ "a": [1, "${u}"], "b": [1] }), json!({ "b": [1] }), vec!["/a"]),
            (json!({ "a": [{ "b": "${u}" }] }), json!({}), vec!["/a"]),
            (json!("${u}"), json!(null), vec![""]),
            (json!("${k}"), json!("x${late}"), vec![]),
            (json!("$${a}-${n}-${k}"), json!("$${a}-5-x${late}"), vec![]),
        ] {
            let filled = fill(&value, &mut Known(known.clone())).expect("filled");
            assert_eq!(
                (filled.value, filled.unknown),
                (expected, unknown.into_iter().map(str::to_owned).collect()),
                "{value}"
            );
        }
        let wrong = fill(&json!({ "a": "x${m}", "b": "${no}", "c": "${" }), &mut Known(known)).expect_err("wrong");
        let places: Vec<_> = wrong.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(places, ["/a", "/b", "/c"], "{wrong:?}");
    }

    #[test]
    fn what_is_put_in_has_a_bound() {
        let known = BTreeMap::from([("big", Found::Value(json!("x".repeat(MOST_BYTES / 2))))]);
        let value = json!(["${big}", "${big}", "${big}"]);
        let wrong = fill(&value, &mut Known(known)).expect_err("too much");
        assert!(wrong[0].1.contains("more than"), "{wrong:?}");
    }
}
