//! JSON Schemas (2020-12) that others write: checked and bounded before they are used, compiled to be used.
//!
//! A schema may refer only into itself and may not recurse, and its patterns run in linear time: validating costs at
//! most the schema's size times the value's. Where others choose both, that product is bounded too.

use std::collections::BTreeMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use super::refusal::{self, Refusal, Scope};
use crate::domain::contract::Violation;
use crate::domain::json::{self, pointer_push};
use crate::domain::marker;

pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

const MAX_DEPTH: usize = 32;
const MAX_BYTES: usize = 256 << 10;
const MAX_PATTERNS: usize = 256;
const PATTERN_BYTES: usize = 256 << 10;
/// Schemas within the schema, each `$ref` counted as what it refers to.
const MAX_EXPANDED: usize = 100_000;
/// How often what stands beside `unevaluatedProperties` or `unevaluatedItems` may be looked at: to validate, and to see
/// what it has looked at. It multiplies where they nest.
const UNEVALUATED: usize = 4;
/// Levels of the schema, `$ref`s followed.
const MAX_EXPANDED_DEPTH: usize = 96;
/// Parts of the schema times parts of the value: a second or two, if somebody makes the most of it.
const MAX_WORK: usize = 100_000_000;
/// Patterns times bytes of text. The worst of patterns takes ten microseconds for a byte: two seconds and a half.
const MAX_PATTERN_WORK: usize = 256 << 10;
/// Values with more parts than this are told the first thing that is wrong with them.
const MAX_TOLD_WHOLE: usize = 20_000;
/// Told of one value at once.
const MAX_REFUSALS: usize = 100;

/// A schema that was checked, ready to validate.
#[derive(Debug)]
pub struct Compiled {
    schema: Value,
    validator: Validator,
    /// With every `$ref` written out.
    parts: usize,
    patterns: usize,
}

impl Compiled {
    /// Pointers of the violations lead into `schema`.
    pub fn new(schema: &Value) -> Result<Self, Vec<Violation>> {
        let size = bounds(schema)?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let options = jsonschema::options().with_draft(Draft::Draft202012).offline().with_pattern_options(patterns);
        match options.build(schema) {
            Ok(validator) => Ok(Self { schema: schema.clone(), validator, parts: size.parts, patterns: size.patterns }),
            Err(error) => {
                let refused = refusal::of_schema(&error);
                Err(vec![Violation { pointer: refused.pointer, message: refused.message }])
            }
        }
    }

    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// For who has to tell one kind of error from another.
    pub fn validator(&self) -> &Validator {
        &self.validator
    }

    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Why `value` is not even held against this schema, if that would take too long.
    pub fn too_much(&self, value: &Value) -> Option<String> {
        let (parts, bytes) = weight(value);
        if self.parts.saturating_mul(parts) > MAX_WORK {
            return Some(format!("{parts} values are too many for a schema of {} parts", self.parts));
        }
        (self.patterns.saturating_mul(bytes) > MAX_PATTERN_WORK)
            .then(|| format!("{bytes} bytes of text are too much for a schema with {} patterns", self.patterns))
    }

    /// All that `value` breaks, each once, in the words of `scope`.
    pub fn refusals(&self, value: &Value, scope: &Scope<'_>) -> Vec<Refusal> {
        // A document's schema is vend's own, and a document as large as a message may be.
        if let (Scope::Value(name), Some(why)) = (scope, self.too_much(value)) {
            return vec![Refusal::new("", format!("`{name}`: {why}"))];
        }
        if self.accepts(value) {
            return Vec::new();
        }
        let mut found = Vec::new();
        // The library gathers every error, with a copy of what is wrong, before the first is seen: of a large value only that is asked.
        if weight(value).0 > MAX_TOLD_WHOLE {
            if let Err(error) = self.validator.validate(value) {
                refusal::of_value(&self.schema, &error, scope, &mut found);
            }
            return found;
        }
        for error in self.validator.iter_errors(value).take(MAX_REFUSALS) {
            refusal::of_value(&self.schema, &error, scope, &mut found);
        }
        found
    }
}

/// What is wrong with `schema` as a schema; nothing if it can be used.
pub fn check(schema: &Value) -> Vec<Violation> {
    Compiled::new(schema).err().unwrap_or_default()
}

/// Parts of a value, and bytes of text in it.
fn weight(value: &Value) -> (usize, usize) {
    let (mut parts, mut bytes) = (0, 0);
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        parts += 1;
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                bytes += map.keys().map(String::len).sum::<usize>();
                open.extend(map.values());
            }
            _ => {}
        }
    }
    (parts, bytes)
}

/// How large a schema is.
struct Size {
    parts: usize,
    patterns: usize,
}

