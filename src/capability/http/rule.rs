//! What the connection says of a request: a read, a write, or nothing that may be sent. Pure.
//!
//! Where the same name could mean two things – twice in a form, twice in an object – servers disagree about which one counts:
//! such a request fits no rule that allows, and every rule that denies.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::capability::pattern::{matches, matches_path};
use crate::domain::connection::RequestRule;
use crate::domain::contract::{Error, ErrorKind};

use super::strict;

/// What may be sent.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub reads: Vec<RequestRule>,
    pub writes: Vec<RequestRule>,
    pub deny: Vec<RequestRule>,
}

/// What a request is classed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
}

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub method: &'a str,
    /// Below the base, normalised.
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

impl Rules {
    pub fn classify(&self, facts: &Facts<'_>) -> Result<Kind, Error> {
        let fits = |rules: &[RequestRule], usual: &[&str]| rules.iter().any(|rule| fits(rule, usual, facts));
        if self.deny.iter().any(|rule| forbids(rule, facts)) {
            return Err(denied("REQUEST_DENIED", facts, "a rule of the connection denies it"));
        }
        if fits(&self.reads, &["GET", "HEAD"]) {
            return Ok(Kind::Read);
        }
        if fits(&self.writes, &["POST", "PUT", "PATCH", "DELETE"]) {
            return Ok(Kind::Write);
        }
        Err(denied("REQUEST_NOT_ALLOWED", facts, "no rule of the connection allows it"))
    }
}

/// Whether the request is among those that a driver's description asks for; one that lists nothing asks for everything.
pub fn is_asked(asked: &[RequestRule], facts: &Facts<'_>) -> Result<(), Error> {
    if asked.is_empty() || asked.iter().any(|rule| fits(rule, &[], facts)) {
        return Ok(());
    }
    Err(denied("REQUEST_NOT_ASKED", facts, "the driver's description does not ask for it"))
}

/// A refusal of the request as a whole; the query stays out of it.
pub fn denied(code: &str, facts: &Facts<'_>, why: &str) -> Error {
    let path: String = facts.path.chars().take(200).collect();
    Error::new(ErrorKind::Denied, code, format!("{} {path}: {why}", facts.method))
}

/// `usual`: the methods of a rule that names none; empty stands for all.
fn fits(rule: &RequestRule, usual: &[&str], facts: &Facts<'_>) -> bool {
    means(rule, usual, facts) && discriminators(rule, facts).all(|found| found == Some(true))
}

fn forbids(rule: &RequestRule, facts: &Facts<'_>) -> bool {
    means(rule, &[], facts) && discriminators(rule, facts).all(|found| found != Some(false))
}

fn means(rule: &RequestRule, usual: &[&str], facts: &Facts<'_>) -> bool {
    let method = match rule.methods.as_slice() {
        [] => usual.is_empty() || usual.contains(&facts.method),
        named => named.iter().any(|method| method == facts.method),
    };
    method && matches_path(&rule.path, facts.path)
}

/// Of each discriminator whether it holds; `None` where that is open to interpretation.
fn discriminators<'a>(rule: &'a RequestRule, facts: &'a Facts<'_>) -> impl Iterator<Item = Option<bool>> + 'a {
    let query = move |(name, pattern): (&String, &String)| one(form(facts.query.unwrap_or_default()), name, pattern);
    let in_form = move |(name, pattern): (&String, &String)| {
        let text = std::str::from_utf8(facts.body).ok()?;
        one(form(text), name, pattern)
    };
    let header = move |(name, pattern): (&String, &String)| {
        let all = facts.headers.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        one(all.collect(), &name.to_ascii_lowercase(), pattern)
    };
    rule.query
        .iter()
        .map(query)
        .chain(rule.form.iter().map(in_form))
        .chain(rule.headers.iter().map(header))
        .chain(in_json(&rule.json, facts.body))
}

/// Whether the one value of that name fits. None at all does not; two, or one that cannot be decoded, is open.
fn one(values: Vec<(String, Option<String>)>, name: &str, pattern: &str) -> Option<bool> {
    let mut found = values.into_iter().filter(|(found, _)| found == name);
    let Some((_, value)) = found.next() else { return Some(false) };
    if found.next().is_some() {
        return None;
    }
    Some(matches(pattern, &value?))
}

fn in_json(patterns: &BTreeMap<String, String>, body: &[u8]) -> Vec<Option<bool>> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let Some(value) = strict::json(body) else { return vec![None; patterns.len()] };
    let holds = |(pointer, pattern): (&String, &String)| match value.pointer(pointer) {
        None => Some(false),
        Some(Value::String(text)) => Some(matches(pattern, text)),
        Some(it @ (Value::Number(_) | Value::Bool(_))) => Some(matches(pattern, &it.to_string())),
        Some(_) => None,
    };
    patterns.iter().map(holds).collect()
}

/// Names and values of `a=b&c=d`, decoded (WHATWG URL, application/x-www-form-urlencoded); `None` for a value that is not UTF-8.
fn form(text: &str) -> Vec<(String, Option<String>)> {
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

#[cfg(test)]
mod tests;
