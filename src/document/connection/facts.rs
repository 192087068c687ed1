//! What a connection tells recipes.

use serde_json::{Map, Value};

use super::super::refusal::Refusal;
use crate::domain::json::{is_within, pointer_push};

/// Mappings within mappings.
const DEEPEST: usize = 8;

const MOST_BYTES: usize = 64 << 10;

pub(super) fn check(facts: &Map<String, Value>, found: &mut Vec<Refusal>) {
    members(facts, "/facts", 1, found);
    if !is_within(&Value::Object(facts.clone()), MOST_BYTES) {
        found.push(Refusal::new("/facts", format!("facts have at most {MOST_BYTES} bytes")));
    }
}

fn members(facts: &Map<String, Value>, pointer: &str, depth: usize, found: &mut Vec<Refusal>) {
    for (name, value) in facts {
        let pointer = pointer_push(pointer, name);
        if name.is_empty() {
            found.push(Refusal { at_key: true, ..Refusal::new(pointer.clone(), "a fact has a name") });
        }
        match value {
            Value::Object(_) if depth == DEEPEST => {
                found.push(Refusal::new(pointer, format!("facts nest at most {DEEPEST} levels")));
            }
            Value::Object(inner) => members(inner, &pointer, depth + 1, found),
            Value::Array(_) | Value::Null => {
                let what = if value.is_null() { "null" } else { "a list" };
                let refusal = Refusal::new(pointer, format!("a fact cannot be {what}"));
                found.push(refusal.hint("facts are texts, numbers, booleans and mappings of them"));
            }
            _ => {}
        }
    }
}
