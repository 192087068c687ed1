//! Where in a document secrets stand, by the marker `x-vend-secret` of its schema.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::json::pointer_push;

const MARKER: &str = "x-vend-secret";
const DEEPEST: usize = 64;

/// JSON Pointers to the members of `value` that `schema` marks as secret: along properties, items, local references and combinations.
pub fn marked(schema: &Value, value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(schema, schema, value, String::new(), 0, &mut found);
    found
}

fn walk(root: &Value, schema: &Value, value: &Value, pointer: String, depth: usize, found: &mut BTreeSet<String>) {
    if depth > DEEPEST || !schema.is_object() {
        return;
    }
    if schema[MARKER] == true {
        found.insert(pointer.clone());
    }
    let mut same = |schema: &Value| walk(root, schema, value, pointer.clone(), depth + 1, found);
    if let Some(target) =
        schema["$ref"].as_str().and_then(|text| text.strip_prefix('#')).and_then(|text| root.pointer(text))
    {
        same(target);
    }
    for combination in ["allOf", "anyOf", "oneOf"] {
        schema[combination].as_array().into_iter().flatten().for_each(&mut same);
    }
    for branch in ["if", "then", "else"] {
        same(&schema[branch]);
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let described = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                if let Some(described) = described {
                    walk(root, described, member, pointer_push(&pointer, name), depth + 1, found);
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let described = schema["prefixItems"].get(at).or_else(|| schema.get("items"));
                if let Some(described) = described {
                    walk(root, described, item, pointer_push(&pointer, &at.to_string()), depth + 1, found);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marks_are_found_along_the_schema() {
        let secret = json!({ "type": "string", "x-vend-secret": true });
        let schema = json!({
            "properties": {
                "password": secret,
                "user": { "type": "string" },
                "users": { "items": { "$ref": "#/$defs/user" } },
                "either": { "anyOf": [{ "type": "null" }, secret] },
            },
            "additionalProperties": { "properties": { "a/b": secret } },
            "$defs": { "user": { "properties": { "key": secret, "self": { "$ref": "#/$defs/user" } } } },
        });
        let value = json!({
            "password": "x", "user": "y", "either": "z", "more": { "a/b": "1", "c": "2" },
            "users": [{ "key": "1" }, { "self": { "key": "2" } }],
        });
        let found: Vec<String> = marked(&schema, &value).into_iter().collect();
        assert_eq!(found, ["/either", "/more/a~1b", "/password", "/users/0/key", "/users/1/self/key"]);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({ "$ref": "#" });
        assert!(marked(&schema, &json!({})).is_empty());
    }
}
