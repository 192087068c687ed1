//! JSON objects laid over one another, and defaults of a schema laid under.

use serde_json::{Map, Value};

use crate::domain::json::pointer_push;
use crate::domain::marker;

/// Objects are merged member by member; anything else of `over` replaces what is under it.
pub(super) fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(key) {
                    Some(inner) => lay_over(inner, value),
                    None => {
                        under.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// Pointers at which `value` says something else than `fixed`, which says nothing of what it leaves out.
pub(super) fn differences(value: &Value, fixed: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ(value, fixed, String::new(), &mut found);
    found
}

fn differ(value: &Value, fixed: &Value, pointer: String, found: &mut Vec<String>) {
    match (value, fixed) {
        (Value::Object(value), Value::Object(fixed)) => {
            for (key, fixed) in fixed {
                if let Some(inner) = value.get(key) {
                    differ(inner, fixed, pointer_push(&pointer, key), found);
                }
            }
        }
        (value, fixed) if value == fixed => {}
        _ => found.push(pointer),
    }
}

/// Takes the member at `pointer` out of its object, if it is there.
pub(super) fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, token)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = value.pointer_mut(parent) {
        members.remove(&token.replace("~1", "/").replace("~0", "~"));
    }
}

/// Nested schemas followed for defaults.
const DEPTH: usize = 64;

/// Fills what `value` leaves out with the `default`s of `schema`: in the objects and lists that are there, through
/// `allOf` and `$ref`. A branch that may not hold (`anyOf`, `if`) gives none.
pub(super) fn fill_defaults(value: &mut Value, schema: &Value) {
    let mut fuel = 100_000;
    fill(value, schema, schema, 0, &mut fuel);
}

fn fill(value: &mut Value, schema: &Value, root: &Value, depth: usize, fuel: &mut usize) {
    *fuel = fuel.saturating_sub(1);
    if depth > DEPTH || *fuel == 0 {
        return;
    }
    let Value::Object(schema) = schema else { return };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|text| marker::local(root, text)) {
        fill(value, target, root, depth + 1, fuel);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        fill(value, part, root, depth + 1, fuel);
    }
    match value {
        Value::Object(members) => fill_members(members, schema, root, depth, fuel),
        Value::Array(items) => {
            let first = schema.get("prefixItems").and_then(Value::as_array);
            for (i, item) in items.iter_mut().enumerate() {
                let inner = first.and_then(|it| it.get(i)).or_else(|| schema.get("items"));
                if let Some(inner) = inner {
                    fill(item, inner, root, depth + 1, fuel);
                }
            }
        }
        _ => {}
    }
}

fn fill_members(
    members: &mut Map<String, Value>,
    schema: &Map<String, Value>,
    root: &Value,
    depth: usize,
    fuel: &mut usize,
) {
    let named = schema.get("properties").and_then(Value::as_object);
    for (key, inner) in named.into_iter().flatten() {
        if let Some(default) = default(inner, root, 0).filter(|_| !members.contains_key(key)) {
            members.insert(key.clone(), default.clone());
        }
        if let Some(member) = members.get_mut(key) {
            fill(member, inner, root, depth + 1, fuel);
        }
    }
    if let Some(inner) = schema.get("additionalProperties") {
        let others = members.iter_mut().filter(|(key, _)| named.is_none_or(|it| !it.contains_key(*key)));
        for (_, member) in others {
            fill(member, inner, root, depth + 1, fuel);
        }
    }
}

/// The default that a property's schema names, itself or where it refers to.
fn default<'a>(schema: &'a Value, root: &'a Value, depth: usize) -> Option<&'a Value> {
    if let Some(default) = schema.get("default") {
        return Some(default);
    }
    let target = marker::local(root, schema.get("$ref")?.as_str()?)?;
    if depth < DEPTH { default(target, root, depth + 1) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_merge_and_all_else_replaces() {
        for (under, over, expected) in [
            (json!({}), json!({ "a": 1 }), json!({ "a": 1 })),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 3 }), json!({ "a": 3, "b": 2 })),
            (json!({ "a": { "x": 1, "y": 2 } }), json!({ "a": { "y": 3 } }), json!({ "a": { "x": 1, "y": 3 } })),
            (json!({ "a": [1, 2] }), json!({ "a": [3] }), json!({ "a": [3] })),
            (json!({ "a": { "x": 1 } }), json!({ "a": null }), json!({ "a": null })),
            (json!({ "a": 1 }), json!({ "a": { "x": 1 } }), json!({ "a": { "x": 1 } })),
        ] {
            let mut value = under.clone();
            lay_over(&mut value, &over);
            assert_eq!(value, expected, "{under} {over}");
        }
    }

    #[test]
    fn differences_are_those_of_what_is_fixed() {
        for (value, fixed, expected) in [
            (json!({ "a": 1 }), json!({ "a": 1 }), vec![]),
            (json!({ "a": 1 }), json!({ "b": 1 }), vec![]),
            (json!({ "a": 1, "b": { "c/d": 2 } }), json!({ "a": 2, "b": { "c/d": 3 } }), vec!["/a", "/b/c~1d"]),
            (json!({ "b": 1 }), json!({ "b": { "c": 1 } }), vec!["/b"]),
            (json!({ "b": [1] }), json!({ "b": [1, 2] }), vec!["/b"]),
            (json!({ "b": null }), json!({ "b": 1 }), vec!["/b"]),
        ] {
            assert_eq!(differences(&value, &fixed), expected, "{value} {fixed}");
        }
    }

    #[test]
    fn defaults_fill_what_is_there() {
        let sized = json!({ "properties": { "size": { "default": 1 } } });
        for (schema, value, expected) in [
            (sized.clone(), json!({}), json!({ "size": 1 })),
            (sized.clone(), json!({ "size": 2 }), json!({ "size": 2 })),
            (sized.clone(), json!({ "size": null }), json!({ "size": null })),
            (json!({ "properties": { "disk": sized } }), json!({}), json!({})),
            (json!({ "properties": { "disk": sized } }), json!({ "disk": {} }), json!({ "disk": { "size": 1 } })),
            (
                json!({ "properties": { "disk": { "default": {}, "properties": { "size": { "default": 1 } } } } }),
                json!({}),
                json!({ "disk": { "size": 1 } }),
            ),
            (json!({ "items": sized }), json!([{}, { "size": 3 }]), json!([{ "size": 1 }, { "size": 3 }])),
            (json!({ "additionalProperties": sized }), json!({ "a": {} }), json!({ "a": { "size": 1 } })),
            (json!({ "allOf": [sized] }), json!({}), json!({ "size": 1 })),
            (json!({ "anyOf": [sized] }), json!({}), json!({})),
            (
                json!({ "$defs": { "n": { "default": 4 } }, "properties": { "size": { "$ref": "#/$defs/n" } } }),
                json!({}),
                json!({ "size": 4 }),
            ),
            (json!({ "$ref": "#" }), json!({}), json!({})),
        ] {
            let mut filled = value.clone();
            fill_defaults(&mut filled, &schema);
            assert_eq!(filled, expected, "{schema} {value}");
        }
    }
}
