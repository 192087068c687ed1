//! Secret markers: where a JSON Schema says `x-vend-secret: true`, and which places of a concrete value that means.
//!
//! Errs towards secrecy: every branch of `anyOf`, `oneOf` and `if` counts, whether the value fits it or not, and
//! a pattern of `patternProperties` counts for every key.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::json::pointer_push;

pub const KEYWORD: &str = "x-vend-secret";

/// What stands where a secret was.
pub const MASK: &str = "[secret]";

/// Nested `$ref`s and applicators followed before a place is taken for secret.
const DEPTH: usize = 64;

/// Places visited before the whole value is taken for secret.
const FUEL: usize = 1_000_000;

/// JSON Pointers to the values in `value` that `schema` marks secret, in order; only the outermost where marks nest.
pub fn pointers(schema: &Value, value: &Value) -> Vec<String> {
    let mut walk = Walk { root: schema, found: BTreeSet::new(), fuel: FUEL };
    walk.visit(schema, value, "", 0);
    if walk.fuel == 0 {
        return vec![String::new()];
    }
    let inner = |pointer: &String| pointer.match_indices('/').any(|(at, _)| walk.found.contains(&pointer[..at]));
    walk.found.iter().filter(|pointer| !inner(pointer)).cloned().collect()
}

/// `value` with [`MASK`] in the place of everything that `schema` marks secret.
pub fn mask(value: &Value, schema: &Value) -> Value {
    let mut masked = value.clone();
    for pointer in pointers(schema, value) {
        if let Some(place) = masked.pointer_mut(&pointer) {
            *place = Value::String(MASK.to_owned());
        }
    }
    masked
}

/// Whether `pointer` is one of `secrets`, or below one.
pub fn covers(secrets: &[String], pointer: &str) -> bool {
    secrets.iter().any(|secret| {
        pointer.strip_prefix(secret.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

struct Walk<'a> {
    root: &'a Value,
    found: BTreeSet<String>,
    fuel: usize,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, schema: &'a Value, value: &Value, pointer: &str, depth: usize) {
        let Value::Object(schema) = schema else { return };
        self.fuel = self.fuel.saturating_sub(1);
        if self.fuel == 0 {
            return;
        }
        if depth > DEPTH || schema.get(KEYWORD) == Some(&Value::Bool(true)) {
            self.found.insert(pointer.to_owned());
            return;
        }
        self.in_place(schema, value, pointer, depth);
        match value {
            Value::Object(members) => self.members(schema, members, pointer, depth),
            Value::Array(items) => self.items(schema, items, pointer, depth),
            _ => {}
        }
    }

    /// Schemas that speak about the same value.
    fn in_place(&mut self, schema: &'a Map<String, Value>, value: &Value, pointer: &str, depth: usize) {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|text| local(self.root, text)) {
            self.visit(target, value, pointer, depth + 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for branch in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                self.visit(branch, value, pointer, depth + 1);
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(branch) = schema.get(keyword) {
                self.visit(branch, value, pointer, depth + 1);
            }
        }
        for branch in schema.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values) {
            self.visit(branch, value, pointer, depth + 1);
        }
    }

    fn members(&mut self, schema: &'a Map<String, Value>, members: &Map<String, Value>, pointer: &str, depth: usize) {
        let named = schema.get("properties").and_then(Value::as_object);
        for (key, member) in members {
            let pointer = pointer_push(pointer, key);
            let by_name = named.and_then(|named| named.get(key));
            if let Some(inner) = by_name {
                self.visit(inner, member, &pointer, depth + 1);
            }
            for inner in schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::values) {
                self.visit(inner, member, &pointer, depth + 1);
            }
            if by_name.is_some() {
                continue;
            }
            for keyword in ["additionalProperties", "unevaluatedProperties"] {
                if let Some(inner) = schema.get(keyword) {
                    self.visit(inner, member, &pointer, depth + 1);
                }
            }
        }
    }

    fn items(&mut self, schema: &'a Map<String, Value>, items: &[Value], pointer: &str, depth: usize) {
        let first = schema.get("prefixItems").and_then(Value::as_array);
        for (i, item) in items.iter().enumerate() {
            let pointer = pointer_push(pointer, &i.to_string());
            let by_place = first.and_then(|first| first.get(i));
            if let Some(inner) = by_place {
                self.visit(inner, item, &pointer, depth + 1);
            }
            if let Some(inner) = schema.get("contains") {
                self.visit(inner, item, &pointer, depth + 1);
            }
            if by_place.is_some() {
                continue;
            }
            for keyword in ["items", "unevaluatedItems"] {
                if let Some(inner) = schema.get(keyword) {
                    self.visit(inner, item, &pointer, depth + 1);
                }
            }
        }
    }
}

