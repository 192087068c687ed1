//! What a schema for objects says of their members, as far as that can be read without a value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::marker;

/// Gathered through `allOf` and `$ref`; branches that may not hold are not looked into.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    /// Members that are described.
    pub named: BTreeMap<&'a str, Vec<&'a Value>>,
    pub required: BTreeSet<&'a str>,
    /// Members that are not described are refused.
    pub closed: bool,
}

const DEPTH: usize = 32;

impl<'a> Shape<'a> {
    pub fn of(schema: &'a Value) -> Self {
        let mut shape = Self::default();
        shape.gather(schema, schema, 0);
        shape
    }

    fn gather(&mut self, schema: &'a Value, root: &'a Value, depth: usize) {
        if depth > DEPTH {
            return;
        }
        for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.named.entry(key).or_default().push(inner);
        }
        for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            self.required.insert(key);
        }
        let no = Some(&Value::Bool(false));
        let patterns = schema.get("patternProperties").is_some();
        let shut = schema.get("additionalProperties") == no || schema.get("unevaluatedProperties") == no;
        self.closed |= shut && !patterns;
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.gather(part, root, depth + 1);
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|text| marker::local(root, text)) {
            self.gather(target, root, depth + 1);
        }
    }

    pub fn accepts(&self, key: &str) -> bool {
        !self.closed || self.named.contains_key(key)
    }

    /// Whether the schema within `root` marks the member `key` as a secret.
    pub fn marks_secret(&self, key: &str, root: &'a Value) -> bool {
        self.named.get(key).into_iter().flatten().any(|schema| is_marked(schema, root, 0))
    }
}

fn is_marked(schema: &Value, root: &Value, depth: usize) -> bool {
    if depth > DEPTH {
        return true;
    }
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|text| marker::local(root, text));
    let mut parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten().chain(target);
    schema.get(marker::KEYWORD) == Some(&Value::Bool(true)) || parts.any(|part| is_marked(part, root, depth + 1))
}
