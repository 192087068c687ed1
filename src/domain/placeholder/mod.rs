//! Placeholders in what people write: `${resources.db.outputs.host}`, alone or within a text; `$${` stands for `${` itself.
//!
//! Knows how they are written and put in place, and nothing of what they name.

mod fill;

use std::fmt;

use serde_json::Value;

use super::json::pointer_push;

pub use fill::{Filled, Found, Lookup, Piece, fill};

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

/// What `text` stands for, if nothing is to be put into it.
pub fn literal(text: &str) -> Option<String> {
    match Template::parse(text).ok()?.parts() {
        [] => Some(String::new()),
        [Part::Text(plain)] => Some(plain.clone()),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_is_escaped_is_literal() {
        for text in ["", "plain", "$${a.b}", "a$b", "$$${"] {
            assert_eq!(literal(&escape(text)).as_deref(), Some(text));
        }
        assert_eq!((literal("x${a}"), literal("${a")), (None, None));
    }
}
