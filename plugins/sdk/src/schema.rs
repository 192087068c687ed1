//! JSON Schemas (2020-12) of Rust types, written out without references where the type is not recursive.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::Value;

/// Of a document that comes in: params, config.
pub(crate) fn of_input<T: JsonSchema>() -> Value {
    root::<T>(settings().for_deserialize().into_generator())
}

/// Of a document that goes out: outputs.
pub(crate) fn of_output<T: JsonSchema>() -> Value {
    root::<T>(settings().for_serialize().into_generator())
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    })
}

fn root<T: JsonSchema>(generator: SchemaGenerator) -> Value {
    let mut schema = generator.into_root_schema_for::<T>();
    // The name of a Rust type tells a reader of the description nothing.
    schema.remove("title");
    schema.to_value()
}

/// Pointers to the members of a document of this schema: `["/host", "/port"]`.
pub(crate) fn members(schema: &Value) -> Vec<String> {
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    properties.keys().map(|name| format!("/{}", escape(name))).collect()
}

/// Whether the empty object lacks something.
pub(crate) fn requires_members(schema: &Value) -> bool {
    schema["required"].as_array().is_some_and(|required| !required.is_empty())
}

/// The part of a schema that speaks of what `pointer` leads to.
pub(crate) fn at<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(schema, |schema, token| schema["properties"].get(unescape(token)).or_else(|| schema.get("items")))
}

/// A member name as a token of a JSON Pointer (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
