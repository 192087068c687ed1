//! Just enough of JSON Schema 2020-12 to explain params and to read `--set`: the server validates.

use serde_json::Value;

/// How many references and alternatives are followed at most; schemas may be circular.
const DEPTH: usize = 16;

/// The schema itself, or what its local `$ref` points to.
pub fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        let Some(target) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else { break };
        schema = target;
    }
    schema
}

/// The schema of one property; of an open object, that of any other.
pub fn property<'a>(root: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    find(root, schema, DEPTH, &|schema| {
        schema
            .get("properties")
            .and_then(|it| it.get(name))
            .or_else(|| schema.get("additionalProperties").filter(|it| it.is_object()))
    })
}

pub fn items<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    find(root, schema, DEPTH, &|schema| schema.get("items"))
}

fn find<'a>(
    root: &'a Value,
    schema: &'a Value,
    depth: usize,
    pick: &dyn Fn(&'a Value) -> Option<&'a Value>,
) -> Option<&'a Value> {
    let schema = resolve(root, schema);
    if let Some(found) = pick(schema) {
        return Some(resolve(root, found));
    }
    let depth = depth.checked_sub(1)?;
    alternatives(schema).find_map(|schema| find(root, schema, depth, pick))
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key).and_then(Value::as_array)).flatten()
}

/// Whether a property that the schema does not name is refused.
pub fn is_closed(root: &Value, schema: &Value) -> bool {
    let schema = resolve(root, schema);
    schema.get("additionalProperties") == Some(&Value::Bool(false)) && alternatives(schema).next().is_none()
}

/// Names and schemas of the properties, required ones first, each group as the alphabet has it.
pub fn properties<'a>(root: &'a Value, schema: &'a Value) -> Vec<(&'a str, &'a Value, bool)> {
    let schema = resolve(root, schema);
    let mut found: Vec<(&str, &Value, bool)> = Vec::new();
    for part in std::iter::once(schema).chain(alternatives(schema).map(|it| resolve(root, it))) {
        let Some(properties) = part.get("properties").and_then(Value::as_object) else { continue };
        for (name, property) in properties {
            if !found.iter().any(|(known, ..)| known == name) {
                found.push((name, resolve(root, property), requires(schema, name)));
            }
        }
    }
    found.sort_by_key(|(name, _, required)| (!required, *name));
    found
}

fn requires(schema: &Value, name: &str) -> bool {
    let list = schema.get("required").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|it| it.as_str() == Some(name)))
}

/// The JSON types that may stand here; empty if the schema does not say.
pub fn types(root: &Value, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_types(root, schema, DEPTH, &mut found);
    found
}

fn collect_types(root: &Value, schema: &Value, depth: usize, found: &mut Vec<String>) {
    let schema = resolve(root, schema);
    let mut add = |name: &str| {
        if !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    };
    match schema.get("type") {
        Some(Value::String(name)) => add(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).for_each(add),
        _ => {
            for value in schema
                .get("const")
                .into_iter()
                .chain(schema.get("enum").and_then(Value::as_array).into_iter().flatten())
            {
                add(type_of(value));
            }
            if let Some(depth) = depth.checked_sub(1) {
                alternatives(schema).for_each(|schema| collect_types(root, schema, depth, found));
            }
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `string`, `integer or null`, `array of string`.
pub fn type_words(root: &Value, schema: &Value) -> String {
    let words: Vec<String> = types(root, schema)
        .into_iter()
        .map(|name| match (name.as_str(), items(root, schema)) {
            ("array", Some(items)) => format!("array of {}", type_words(root, items)),
            _ => name,
        })
        .collect();
    if words.is_empty() { "any".to_owned() } else { words.join(" or ") }
}

/// What the schema allows, in words: `1 to 63 characters`, `one of "15", "16"`.
pub fn limits(schema: &Value) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        words.push(format!("one of {}", values.join(", ")));
    }
    if let Some(value) = schema.get("const") {
        words.push(format!("always {value}"));
    }
    for (low, high, unit) in [
        ("minLength", "maxLength", "characters"),
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", "items"),
        ("minProperties", "maxProperties", "entries"),
    ] {
        let range = match (schema.get(low), schema.get(high)) {
            (Some(low), Some(high)) => format!("{low} to {high} {unit}"),
            (Some(low), None) => format!("at least {low} {unit}"),
            (None, Some(high)) => format!("at most {high} {unit}"),
            (None, None) => continue,
        };
        words.push(range.trim_end().to_owned());
    }
    for (key, words_before) in [
        ("exclusiveMinimum", "more than"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
        ("pattern", "matching"),
        ("format", "a"),
    ] {
        if let Some(value) = schema.get(key) {
            words.push(format!("{words_before} {}", super::columns::text(value)));
        }
    }
    words
}

pub fn is_secret(schema: &Value) -> bool {
    schema.get("x-vend-secret") == Some(&Value::Bool(true))
}

pub fn description(schema: &Value) -> &str {
    schema.get("description").or_else(|| schema.get("title")).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_and_alternatives() {
        let root = json!({"$defs": {"size": {"type": "integer"}, "loop": {"$ref": "#/$defs/loop"}},
            "properties": {"a": {"$ref": "#/$defs/size"}, "l": {"$ref": "#/$defs/loop"}},
            "allOf": [{"properties": {"b": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}],
            "required": ["b"]});
        assert_eq!(property(&root, &root, "a"), Some(&json!({"type": "integer"})));
        assert_eq!(type_words(&root, property(&root, &root, "b").expect("b")), "string or null");
        assert_eq!(type_words(&root, property(&root, &root, "l").expect("l")), "any");
        let names: Vec<_> = properties(&root, &root).into_iter().map(|(name, _, required)| (name, required)).collect();
        assert_eq!(names, [("b", true), ("a", false), ("l", false)]);
    }

    #[test]
    fn limits_in_words() {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z]+$"});
        assert_eq!(limits(&schema), ["1 to 63 characters", "matching ^[a-z]+$"]);
        assert_eq!(limits(&json!({"enum": ["15", "16"]})), ["one of \"15\", \"16\""]);
        assert_eq!(limits(&json!({"minimum": 1})), ["at least 1"]);
    }
}
