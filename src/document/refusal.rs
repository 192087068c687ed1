//! What a JSON Schema refuses, in words for people. Values that may be secret are never repeated.

use std::borrow::Cow;

use jsonschema::error::{TypeKind, ValidationErrorKind as Why};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::nearest::{hint, list};
use super::scalar::short;
use crate::domain::document::Kind;
use crate::domain::json::pointer_push;
use crate::domain::marker;

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// JSON Pointer into the value.
    pub pointer: String,
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// The key at `pointer` is wrong rather than its value.
    pub at_key: bool,
    /// It stays wrong whatever else is added to the value.
    pub lasting: bool,
    /// JSON Pointer to what is missing, if that is all.
    pub missing: Option<String>,
}

impl Refusal {
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            hint: String::new(),
            at_key: false,
            lasting: true,
            missing: None,
        }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Whether it stays wrong whatever takes the places at `unknown`, where nothing is yet.
    pub fn holds_without(&self, unknown: &[String]) -> bool {
        match &self.missing {
            _ if unknown.is_empty() => true,
            Some(missing) => !marker::covers(unknown, missing),
            None => self.lasting && !marker::covers(unknown, &self.pointer),
        }
    }

    fn at_key(self) -> Self {
        Self { at_key: true, ..self }
    }

    /// Message and hint in one line.
    pub fn text(&self) -> String {
        if self.hint.is_empty() { self.message.clone() } else { format!("{}: {}", self.message, self.hint) }
    }
}

/// What is being validated, and so how its places are called.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// A document of this kind and name. What is wrong in it may be repeated.
    Document(Kind, &'a str),
    /// A value of this name, `params`. Nothing in it is repeated.
    Value(&'a str),
    /// A file whose form others have made, called so. What is wrong in it may be repeated.
    Foreign(&'a str),
}

impl Scope<'_> {
    fn shows(&self) -> bool {
        matches!(self, Scope::Document(..) | Scope::Foreign(_))
    }

    fn place(&self, pointer: &str) -> String {
        let path = pointer.split('/').skip(1).map(|it| it.replace("~1", "/").replace("~0", "~"));
        let path: Vec<String> = path.collect();
        match (self, path.as_slice()) {
            (Scope::Document(kind, ""), []) => format!("this {}", words(*kind)),
            (Scope::Document(kind, name), []) => format!("{} {}", words(*kind), short(name)),
            (Scope::Value(name), []) => format!("`{name}`"),
            (Scope::Foreign(name), []) => (*name).to_owned(),
            (Scope::Document(Kind::Order, _), [first, key]) if first == "resources" => {
                format!("resource {}", short(key))
            }
            (Scope::Document(Kind::Order, _), [first, key, rest @ ..]) if first == "resources" => {
                format!("{} of resource {}", short(&rest.join(".")), short(key))
            }
            (Scope::Document(..) | Scope::Foreign(_), path) => short(&path.join(".")),
            (Scope::Value(name), path) => short(&format!("{name}.{}", path.join("."))),
        }
    }
}

/// A kind as one says it.
pub fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Project => "project",
        Kind::Environment => "environment",
        Kind::ResourceType => "resource type",
        Kind::Connection => "connection",
        Kind::Recipe => "recipe",
        Kind::Order => "order",
    }
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What is wrong with a schema as a schema.
pub(super) fn of_schema(error: &ValidationError<'_>) -> Refusal {
    let pointer = error.instance_path().as_str();
    let keyword = pointer.rsplit('/').next().unwrap_or_default();
    let message = match error.kind() {
        Why::Format { format } if format == "regex" => {
            "this pattern cannot be used: it is too large, or no regular expression without look-around and back-references".to_owned()
        }
        _ if keyword == "type" => format!("`type` must be one of {}", list(&TYPES)),
        Why::Type { kind } => format!("`{keyword}` must be {} in a JSON Schema", types(kind)),
        Why::Enum { options } => format!("`{keyword}` must be {} in a JSON Schema", one_of(options)),
        _ if keyword.is_empty() => "this is no JSON Schema".to_owned(),
        _ => format!("`{keyword}` is not written as JSON Schema 2020-12 has it"),
    };
    Refusal::new(pointer, message)
}

