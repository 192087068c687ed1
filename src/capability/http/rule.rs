//! What the connection says of a request: a read, a write, or nothing that may be sent. Pure.
//!
//! Where servers disagree about what a request says – a name twice, a path with parameters in it, a body of two kinds – it is read in all
//! of these ways: it fits a rule that allows only if it does in each of them, and a rule that denies if it does in any.

mod reading;
mod said;

use crate::domain::connection::RequestRule;
use crate::domain::contract::{Error, ErrorKind};

use super::path::normal_path;
use said::Said;

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
        let said = Said::new(facts);
        let fits = |rules: &[RequestRule], usual: &[&str]| rules.iter().any(|rule| fits(rule, usual, &said));
        if self.deny.iter().any(|rule| forbids(rule, &said)) {
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

    /// Says of a rule that could never fit as it is written what is wrong with it: one that denies would deny nothing.
    pub fn check(&self) -> Result<(), String> {
        for rule in self.reads.iter().chain(&self.writes).chain(&self.deny) {
            match normal_path(&rule.path) {
                Ok(normal) if normal == rule.path => {}
                Ok(normal) => return Err(format!("the rule for `{}` fits nothing: write `{normal}`", rule.path)),
                Err(why) => return Err(format!("the rule for `{}` fits nothing: {why}", rule.path)),
            }
            if let Some(method) = rule.methods.iter().find(|method| !method.bytes().all(|b| b.is_ascii_uppercase())) {
                return Err(format!("the rule for `{}` fits no `{method}`: methods are capital letters", rule.path));
            }
        }
        Ok(())
    }
}

/// Whether the request is among those that a driver's description asks for; one that lists nothing asks for everything.
pub fn is_asked(asked: &[RequestRule], facts: &Facts<'_>) -> Result<(), Error> {
    let said = Said::new(facts);
    if asked.is_empty() || asked.iter().any(|rule| fits(rule, &[], &said)) {
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
fn fits(rule: &RequestRule, usual: &[&str], said: &Said<'_>) -> bool {
    let method = match rule.methods.as_slice() {
        [] => usual.is_empty() || usual.contains(&said.facts.method),
        _ => is_named(rule, said.facts.method),
    };
    method && reading::fits(&rule.path, said.facts.path) && said.holds(rule).all(|found| found == Some(true))
}

fn forbids(rule: &RequestRule, said: &Said<'_>) -> bool {
    let method = rule.methods.is_empty() || is_named(rule, said.facts.method);
    method && reading::touches(&rule.path, said.facts.path) && said.holds(rule).all(|found| found != Some(false))
}

fn is_named(rule: &RequestRule, method: &str) -> bool {
    rule.methods.iter().any(|named| named == method)
}

#[cfg(test)]
mod tests;
