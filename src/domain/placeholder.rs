//! Placeholders in what people write: `${resources.db.outputs.host}`, alone or within a text; `$${` stands for `${` itself.
//!
//! Knows how they are written and put in place, and nothing of what they name.

use std::fmt;

use serde_json::{Map, Value};

use super::json::pointer_push;
use super::secret::Handle;

/// In one text; a text with more is no text that a person wrote.
const MOST: usize = 256;

/// A text with what is to be put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Reference(Reference),
}

/// What a placeholder names: `resources.db.outputs.host`, segment by segment. A dot that belongs to a segment is written `\.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("`{0}` has no end: write `${{…}}`, or `$${{` for the characters themselves")]
    Open(String),
    #[error("`${{{0}}}` is no placeholder: names are joined by dots, as in `${{resources.db.outputs.host}}`")]
    Written(String),
    #[error("a text has at most {MOST} placeholders")]
    TooMany,
}

impl Reference {
    /// None of the segments is empty.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::Written(short(text));
        let (mut segments, mut segment, mut rest) = (Vec::new(), String::new(), text.chars());
        while let Some(c) = rest.next() {
            match c {
                '.' => segments.push(std::mem::take(&mut segment)),
                '\\' => match rest.next() {
                    Some(escaped @ ('.' | '\\' | '}')) => segment.push(escaped),
                    _ => return Err(invalid()),
                },
                c if c.is_whitespace() || c.is_control() || matches!(c, '{' | '}' | '$' | '"' | '\'') => {
                    return Err(invalid());
                }
                c => segment.push(c),
            }
        }
        segments.push(segment);
        if segments.iter().any(String::is_empty) { Err(invalid()) } else { Ok(Self(segments)) }
    }

    pub fn new(segments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }

    pub fn segments(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// With its braces, as it is written.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |it: &String| it.replace('\\', "\\\\").replace('.', "\\.").replace('}', "\\}");
        write!(f, "${{{}}}", self.0.iter().map(escaped).collect::<Vec<_>>().join("."))
    }
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find("${") {
            // Of `$`s before a brace each pair is one that stands for itself.
            let first = rest[..at].trim_end_matches('$').len();
            plain.push_str(&rest[..first]);
            plain.push_str(&"$".repeat((at + 1 - first) / 2));
            if (at + 1 - first).is_multiple_of(2) {
                plain.push('{');
                rest = &rest[at + 2..];
                continue;
            }
            let inner = &rest[at + 2..];
            let end = closing(inner).ok_or_else(|| Invalid::Open(short(&rest[at..])))?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            if parts.len() >= 2 * MOST {
                return Err(Invalid::TooMany);
            }
            parts.push(Part::Reference(Reference::parse(&inner[..end])?));
            rest = &inner[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Text(_) => None,
        })
    }

    /// The placeholder that is all there is: what is put in its place keeps its type.
    pub fn alone(&self) -> Option<&Reference> {
        match self.0.as_slice() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    pub fn new(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    /// As it was written.
    pub fn written(&self) -> String {
        let mut written = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => written.push_str(&escape(text)),
                Part::Reference(reference) => {
                    let dollars = written.len() - written.trim_end_matches('$').len();
                    written.push_str(&"$".repeat(dollars));
                    written.push_str(&reference.to_string());
                }
            }
        }
        written
    }
}

/// `text` as it is written to stand for itself: `$`s before a brace are doubled.
pub fn escape(text: &str) -> String {
    let (mut escaped, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("${") {
        let first = rest[..at].trim_end_matches('$').len();
        escaped.push_str(&rest[..first]);
        escaped.push_str(&"$".repeat(2 * (at + 1 - first)));
        escaped.push('{');
        rest = &rest[at + 2..];
    }
    escaped.push_str(rest);
    escaped
}

fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '}' if !escaped => return Some(at),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Whether any text of `value` has a placeholder, or an escaped one.
pub fn is_any(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(items) => items.iter().any(is_any),
        Value::Object(members) => members.values().any(is_any),
        _ => false,
    }
}

/// `value` as it is written to be filled: its texts stand for themselves.
pub fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escape(text)),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(members) => members.iter().map(|(name, it)| (name.clone(), escaped(it))).collect(),
        other => other.clone(),
    }
}

/// Each with the JSON Pointer to the text that it stands in.
type Placed<T> = Vec<(String, T)>;

/// Every placeholder in `value`, or what is not written as one.
pub fn references(value: &Value) -> Result<Placed<Reference>, Placed<Invalid>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    gather(value, "", &mut found, &mut wrong);
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn gather(value: &Value, pointer: &str, found: &mut Vec<(String, Reference)>, wrong: &mut Vec<(String, Invalid)>) {
    match value {
        Value::String(text) if text.contains("${") => match Template::parse(text) {
            Ok(template) => found.extend(template.references().map(|it| (pointer.to_owned(), it.clone()))),
            Err(error) => wrong.push((pointer.to_owned(), error)),
        },
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate().filter(|(_, item)| is_any(item)) {
                gather(item, &pointer_push(pointer, &i.to_string()), found, wrong);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(_, member)| is_any(member)) {
                gather(member, &pointer_push(pointer, name), found, wrong);
            }
        }
        _ => {}
    }
}

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
            if !super::json::is_within(value, self.left) {
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

    fn parts(text: &str) -> Result<Vec<String>, Invalid> {
        let part = |part: &Part| match part {
            Part::Text(text) => format!("text {text}"),
            Part::Reference(reference) => format!("{:?}", reference.segments()),
        };
        Template::parse(text).map(|template| template.parts().iter().map(part).collect())
    }

    #[test]
    fn texts_are_taken_apart() {
        for (text, expected) in [
            ("", vec![]),
            ("plain $5 } {", vec!["text plain $5 } {"]),
            ("${a.b}", vec![r#"["a", "b"]"#]),
            ("x${a}y${b.c}", vec!["text x", r#"["a"]"#, "text y", r#"["b", "c"]"#]),
            ("$${a.b}", vec!["text ${a.b}"]),
            ("$$${a}", vec!["text $", r#"["a"]"#]),
            ("$$$${a}", vec!["text $${a}"]),
            ("x$$$$${a}$$$${", vec!["text x$$", r#"["a"]"#, "text $${"]),
            ("a$${b}${c}", vec!["text a${b}", r#"["c"]"#]),
            (r"${m.a\.b/c}", vec![r#"["m", "a.b/c"]"#]),
            (r"${m.a\}b}", vec![r#"["m", "a}b"]"#]),
        ] {
            let found = parts(text).expect(text);
            assert_eq!(found, expected, "{text}");
            assert_eq!(Template::parse(text).expect(text).written(), text);
        }
        for (text, expected) in [
            ("${a", "has no end"),
            ("${}", "is no placeholder"),
            ("${a..b}", "is no placeholder"),
            ("${a b}", "is no placeholder"),
            ("${a${b}}", "is no placeholder"),
            (r"${a\x}", "is no placeholder"),
        ] {
            let error = parts(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(parts(&"${a}".repeat(MOST * 2 + 1)), Err(Invalid::TooMany));
    }

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