/// What a `$ref` within `root` (`#`, `#/$defs/name`) points at; nothing for any other.
pub fn local<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    root.pointer(&percent_decoded(pointer))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_are_found_wherever_a_schema_may_put_them() {
        let s = json!({ "x-vend-secret": true });
        for (schema, value, expected) in [
            (json!({ "properties": { "p": s } }), json!({ "p": "x", "q": "y" }), vec!["/p"]),
            (json!({ "properties": { "p": s } }), json!({ "q": "y" }), vec![]),
            (json!({ "properties": { "p": { "x-vend-secret": false } } }), json!({ "p": "x" }), vec![]),
            (json!({ "items": s }), json!(["a", "b"]), vec!["/0", "/1"]),
            (json!({ "prefixItems": [s], "items": {} }), json!(["a", "b"]), vec!["/0"]),
            (
                json!({ "properties": { "a": {} }, "additionalProperties": s }),
                json!({ "a": 1, "b/c": 2 }),
                vec!["/b~1c"],
            ),
            (json!({ "patternProperties": { "^x": s } }), json!({ "x": 1 }), vec!["/x"]),
            (json!({ "allOf": [{ "properties": { "p": s } }] }), json!({ "p": 1 }), vec!["/p"]),
            (json!({ "anyOf": [{}, { "properties": { "p": s } }] }), json!({ "p": 1 }), vec!["/p"]),
            (json!({ "oneOf": [{ "properties": { "p": s } }] }), json!({ "p": 1 }), vec!["/p"]),
            (json!({ "if": {}, "then": { "properties": { "p": s } } }), json!({ "p": 1 }), vec!["/p"]),
            (
                json!({ "$defs": { "k": s }, "properties": { "p": { "$ref": "#/$defs/k" } } }),
                json!({ "p": 1 }),
                vec!["/p"],
            ),
            (json!({ "properties": { "p": { "$ref": "https://example.com/x" } } }), json!({ "p": 1 }), vec![]),
            (json!({ "x-vend-secret": true, "properties": { "p": s } }), json!({ "p": 1 }), vec![""]),
            (json!({ "properties": { "a": s, "ab": s } }), json!({ "a": { "b": 1 }, "ab": 2 }), vec!["/a", "/ab"]),
            (json!(true), json!({ "p": 1 }), vec![]),
        ] {
            assert_eq!(pointers(&schema, &value), expected, "{schema} {value}");
        }
    }

    #[test]
    fn a_schema_that_goes_in_circles_makes_the_value_secret() {
        assert_eq!(pointers(&json!({ "$ref": "#" }), &json!({ "p": 1 })), [""]);
        let twice = json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        assert_eq!(pointers(&twice, &json!(1)), [""]);
    }

    #[test]
    fn a_masked_value_keeps_its_shape() {
        let schema = json!({ "properties": { "user": { "properties": { "password": { "x-vend-secret": true } } } } });
        let value = json!({ "user": { "name": "anna", "password": "hunter2" } });
        let masked = mask(&value, &schema);
        assert_eq!(masked, json!({ "user": { "name": "anna", "password": "[secret]" } }));
    }

    #[test]
    fn what_is_below_a_secret_is_covered() {
        let secrets = ["/a".to_owned()];
        for (pointer, expected) in [("/a", true), ("/a/b", true), ("/ab", false), ("", false)] {
            assert_eq!(covers(&secrets, pointer), expected, "{pointer}");
        }
    }
}