/// Puts what `error` says of a value into `found`, once.
pub(super) fn of_value(schema: &Value, error: &ValidationError<'_>, scope: &Scope<'_>, found: &mut Vec<Refusal>) {
    let lasting = !is_passing(error);
    for refusal in translate(schema, error, scope) {
        if !found.iter().any(|it| it.pointer == refusal.pointer && it.message == refusal.message) {
            found.push(Refusal { lasting: refusal.lasting && lasting, ..refusal });
        }
    }
}

/// Whether more keys might mend it.
fn is_passing(error: &ValidationError<'_>) -> bool {
    let by_kind = matches!(
        error.kind(),
        Why::Required { .. }
            | Why::MinProperties { .. }
            | Why::AnyOf { .. }
            | Why::OneOfNotValid { .. }
            | Why::OneOfMultipleValid { .. }
            | Why::Not { .. }
    );
    let path = error.evaluation_path().as_str();
    by_kind || path.split('/').any(|it| matches!(it, "then" | "else" | "dependentSchemas" | "not" | "contains"))
}

fn translate(schema: &Value, error: &ValidationError<'_>, scope: &Scope<'_>) -> Vec<Refusal> {
    let pointer = error.instance_path().as_str();
    let place = || scope.place(pointer);
    let one = |message: String| vec![Refusal::new(pointer, message)];
    let rule = rule(schema, error);
    let said = rule.and_then(|it| it.get("x-vend-hint")).and_then(Value::as_str).unwrap_or_default();
    match error.kind() {
        Why::AdditionalProperties { unexpected } | Why::UnevaluatedProperties { unexpected } => {
            let known = keys(rule);
            let one = |key: &String| {
                let refusal =
                    Refusal::new(pointer_push(pointer, key), format!("unknown key {} in {}", short(key), place()));
                refusal.hint(hint(key, known.iter().copied())).at_key()
            };
            unexpected.iter().map(one).collect()
        }
        Why::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let refusal = Refusal::new(pointer, format!("missing key {} in {}", short(key), place())).at_key();
            vec![Refusal { missing: Some(pointer_push(pointer, key)), ..refusal }]
        }
        Why::Type { kind } => {
            let message = format!("{} must be {}, not {}", place(), types(kind), found_type(error.instance()));
            one(message).into_iter().map(|it| it.hint(type_hint(kind, error.instance()))).collect()
        }
        Why::Enum { options } => {
            let word = error.instance().as_str().filter(|_| scope.shows());
            let known: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let near = word.and_then(|word| super::nearest::nearest(word, known));
            let near = near.map_or(String::new(), |it| format!("did you mean `{it}`?"));
            let not = word.map_or(String::new(), |word| format!(", not {}", short(word)));
            vec![Refusal::new(pointer, format!("{} must be {}{not}", place(), one_of(options))).hint(near)]
        }
        Why::Constant { expected_value } => one(format!("{} must be {}", place(), json(expected_value))),
        Why::Pattern { pattern } => {
            let hint = if said.is_empty() { format!("it must match `{pattern}`") } else { said.to_owned() };
            let shown = error.instance().as_str().filter(|_| scope.shows());
            let message = match shown {
                Some(text) => format!("{} cannot be {}", place(), short(text)),
                None => format!("{} is not written as it must be", place()),
            };
            vec![Refusal::new(pointer, message).hint(hint)]
        }
        Why::PropertyNames { error: inner } => {
            let key = inner.instance().as_str().unwrap_or_default();
            let rule = rule.and_then(|it| it.pointer(inner.schema_path().as_str().trim_end_matches("/pattern")));
            let said = rule.or(self::rule(schema, inner)).and_then(|it| it.get("x-vend-hint")).and_then(Value::as_str);
            let message = format!("{} cannot be a key in {}", short(key), place());
            vec![Refusal::new(pointer_push(pointer, key), message).hint(said.unwrap_or_default()).at_key()]
        }
        Why::AnyOf { context } | Why::OneOfNotValid { context } => match meant(context) {
            Some(branch) => branch.iter().flat_map(|inner| translate(schema, inner, scope)).collect(),
            None => vec![Refusal::new(pointer, format!("{} fits none of its allowed forms", place())).hint(said)],
        },
        Why::OneOfMultipleValid { .. } => {
            vec![Refusal::new(pointer, format!("{} fits more than one of its allowed forms", place())).hint(said)]
        }
        other => vec![Refusal::new(pointer, format!("{} {}", place(), bound(other))).hint(said)],
    }
}

