//! JSON values as YAML that every reader takes for the same value: YAML 1.1 readers, which know more words, included.

use serde_json::{Map, Value};

use super::scalar;

/// Writes `document` as block YAML, its top keys in the order of `keys`.
pub(super) fn write(document: &Map<String, Value>, keys: &[&String]) -> String {
    let mut out = String::new();
    for key in keys {
        if let Some(value) = document.get(*key) {
            member(key, value, 0, &mut out);
        }
    }
    out
}

fn member(key: &str, value: &Value, indent: usize, out: &mut String) {
    out.push_str(&one_line(key));
    out.push(':');
    match value {
        // A list may stand as far left as its key.
        Value::Array(items) if !items.is_empty() => {
            break_line(indent, out);
            list(items, indent, out);
        }
        Value::Object(members) if !members.is_empty() => {
            break_line(indent + 2, out);
            mapping(members, indent + 2, out);
        }
        other => {
            out.push(' ');
            leaf(other, indent + 2, out);
        }
    }
}

/// Begins where the first key stands.
fn mapping(members: &Map<String, Value>, indent: usize, out: &mut String) {
    for (i, (key, value)) in members.iter().enumerate() {
        if i > 0 {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        member(key, value, indent, out);
    }
}

/// Begins where the first dash stands.
fn list(items: &[Value], indent: usize, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str("- ");
        match item {
            Value::Array(items) if !items.is_empty() => list(items, indent + 2, out),
            Value::Object(members) if !members.is_empty() => mapping(members, indent + 2, out),
            other => leaf(other, indent + 2, out),
        }
    }
}

fn break_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A value without members, and the line break after it.
fn leaf(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::String(text) if is_block(text) => block(text, indent, out),
        Value::String(text) => out.push_str(&one_line(text)),
        other => out.push_str(&other.to_string()),
    }
    out.push('\n');
}

fn block(text: &str, indent: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.is_empty() {
            out.push('\n');
        } else {
            break_line(indent, out);
            out.push_str(line);
        }
    }
}

/// Whether a text of several lines can stand as it is.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let first = body.chars().next();
    body.contains('\n')
        && !body.ends_with('\n')
        && first.is_some_and(|c| !c.is_whitespace())
        && body.split('\n').all(|line| line.is_empty() || !line.trim().is_empty() && !line.starts_with('\t'))
        && text.chars().all(|c| c == '\n' || c == '\t' || is_shown(c))
}

fn one_line(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a text needs no quotes under any version of YAML. Quotes too much rather than too little.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"];
    let lower = text.to_ascii_lowercase();
    let inner = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                ' ' | '_' | '.' | '/' | '+' | '@' | '^' | '*' | '(' | ')' | '-' | ':' | '=' | '~' | '$' | ',' | '\''
            )
    };
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || is_span(text);
    starts
        && text.chars().all(inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.contains(&lower.as_str())
        && matches!(scalar::resolve(text), Ok(Value::String(_)))
}

/// `30s`, `7d`: digits and then letters, and no number in hexadecimal or the like.
fn is_span(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && matches!(unit, "ms" | "s" | "m" | "h" | "d")
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_shown(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Printable, and taken for neither a line break nor a mark by any reader. All that is not fits into four hex digits.
fn is_shown(c: char) -> bool {
    !matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
}
