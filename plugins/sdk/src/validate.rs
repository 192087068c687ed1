//! Reading params into the driver's type, and their normal form: the same document, read and written again.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

use crate::bindings::vend::driver::types as wire;
use crate::results::json;
use crate::{Error, Resource, Violation, schema};

/// Reads a document of the input; what serde finds wrong becomes a violation at its JSON Pointer below `base`.
pub(crate) fn parse<T: DeserializeOwned>(base: &str, text: &str) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = format!("{base}{}", pointer(error.path()));
        // Positions in a document that nobody wrote by hand help nobody.
        let message = error.into_inner().to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Error::invalid(pointer, message)
    })
}

fn pointer(path: &Path) -> String {
    let token = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(schema::escape(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(token).map(|token| format!("/{token}")).collect()
}

/// The answer of `validate`. Params that are not known yet are filled with stand-ins, so that everything else is still
/// checked, and left out of the answer.
pub(crate) fn normal_form<R: Resource>(input: &wire::Input) -> Result<String, Error> {
    let unknown: Vec<&str> = input.unknown.iter().filter_map(|pointer| pointer.strip_prefix("/params")).collect();
    if unknown.is_empty() {
        return typed::<R>(&input.params, &input.config);
    }
    let mut params: Value = parse("/params", &input.params)?;
    let schema = schema::of_input::<R::Params>();
    for pointer in &unknown {
        put(&mut params, pointer, stand_in(schema::at(&schema, pointer)));
    }
    let filled = params.to_string();
    let normal = match typed::<R>(&filled, &input.config) {
        Ok(normal) => normal,
        Err(error) => match known_faults(error, &input.unknown) {
            Some(fault) => return Err(fault),
            // Only the stand-ins break a rule: at least every default is written out.
            None => match parse::<R::Params>("/params", &filled) {
                Ok(params) => json(&params)?,
                Err(_) => return Ok(input.params.clone()),
            },
        },
    };
    without(&normal, &unknown)
}

fn typed<R: Resource>(params: &str, config: &str) -> Result<String, Error> {
    let params = parse("/params", params)?;
    let config = parse("/config", config)?;
    json(&R::validate(params, &config)?)
}

/// What remains of an error when violations caused by a stand-in are left out; nothing if that was all.
fn known_faults(mut error: Error, unknown: &[String]) -> Option<Error> {
    if error.violations.is_empty() {
        return Some(error);
    }
    let of_unknown = |violation: &Violation| unknown.iter().any(|pointer| covers(pointer, &violation.pointer));
    let (caused, mut known): (Vec<_>, Vec<_>) = error.violations.drain(..).partition(of_unknown);
    // A rule about several values is told at each of them.
    known.retain(|violation| !caused.iter().any(|other| other.message == violation.message));
    (!known.is_empty()).then(|| Error::violations(known))
}

/// Whether `inner` is `outer` or lies below it.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn without(document: &str, pointers: &[&str]) -> Result<String, Error> {
    let mut document: Value = parse("/params", document)?;
    for pointer in pointers {
        let Some((parent, last)) = pointer.rsplit_once('/') else { continue };
        if let Some(Value::Object(members)) = document.pointer_mut(parent) {
            members.remove(&schema::unescape(last));
        }
    }
    Ok(document.to_string())
}

fn put(document: &mut Value, pointer: &str, value: Value) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = document.pointer_mut(parent) {
        members.insert(schema::unescape(last), value);
    }
}

/// Some value of the kind the schema asks for.
fn stand_in(schema: Option<&Value>) -> Value {
    let Some(schema) = schema else { return json!("") };
    for ready in [&schema["default"], &schema["const"], &schema["enum"][0], &schema["examples"][0]] {
        if !ready.is_null() {
            return ready.clone();
        }
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("integer" | "number") if schema["minimum"].is_number() => schema["minimum"].clone(),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("x"),
    }
}
