//! Constraints of recipes, asked of params; each rule is compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::document::rule::{BUDGET, Rule, Scope, Undecided};
use crate::domain::contract::Violation;
use crate::domain::document::Constraint;
use crate::domain::json::pointer_push;
use crate::domain::name::Name;

/// Kept at once; more begin anew.
const MOST: usize = 1_024;

/// Bytes of a rule that a refusal repeats.
const SHOWN: usize = 200;

/// A bounded cache by text. Cheap to share, safe to use from many threads.
#[derive(Debug, Default)]
pub struct Rules(Mutex<HashMap<String, Arc<Rule>>>);

/// Params as a driver would get them, and whose constraints they have to please.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    pub params: &'a Value,
    /// JSON Pointers into them to what is not known yet, and absent. Rules that look at it are asked later.
    pub unknown: &'a [String],
    /// What rules know as `context`.
    pub context: &'a Value,
    pub recipe: &'a Name,
}

impl Rules {
    /// The error says what is wrong with the text.
    pub fn compiled(&self, text: &str) -> Result<Arc<Rule>, String> {
        if let Some(found) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(Arc::clone(found));
        }
        // Not under the lock: two may compile the same, and one is kept.
        let rule = Arc::new(Rule::new(text)?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(text.to_owned(), Arc::clone(&rule));
        Ok(rule)
    }

    /// Constraints that the params do not please, or of which nobody can tell. Pointers begin with `/params`.
    pub fn refusals(&self, constraints: &[Constraint], given: &Given<'_>) -> Vec<Violation> {
        if constraints.is_empty() {
            return Vec::new();
        }
        let recipe = given.recipe;
        let scope = match Scope::new(given.params, given.context) {
            Ok(scope) => scope,
            Err(why) => {
                let message = format!("recipe `{recipe}` has rules that cannot be asked: {why}");
                return vec![Violation { pointer: "/params".to_owned(), message }];
            }
        };
        let mut budget = BUDGET;
        let mut found = Vec::new();
        for constraint in constraints {
            let shown = short(&constraint.rule);
            let (pointer, message) = match self.compiled(&constraint.rule) {
                Ok(rule) if is_open(&rule, given.unknown) => continue,
                Ok(rule) => match rule.holds(&scope, &mut budget) {
                    Ok(true) => continue,
                    Ok(false) => {
                        let told = constraint.message.trim_end_matches('.');
                        (place(&rule), format!("{told}: says recipe `{recipe}` by its rule `{shown}`"))
                    }
                    Err(why) => (place(&rule), undecided(recipe, &shown, &why)),
                },
                Err(why) => {
                    (String::new(), format!("recipe `{recipe}` has a rule `{shown}` that cannot be used: {why}"))
                }
            };
            found.push(Violation { pointer: format!("/params{pointer}"), message });
        }
        found
    }
}

fn undecided(recipe: &Name, rule: &str, why: &Undecided) -> String {
    format!("recipe `{recipe}` cannot tell whether its rule `{rule}` holds: {why}")
}

/// Whether the rule looks at what is not known yet.
fn is_open(rule: &Rule, unknown: &[String]) -> bool {
    let within =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|it| it.is_empty() || it.starts_with('/'));
    let reads = || rule.reads().iter().map(|it| pointer(it));
    unknown.iter().any(|unknown| reads().any(|read| within(unknown, &read) || within(&read, unknown)))
}

fn pointer(names: &[String]) -> String {
    names.iter().fold(String::new(), |pointer, name| pointer_push(&pointer, name))
}

/// The params that the rule looks at have this in common.
fn place(rule: &Rule) -> String {
    let mut reads = rule.reads().iter();
    let mut common: Vec<String> = reads.next().cloned().unwrap_or_default();
    for read in reads {
        let same = common.iter().zip(read).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    pointer(&common)
}

fn short(rule: &str) -> String {
    let one_line = rule.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &one_line[..at]),
        None => one_line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_compiled_once() {
        let rules = Rules::default();
        let first = rules.compiled("params.a > 1").expect("a rule");
        assert!(Arc::ptr_eq(&first, &rules.compiled("params.a > 1").expect("a rule")));
        for i in 0..MOST {
            rules.compiled(&format!("params.a > {i}")).expect("a rule");
        }
        assert!(rules.0.lock().expect("a lock").len() <= MOST);
    }
}
