//! What a request says beside its method and path: query, form, headers, JSON; and whether that is what a rule wants. Pure.
//!
//! Each answer is yes, no, or nothing: servers would disagree. Some take fields from the query and from the body alike, guess what kind
//! of body it is, do not tell `Action` from `action`, or let the last of two count.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::capability::http::strict;
use crate::capability::pattern::matches;
use crate::domain::connection::RequestRule;

use super::Facts;

/// A name, and a value if it can be decoded.
type Field = (String, Option<String>);

/// Taken apart when a rule asks for it first.
pub(super) struct Said<'a> {
    pub(super) facts: &'a Facts<'a>,
    kind: Kind,
    query: OnceCell<Vec<Field>>,
    body: OnceCell<Vec<Field>>,
    json: OnceCell<Option<Value>>,
}

/// What a body is said to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Empty,
    Form,
    Json,
    /// Nothing is said: some servers guess.
    Unsaid,
    /// Something without fields.
    Other,
    /// Fields may stand in it that are not seen here: it has several parts, is compressed, or in another character set.
    Hidden,
}

impl<'a> Said<'a> {
    pub(super) fn new(facts: &'a Facts<'a>) -> Self {
        Self { facts, kind: kind(facts), query: OnceCell::new(), body: OnceCell::new(), json: OnceCell::new() }
    }

    /// Of each thing that the rule wants beside method and path whether it holds.
    pub(super) fn holds(&'a self, rule: &'a RequestRule) -> impl Iterator<Item = Option<bool>> + 'a {
        let query = rule.query.iter().map(|(name, pattern)| self.in_query(name, pattern));
        let form = rule.form.iter().map(|(name, pattern)| self.in_form(name, pattern));
        let headers = rule.headers.iter().map(|(name, pattern)| self.in_headers(name, pattern));
        query.chain(form).chain(headers).chain(self.in_json(&rule.json))
    }

    fn in_query(&self, name: &str, pattern: &str) -> Option<bool> {
        let in_body = self.body().iter().any(|(found, _)| is_alike(found, name));
        if in_body || self.kind == Kind::Hidden { None } else { one(self.query(), name, pattern) }
    }

    fn in_form(&self, name: &str, pattern: &str) -> Option<bool> {
        if self.query().iter().any(|(found, _)| is_alike(found, name)) {
            return None;
        }
        match self.kind {
            Kind::Empty => Some(false),
            Kind::Form | Kind::Unsaid => {
                std::str::from_utf8(self.facts.body).ok()?;
                one(self.body(), name, pattern)
            }
            // To a server that looks at nothing but the body it is a form all the same.
            Kind::Json | Kind::Other => (!self.body().iter().any(|(found, _)| is_alike(found, name))).then_some(false),
            Kind::Hidden => None,
        }
    }

    fn in_headers(&self, name: &str, pattern: &str) -> Option<bool> {
        // Some servers take an underscore for a hyphen.
        let read = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        let mut found = self.facts.headers.iter().filter(|(known, _)| read(known) == read(name));
        match (found.next(), found.next()) {
            (None, _) => Some(false),
            (Some((known, value)), None) if known.eq_ignore_ascii_case(name) => Some(matches(pattern, value)),
            _ => None,
        }
    }

    fn in_json(&self, patterns: &BTreeMap<String, String>) -> Vec<Option<bool>> {
        if patterns.is_empty() || self.kind == Kind::Empty {
            return vec![Some(false); patterns.len()];
        }
        let is_json = matches!(self.kind, Kind::Json | Kind::Unsaid);
        let json = self.json.get_or_init(|| strict::json(self.facts.body).filter(|_| is_json));
        let Some(json) = json else { return vec![None; patterns.len()] };
        let holds = |(pointer, pattern): (&String, &String)| match strict::at(json, pointer) {
            strict::Found::Nothing => Some(false),
            strict::Found::Open => None,
            strict::Found::Value(Value::String(text)) => Some(matches(pattern, text)),
            // 1.0 is 1 to some.
            strict::Found::Value(Value::Number(number)) if number.as_f64().is_some_and(is_whole) && number.is_f64() => {
                None
            }
            strict::Found::Value(it @ (Value::Number(_) | Value::Bool(_))) => Some(matches(pattern, &it.to_string())),
            strict::Found::Value(_) => None,
        };
        patterns.iter().map(holds).collect()
    }

    fn query(&self) -> &[Field] {
        self.query.get_or_init(|| fields(self.facts.query.unwrap_or_default()))
    }

    /// The body read as a form, whatever it is.
    fn body(&self) -> &[Field] {
        self.body.get_or_init(|| fields(&String::from_utf8_lossy(self.facts.body)))
    }
}

fn kind(facts: &Facts<'_>) -> Kind {
    if facts.body.is_empty() {
        return Kind::Empty;
    }
    let values = |wanted: &'static str| facts.headers.iter().filter(move |(name, _)| name == wanted).map(|(_, it)| it);
    if values("content-encoding").any(|value| value != "identity") {
        return Kind::Hidden;
    }
    let mut types = values("content-type");
    let Some(value) = types.next() else { return Kind::Unsaid };
    let value = value.to_ascii_lowercase();
    let (essence, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let charset = |parameter: &str| match parameter.trim().split_once('=') {
        Some(("charset", set)) => matches!(set.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"),
        _ => !parameter.contains("charset"),
    };
    let is_plain = types.next().is_none() && !value.contains(',') && parameters.split(';').all(charset);
    match essence.trim() {
        _ if !is_plain => Kind::Hidden,
        "application/x-www-form-urlencoded" => Kind::Form,
        essence if essence.contains("form") || essence.starts_with("multipart/") => Kind::Hidden,
        essence if essence.contains("json") => Kind::Json,
        _ => Kind::Other,
    }
}

/// Whether the one value of that name fits. None at all does not; two, or one that cannot be decoded, is open.
fn one(fields: &[Field], name: &str, pattern: &str) -> Option<bool> {
    let mut found = fields.iter().filter(|(found, _)| is_alike(found, name));
    let Some((exact, value)) = found.next() else { return Some(false) };
    if exact != name || found.next().is_some() {
        return None;
    }
    Some(matches(pattern, value.as_ref()?))
}

/// Whether some server takes one name for the other: as PHP does, or one that does not look at capitals.
fn is_alike(found: &str, name: &str) -> bool {
    let read = |name: &str| {
        let name = name.split(['[', '\0']).next().unwrap_or_default().trim();
        name.to_lowercase().replace(['.', ' '], "_")
    };
    found == name || read(found) == read(name)
}

/// Names and values of `a=b&c=d`, decoded (WHATWG URL, application/x-www-form-urlencoded).
fn fields(text: &str) -> Vec<Field> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(|text| text.into_owned())
    };
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        // A name that cannot be decoded could be any: it is kept under the text it has.
        (decode(name).unwrap_or_else(|| name.to_owned()), decode(value))
    };
    // Some servers take a semicolon for an ampersand as well.
    text.split(['&', ';']).filter(|part| !part.is_empty()).map(pair).collect()
}

fn is_whole(number: f64) -> bool {
    number.fract() == 0.0
}
