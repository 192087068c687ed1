//! Whether a composite can work: its parts and its outputs held against the types that they are of, before any order.

use std::collections::BTreeMap;

use serde_json::Value;

use super::shape::Shape;
use super::{Output as Found, Stock};
use crate::document::nearest::{hint, list};
use crate::domain::contract::Violation;
use crate::domain::document::{Recipe, ResourceEntry, ResourceType};
use crate::domain::json::pointer_push;
use crate::domain::levels::{Needs, levels};
use crate::domain::marker;
use crate::domain::name::{Key, Name};
use crate::domain::placeholder;
use crate::domain::reference::{Named, Output};

/// What is held against one another.
pub struct Made<'a> {
    pub recipe: &'a Recipe,
    pub resource_type: &'a ResourceType,
    /// All that there are.
    pub types: &'a BTreeMap<Name, ResourceType>,
    /// Connections, with the secrets that open them.
    pub credentials: &'a BTreeMap<Name, Vec<Name>>,
}

/// Everything that keeps the composite from working. Pointers lead into the recipe's document.
pub fn fit(it: &Made<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut needs = Needs::new();
    for (name, part) in &it.recipe.resources {
        let pointer = pointer_push("/resources", name.as_str());
        kind(it, part, &pointer, &mut found);
        let params = part.params.as_ref().unwrap_or(&Value::Null);
        let marked = it.types.get(&part.resource_type).map(|of| marker::pointers(&of.params, params));
        let mut needed = references(it, params, &format!("{pointer}/params"), marked.as_deref(), &mut found);
        for (slot, other) in &part.connections {
            if it.recipe.resources.contains_key(other) {
                needed.push(Key::from(other));
            } else {
                let hint = after(&hint(other.as_str(), it.recipe.resources.keys().map(Name::as_str)));
                let message = format!("the composite has no part `{other}`{hint}");
                found.push(Violation { pointer: pointer_push(&format!("{pointer}/connections"), slot), message });
            }
        }
        needs.insert(Key::from(name), needed.into_iter().collect());
    }
    if let Err(circle) = levels(&needs) {
        let way: Vec<_> = circle.iter().map(|key| format!("`{key}`")).collect();
        let message = format!("its parts refer to one another in a circle: {}", way.join(" → "));
        found.push(Violation { pointer: "/resources".into(), message });
    }
    outputs(it, &mut found);
    found
}

fn kind(it: &Made<'_>, part: &ResourceEntry, pointer: &str, found: &mut Vec<Violation>) {
    let Some(of) = it.types.get(&part.resource_type) else {
        let known = it.types.keys().map(Name::as_str);
        let hint = after(&hint(part.resource_type.as_str(), known));
        let message = format!("there is no resource type `{}`{hint}", part.resource_type);
        return found.push(Violation { pointer: format!("{pointer}/type"), message });
    };
    if let Err(error) = super::matching::check_class(of, part.class.as_ref()) {
        found.push(Violation { pointer: format!("{pointer}/class"), message: error.to_string() });
    }
}

/// `marked`: where secrets may stand; `None` if that is not known. Answers with the parts that are referred to.
fn references(
    it: &Made<'_>,
    value: &Value,
    pointer: &str,
    marked: Option<&[String]>,
    found: &mut Vec<Violation>,
) -> Vec<Key> {
    let mut needed = Vec::new();
    let references = placeholder::references(value).unwrap_or_else(|wrong| {
        let violation = |(at, error): (String, placeholder::Invalid)| Violation {
            pointer: format!("{pointer}{at}"),
            message: error.to_string(),
        };
        found.extend(wrong.into_iter().map(violation));
        Vec::new()
    });
    for (at, reference) in references {
        let kept = marked.is_none_or(|marked| marker::covers(marked, &at));
        let checked = Named::parse(&reference).and_then(|named| match named {
            Named::Output(output) => {
                part_output(it, &output, &reference.to_string(), kept)?;
                Ok(Some(output.key))
            }
            Named::Params(path) => own_param(it, &path, &reference.to_string(), kept).map(|()| None),
            Named::Secret(name) => own_secret(it, &name, &reference.to_string(), pointer, kept).map(|()| None),
            Named::Context(_) => Ok(None),
        });
        match checked {
            Ok(key) => needed.extend(key),
            Err(message) => found.push(Violation { pointer: format!("{pointer}{at}"), message }),
        }
    }
    needed
}

fn part_output(it: &Made<'_>, output: &Output, reference: &str, kept: bool) -> Result<(), String> {
    let part = Name::new(output.key.as_str()).ok().and_then(|name| it.recipe.resources.get(&name));
    let Some(part) = part else {
        let hint = hint(output.key.as_str(), it.recipe.resources.keys().map(Name::as_str));
        return Err(format!("`{reference}`: the composite has no part `{}`{}", output.key, after(&hint)));
    };
    let Some(of) = it.types.get(&part.resource_type) else { return Ok(()) };
    let name = output.path.first().map_or("", String::as_str);
    match Stock::output(of, &output.path) {
        Err(hint) => Err(format!("`{reference}`: `{}` has no output `{name}`{}", part.resource_type, after(&hint))),
        Ok(Found::Secret) if !kept => Err(format!("`{reference}` is a secret, and this place is not kept secret")),
        Ok(_) => Ok(()),
    }
}

/// What opens a connection is offered to nobody.
fn own_secret(it: &Made<'_>, name: &Name, reference: &str, pointer: &str, kept: bool) -> Result<(), String> {
    if pointer != "/outputs" {
        return Err(format!("`{reference}`: only `outputs` can offer a secret"));
    }
    if let Some((connection, _)) = it.credentials.iter().find(|(_, secrets)| secrets.contains(name)) {
        return Err(format!("`{reference}` is a credential of connection `{connection}`, and no output"));
    }
    if kept { Ok(()) } else { Err(format!("`{reference}` is a secret, and this place is not kept secret")) }
}

fn own_param(it: &Made<'_>, path: &[String], reference: &str, kept: bool) -> Result<(), String> {
    let shape = Shape::of(&it.resource_type.params);
    let Some(first) = path.first() else { return Ok(()) };
    if !shape.accepts(first) {
        let hint = hint(first, shape.named.keys().copied());
        return Err(format!("`{reference}`: `{}` has no param `{first}`{}", it.resource_type.meta.name, after(&hint)));
    }
    if shape.marks_secret(first, &it.resource_type.params) && !kept {
        return Err(format!("`{reference}` is a secret, and this place is not kept secret"));
    }
    Ok(())
}

fn outputs(it: &Made<'_>, found: &mut Vec<Violation>) {
    let none = Value::Object(serde_json::Map::new());
    let given = it.recipe.outputs.as_ref().unwrap_or(&none);
    let shape = Shape::of(&it.resource_type.outputs);
    let names: Vec<&str> = given.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let missing: Vec<&str> = shape.required.iter().copied().filter(|name| !names.contains(name)).collect();
    if !missing.is_empty() {
        let message = format!("resource type `{}` requires the outputs {}", it.resource_type.meta.name, list(&missing));
        found.push(Violation { pointer: "/outputs".into(), message });
    }
    for name in names.iter().filter(|name| !shape.accepts(name)) {
        let hint = hint(name, shape.named.keys().copied());
        let message = format!("resource type `{}` has no output `{name}`{}", it.resource_type.meta.name, after(&hint));
        found.push(Violation { pointer: pointer_push("/outputs", name), message });
    }
    let marked = marker::pointers(&it.resource_type.outputs, given);
    references(it, given, "/outputs", Some(&marked), found);
}

fn after(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(": {hint}") }
}