/// What a number, a text or a list must be.
fn bound(why: &Why) -> String {
    match why {
        Why::Minimum { limit } => format!("must be at least {limit}"),
        Why::Maximum { limit } => format!("must be at most {limit}"),
        Why::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Why::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Why::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Why::MinLength { limit: 1 } => "must not be empty".to_owned(),
        Why::MinLength { limit } => format!("must have at least {limit} characters"),
        Why::MaxLength { limit } => format!("must have at most {limit} characters"),
        Why::MinItems { limit } => format!("must have at least {}", number(*limit, "item")),
        Why::MaxItems { limit } => format!("must have at most {}", number(*limit, "item")),
        Why::MinProperties { limit } => format!("must have at least {}", number(*limit, "key")),
        Why::MaxProperties { limit } => format!("must have at most {}", number(*limit, "key")),
        Why::AdditionalItems { limit } => format!("must have at most {limit} items"),
        Why::UniqueItems => "must not have the same item twice".to_owned(),
        Why::FalseSchema => "is not allowed here".to_owned(),
        Why::Format { format } => format!("must be a {format}"),
        other => format!("breaks the rule `{}`", other.keyword()),
    }
}

fn number(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// The branch that a value was meant for: the one that does not refuse the value as a whole.
fn meant<'a, 'e>(context: &'a [Vec<ValidationError<'e>>]) -> Option<&'a Vec<ValidationError<'e>>> {
    let refuses_whole = |error: &ValidationError<'_>| {
        matches!(error.kind(), Why::Type { .. } | Why::Constant { .. } | Why::Enum { .. })
    };
    let mut fitting = context.iter().filter(|branch| {
        let whole = branch.iter().map(|error| error.instance_path().as_str().len()).min().unwrap_or_default();
        !branch.iter().any(|error| refuses_whole(error) && error.instance_path().as_str().len() == whole)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// The schema whose keyword refused.
fn rule<'a>(schema: &'a Value, error: &ValidationError<'_>) -> Option<&'a Value> {
    let (rule, _keyword) = error.schema_path().as_str().rsplit_once('/')?;
    schema.pointer(rule)
}

fn keys(rule: Option<&Value>) -> Vec<&str> {
    let properties = rule.and_then(|it| it.get("properties")).and_then(Value::as_object);
    properties.into_iter().flat_map(|it| it.keys()).map(String::as_str).collect()
}

fn types(kind: &TypeKind) -> Cow<'static, str> {
    match kind {
        TypeKind::Single(one) => Cow::Borrowed(type_name(*one)),
        TypeKind::Multiple(set) => Cow::Owned(set.iter().map(type_name).collect::<Vec<_>>().join(" or ")),
    }
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "a text",
        JsonType::Array => "a list",
        JsonType::Object => "a mapping",
    }
}

fn found_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn type_hint(kind: &TypeKind, value: &Value) -> &'static str {
    let wants_text = match kind {
        TypeKind::Single(one) => *one == JsonType::String,
        TypeKind::Multiple(set) => set.iter().any(|it| it == JsonType::String),
    };
    match value {
        Value::Null => "leave the key out, or give it a value",
        Value::Bool(_) | Value::Number(_) if wants_text => "write it in quotes",
        _ => "",
    }
}

fn one_of(options: &Value) -> String {
    const LISTED: usize = 16;
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = options.iter().take(LISTED).map(plain).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    match shown.as_slice() {
        [one] => format!("`{one}`"),
        _ if options.len() > LISTED => format!("one of {}, …", list(&shown)),
        _ => format!("one of {}", list(&shown)),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn json(value: &Value) -> String {
    short(&plain(value))
}
