//! `--set path=value`: params typed as the catalog's schema has them.

use serde_json::{Map, Value, json};

use super::error::Failure;
use super::schema;

/// The params that `--set` and `--set-json` spell, in the order given. A list grows by each `--set` of its path.
pub fn params(root: &Value, sets: &[String], json_sets: &[String]) -> Result<Value, Failure> {
    let mut params = json!({});
    for set in sets {
        let (path, text) = split(set, "--set")?;
        let schema = schema_at(root, &path)?;
        let types = schema.map(|schema| schema::types(root, schema)).unwrap_or_default();
        let is_list = types.iter().any(|name| name == "array");
        if is_list && !text.starts_with('[') && !is_placeholder(text) {
            let item = schema.and_then(|schema| schema::items(root, schema)).unwrap_or(&Value::Null);
            let value = typed(&path, text, &schema::types(root, item))?;
            push(slot(&mut params, &path)?, value);
        } else {
            *slot(&mut params, &path)? = typed(&path, text, &types)?;
        }
    }
    for set in json_sets {
        let (path, text) = split(set, "--set-json")?;
        schema_at(root, &path)?;
        let value = serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("--set-json {}: not JSON: {error}", path.join("."))))?;
        *slot(&mut params, &path)? = value;
    }
    Ok(params)
}

/// `a.b\.c=value` → (`a`, `b.c`), `value`.
fn split<'a>(set: &'a str, flag: &str) -> Result<(Vec<String>, &'a str), Failure> {
    let bad = || Failure::usage(format!("{flag} {set}: write PATH=VALUE"));
    let (path, text) = set.split_once('=').ok_or_else(bad)?;
    let mut parts = vec![String::new()];
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' => parts.push(String::new()),
            '\\' => parts.last_mut().ok_or_else(bad)?.extend(letters.next()),
            other => parts.last_mut().ok_or_else(bad)?.push(other),
        }
    }
    if parts.iter().any(String::is_empty) {
        return Err(bad());
    }
    Ok((parts, text))
}

/// The schema of a path; none where the type leaves it open.
fn schema_at<'a>(root: &'a Value, path: &[String]) -> Result<Option<&'a Value>, Failure> {
    let mut schema = root;
    for (depth, part) in path.iter().enumerate() {
        match schema::property(root, schema, part) {
            Some(found) => schema = found,
            None if schema::is_closed(root, schema) => {
                let known: Vec<&str> = schema::properties(root, schema).into_iter().map(|(name, ..)| name).collect();
                let known = if known.is_empty() {
                    "there are none".to_owned()
                } else {
                    format!("there are {}", known.join(", "))
                };
                return Err(Failure::usage(format!("there is no param `{}`; {known}", path[..=depth].join("."))));
            }
            None => return Ok(None),
        }
    }
    Ok(Some(schema))
}

fn slot<'a>(params: &'a mut Value, path: &[String]) -> Result<&'a mut Value, Failure> {
    let mut at = params;
    for part in path {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(map) = at else {
            return Err(Failure::usage(format!("`{}` is set both as a whole and in part", path.join("."))));
        };
        at = map.entry(part.clone()).or_insert(Value::Null);
    }
    Ok(at)
}

fn push(slot: &mut Value, value: Value) {
    match slot {
        Value::Array(items) => items.push(value),
        other => *other = json!([value]),
    }
}

/// A reference that the core fills in, whatever type belongs here.
fn is_placeholder(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}')
}

fn typed(path: &[String], text: &str, types: &[String]) -> Result<Value, Failure> {
    if is_placeholder(text) {
        return Ok(json!(text));
    }
    let has = |name: &str| types.iter().any(|it| it == name);
    if has("boolean") && matches!(text, "true" | "false") {
        return Ok(json!(text == "true"));
    }
    if (has("integer") || has("number"))
        && let Ok(number) = serde_json::from_str::<serde_json::Number>(text)
        && (has("number") || !number.is_f64())
    {
        return Ok(Value::Number(number));
    }
    if has("null") && text == "null" {
        return Ok(Value::Null);
    }
    let looks_whole = (has("object") && text.starts_with('{')) || (has("array") && text.starts_with('['));
    if looks_whole {
        return serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("--set {}: not JSON: {error}", path.join("."))));
    }
    // Without a schema a text stays a text: guessing would turn version 16 into a number.
    if types.is_empty() || has("string") {
        return Ok(json!(text));
    }
    Err(Failure::usage(format!("--set {}: `{text}` is no {}", path.join("."), types.join(" or "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": false, "properties": {
            "name": {"type": "string"},
            "version": {"enum": ["15", "16"]},
            "size": {"type": "integer"},
            "ratio": {"type": "number"},
            "public": {"type": "boolean"},
            "limit": {"type": ["integer", "null"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "ports": {"type": "array", "items": {"type": "integer"}},
            "backup": {"type": "object", "properties": {"days": {"type": "integer"}, "at": {"type": "string"}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {},
        }})
    }

    fn check(sets: &[&str], expected: Value) {
        let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(params(&schema(), &sets, &[]), Ok(expected), "{sets:?}");
    }

    fn check_refused(set: &str, expected: &str) {
        let refused = params(&schema(), &[set.to_owned()], &[]).expect_err("is refused");
        assert_eq!((refused.message.as_str(), refused.exit.code()), (expected, 2));
    }

    #[test]
    fn values_take_the_type_of_the_schema() {
        check(&[], json!({}));
        check(
            &["name=orders", "version=16", "size=3", "ratio=0.5", "public=true"],
            json!({
            "name": "orders", "version": "16", "size": 3, "ratio": 0.5, "public": true}),
        );
        check(&["name=a=b"], json!({"name": "a=b"}));
        check(&["name="], json!({"name": ""}));
        check(&["limit=null"], json!({"limit": null}));
        check(&["limit=4"], json!({"limit": 4}));
        check(&["free=16"], json!({"free": "16"}));
        check(&["size=${resources.db.outputs.size}"], json!({"size": "${resources.db.outputs.size}"}));
    }

    #[test]
    fn lists_and_nested_values() {
        check(&["tags=a", "tags=b", "ports=1", "ports=2"], json!({"tags": ["a", "b"], "ports": [1, 2]}));
        check(&["ports=[1, 2]"], json!({"ports": [1, 2]}));
        check(&["backup.days=7", "backup.at=03:00"], json!({"backup": {"days": 7, "at": "03:00"}}));
        check(&["backup={\"days\": 7}"], json!({"backup": {"days": 7}}));
        check(&["labels.example\\.org/team=a"], json!({"labels": {"example.org/team": "a"}}));
        check(&["free.deep.er=x"], json!({"free": {"deep": {"er": "x"}}}));
    }

    #[test]
    fn json_as_it_is() {
        let set = params(&schema(), &[], &["free={\"a\": [1]}".to_owned()]);
        assert_eq!(set, Ok(json!({"free": {"a": [1]}})));
        assert!(params(&schema(), &[], &["free=nope".to_owned()]).is_err());
    }

    #[test]
    fn mistakes() {
        check_refused("size=big", "--set size: `big` is no integer");
        check_refused("size=1.5", "--set size: `1.5` is no integer");
        check_refused("ports=x", "--set ports: `x` is no integer");
        check_refused("name", "--set name: write PATH=VALUE");
        check_refused("a..b=1", "--set a..b=1: write PATH=VALUE");
        check_refused(
            "sizee=1",
            "there is no param `sizee`; there are backup, free, labels, limit, name, ports, public, ratio, size, tags, \
             version",
        );
    }
}