fn bounds(schema: &Value) -> Result<Size, Vec<Violation>> {
    let refuse = |message: String| vec![Violation { pointer: String::new(), message }];
    if !schema.is_object() {
        return Err(refuse("a schema is a mapping".to_owned()));
    }
    if json::depth(schema) > MAX_DEPTH {
        return Err(refuse(format!("a schema nests at most {MAX_DEPTH} levels")));
    }
    if schema.to_string().len() > MAX_BYTES {
        return Err(refuse(format!("a schema has at most {MAX_BYTES} bytes")));
    }
    let parts = parts(schema);
    let mut found = Vec::new();
    let mut patterns = 0;
    for (pointer, part) in &parts {
        keywords(pointer, part, &parts, &mut found);
        patterns += usize::from(part.get("pattern").is_some());
        patterns += part.get("patternProperties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    }
    if patterns > MAX_PATTERNS {
        found.extend(refuse(format!("a schema has at most {MAX_PATTERNS} patterns")));
    }
    let mut size = Size { parts: 0, patterns };
    if found.is_empty() {
        let mut expansion = Expansion { parts: &parts, known: BTreeMap::new(), found: Vec::new() };
        size.parts = expansion.size("", 0).0;
        found = expansion.found;
    }
    if found.is_empty() { Ok(size) } else { Err(found) }
}

/// Every schema within `schema`, itself included, by its pointer.
fn parts(schema: &Value) -> BTreeMap<String, &Value> {
    let mut parts = BTreeMap::new();
    let mut open = vec![(String::new(), schema)];
    while let Some((pointer, part)) = open.pop() {
        open.extend(children(&pointer, part));
        parts.insert(pointer, part);
    }
    parts
}

fn children<'a>(pointer: &str, schema: &'a Value) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        let at = pointer_push(pointer, keyword);
        match (keyword.as_str(), value) {
            (
                "items"
                | "additionalProperties"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "contains"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contentSchema",
                _,
            ) => found.push((at, value)),
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(items)) => {
                found.extend(items.iter().enumerate().map(|(i, item)| (pointer_push(&at, &i.to_string()), item)));
            }
            ("properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions", Value::Object(map)) => {
                found.extend(map.iter().map(|(name, item)| (pointer_push(&at, name), item)));
            }
            _ => {}
        }
    }
    found
}

/// Keywords that reach outside the schema, or mean something that vend does not do.
fn keywords(pointer: &str, part: &Value, parts: &BTreeMap<String, &Value>, found: &mut Vec<Violation>) {
    let mut refuse = |keyword: &str, message: String| {
        found.push(Violation { pointer: pointer_push(pointer, keyword), message });
    };
    match part.get("$schema") {
        None => {}
        Some(Value::String(dialect)) if dialect.trim_end_matches('#') == DIALECT => {}
        Some(_) => refuse("$schema", format!("a schema is written in JSON Schema 2020-12: `$schema: {DIALECT}`")),
    }
    match part.get("$ref").map(Value::as_str) {
        None => {}
        Some(Some(reference)) if target(reference).is_some_and(|target| parts.contains_key(&target)) => {}
        Some(Some(reference)) if reference.starts_with('#') => {
            refuse("$ref", format!("`$ref` leads to `{reference}`, where no schema is"));
        }
        Some(_) => refuse("$ref", "`$ref` leads outside this schema: only `#/…` is followed".to_owned()),
    }
    for keyword in ["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary"] {
        if part.get(keyword).is_some() {
            refuse(keyword, format!("`{keyword}` is not followed"));
        }
    }
    if !pointer.is_empty() && part.get("$id").is_some() {
        refuse("$id", "`$id` may stand only at the top of a schema".to_owned());
    }
    if part.get(marker::KEYWORD).is_some_and(|mark| !mark.is_boolean()) {
        refuse(marker::KEYWORD, format!("`{}` is true or false", marker::KEYWORD));
    }
}

/// The pointer within a schema that a local `$ref` means.
fn target(reference: &str) -> Option<String> {
    let pointer = reference.strip_prefix('#')?;
    // An encoded pointer is left to the people who can write it plainly.
    (!pointer.contains('%')).then(|| pointer.to_owned())
}

/// Counts what a schema comes to when every `$ref` is written out.
struct Expansion<'a> {
    parts: &'a BTreeMap<String, &'a Value>,
    /// Size and height of what was counted; nothing while it is being counted.
    known: BTreeMap<String, Option<(usize, usize)>>,
    found: Vec<Violation>,
}

impl Expansion<'_> {
    fn size(&mut self, pointer: &str, depth: usize) -> (usize, usize) {
        let Some(part) = self.parts.get(pointer).copied() else { return (0, 0) };
        if !self.found.is_empty() {
            return (0, 0);
        }
        let refused = match self.known.get(pointer) {
            Some(None) => Some("a schema may not refer to itself".to_owned()),
            Some(Some((_, height))) if depth + height > MAX_EXPANDED_DEPTH => Some(too_deep()),
            Some(Some(known)) => return *known,
            None if depth > MAX_EXPANDED_DEPTH => Some(too_deep()),
            None => None,
        };
        if let Some(message) = refused {
            self.found.push(Violation { pointer: pointer.to_owned(), message });
            return (0, 0);
        }
        self.known.insert(pointer.to_owned(), None);
        // Each of the values of an `enum` is looked at.
        let values = part.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        let (mut total, mut height) = (1 + values, 0);
        let referred = part.get("$ref").and_then(Value::as_str).and_then(target);
        let inner = children(pointer, part).into_iter().map(|(inner, _)| inner);
        for inner in inner.chain(referred) {
            let definition = inner.starts_with("/$defs/") && depth == 0;
            let (size, below) = self.size(&inner, depth + 1);
            // A definition costs where it is referred to; here it is only looked at for circles.
            total = total.saturating_add(if definition { 1 } else { size });
            height = height.max(below + 1);
        }
        if part.get("unevaluatedProperties").is_some() || part.get("unevaluatedItems").is_some() {
            total = total.saturating_mul(UNEVALUATED);
        }
        if total > MAX_EXPANDED && self.found.is_empty() {
            let message = format!("with every `$ref` written out a schema has at most {MAX_EXPANDED} parts");
            self.found.push(Violation { pointer: pointer.to_owned(), message });
        }
        self.known.insert(pointer.to_owned(), Some((total, height)));
        (total, height)
    }
}

fn too_deep() -> String {
    format!("with every `$ref` written out a schema nests at most {MAX_EXPANDED_DEPTH} levels")
}
