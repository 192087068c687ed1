//! What a document must hold to beyond its schema, without looking at any other document.

use serde_json::Value;

use super::refusal::Refusal;
use super::rule::Rule;
use super::{connection, json_schema, span};
use crate::domain::document::{Manifest, OrderManifest, Recipe, ResourceType};
use crate::domain::json::pointer_push;
use crate::domain::placeholder;
use crate::domain::requirement::Requirement;
use crate::domain::secret::Handle;

/// Puts what is wrong with `manifest` into `found`.
pub(super) fn manifest(manifest: &Manifest, found: &mut Vec<Refusal>) {
    match manifest {
        Manifest::ResourceType(it) => resource_type(it, found),
        Manifest::Connection(it) => connection::check(it, found),
        Manifest::Recipe(it) => recipe(it, found),
        Manifest::Order(it) => order(it, found),
        Manifest::Project(_) | Manifest::Environment(_) => {}
    }
}

/// Secret handles are made and placed by vend alone: one in a document could be another resource's secret.
pub(super) fn handles(value: &Value, found: &mut Vec<Refusal>) {
    smuggled(value, "", found);
}

fn smuggled(value: &Value, pointer: &str, found: &mut Vec<Refusal>) {
    let refusal = |pointer: String, at_key| Refusal {
        hint: "a document names secrets, it does not carry them".to_owned(),
        at_key,
        ..Refusal::new(pointer, "a secret handle cannot be written into a document")
    };
    match value {
        Value::String(text) if holds_handle(text) => found.push(refusal(pointer.to_owned(), false)),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate().filter(|(_, item)| may_hold(item)) {
                smuggled(item, &pointer_push(pointer, &i.to_string()), found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                if holds_handle(key) {
                    found.push(refusal(pointer_push(pointer, key), true));
                }
                if may_hold(member) {
                    smuggled(member, &pointer_push(pointer, key), found);
                }
            }
        }
        _ => {}
    }
}

/// Spares the pointers of scalars that hold nothing.
fn may_hold(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_handle(text),
        other => other.is_array() || other.is_object(),
    }
}

fn holds_handle(text: &str) -> bool {
    !Handle::scan(text).is_empty()
}

fn resource_type(it: &ResourceType, found: &mut Vec<Refusal>) {
    schema("/params", &it.params, found);
    schema("/outputs", &it.outputs, found);
    if let Some(interval) = it.observe.as_ref().and_then(|observe| observe.interval.as_deref()) {
        observed(interval, found);
    }
    for (i, class) in it.classes.iter().enumerate() {
        if it.classes[..i].iter().any(|earlier| earlier.name == class.name) {
            found.push(Refusal::new(format!("/classes/{i}/name"), format!("the class `{}` stands twice", class.name)));
        }
    }
}

/// What is shared belongs to no order alone.
fn order(it: &OrderManifest, found: &mut Vec<Refusal>) {
    for (name, entry) in it.resources.iter().filter(|(_, entry)| entry.id.is_some()) {
        let pointer = pointer_push("/resources", name.as_str());
        let others = [
            ("adopt", entry.adopt.is_some(), "adopt it first, and give it the `id` afterwards, without `adopt`"),
            ("observe-only", entry.observe_only, "what is only observed cannot be shared: leave `id` out"),
            ("was", entry.was.is_some(), "leave `was` out: with its `id` it is the same resource under any name"),
        ];
        for (member, _, hint) in others.into_iter().filter(|(_, given, _)| *given) {
            let message = format!("`{name}` is shared, and `{member}` does not go with `id`");
            found.push(Refusal::new(pointer_push(&pointer, member), message).hint(hint));
        }
        let params = entry.params.as_ref().map(|it| placeholder::references(it).unwrap_or_default());
        for (at, reference) in params.into_iter().flatten() {
            let message = format!("`{name}` is shared, and `{reference}` is known in this order alone");
            let hint = "write the value itself, or leave `id` out";
            found.push(Refusal::new(format!("{pointer}/params{at}"), message).hint(hint));
        }
    }
}

/// Looking at everything all the time is nothing that a backend deserves.
const SHORTEST_MS: u64 = 1_000;
const LONGEST_MS: u64 = 365 * 86_400_000;

fn observed(interval: &str, found: &mut Vec<Refusal>) {
    let at = "/observe/interval";
    match (interval, span::parse_ms(interval)) {
        ("off", _) | (_, Ok(SHORTEST_MS..=LONGEST_MS)) => {}
        (_, Ok(_)) => found.push(Refusal::new(at, "the interval is between `1s` and `365d`").hint("`off` is never")),
        (_, Err(error)) => found.push(Refusal::new(at, error.to_string()).hint("`off` is never")),
    }
}

fn recipe(it: &Recipe, found: &mut Vec<Refusal>) {
    match &it.driver {
        Some(driver) => {
            if let Err(error) = Requirement::parse(driver) {
                found.push(Refusal::new("/driver", error.to_string()));
            }
            for (key, given) in [("resources", !it.resources.is_empty()), ("outputs", it.outputs.is_some())] {
                if given {
                    let message = format!("a recipe has a `driver` or `resources`, and `{key}` goes with `resources`");
                    found.push(Refusal::new(format!("/{key}"), message).hint("leave out one of them"));
                }
            }
        }
        None if it.resources.is_empty() && it.outputs.is_none() => {
            let message = format!("recipe `{}` says neither `driver` nor `resources` nor `outputs`", it.meta.name);
            let hint =
                "name the driver that makes the type, the resources that it is made of, or what is there already";
            found.push(Refusal::new("", message).hint(hint));
        }
        None => {
            let of_drivers = [
                ("connections", !it.connections.is_empty()),
                ("config", it.config.is_some()),
                ("accept-unsafe", it.accept_unsafe),
                ("replace", it.replace.is_some()),
                ("drift", it.drift.is_some()),
            ];
            for (key, _) in of_drivers.into_iter().filter(|(_, given)| *given) {
                found.push(Refusal::new(
                    format!("/{key}"),
                    format!("`{key}` goes with a `driver`, which a composite has not"),
                ));
            }
        }
    }
    let grace = it.policy.as_ref().and_then(|policy| policy.deletion_grace.as_ref());
    if let Some(Err(error)) = grace.map(|text| span::parse_ms(text)) {
        found.push(Refusal::new("/policy/deletion-grace", error.to_string()));
    }
    if let Some(allowed) = it.params.as_ref().and_then(|params| params.allowed.as_ref()) {
        schema("/params/allowed", allowed, found);
    }
    for (i, constraint) in it.params.iter().flat_map(|params| &params.constraints).enumerate() {
        if let Err(why) = Rule::new(&constraint.rule) {
            found.push(Refusal::new(format!("/params/constraints/{i}/rule"), why));
        }
    }
    for (pointer, invalid) in it.config.as_ref().and_then(|it| placeholder::references(it).err()).unwrap_or_default() {
        found.push(Refusal::new(format!("/config{pointer}"), invalid.to_string()));
    }
    for (i, criteria) in it.criteria.iter().enumerate() {
        if it.criteria[..i].contains(criteria) {
            found.push(Refusal::new(format!("/match/{i}"), "the same criteria stand twice"));
        }
    }
}

/// A schema for mappings: params and outputs are nothing else.
fn schema(pointer: &str, schema: &Value, found: &mut Vec<Refusal>) {
    for violation in json_schema::check(schema) {
        found.push(Refusal::new(format!("{pointer}{}", violation.pointer), violation.message));
    }
    if schema.get("type").is_some_and(|it| it != "object") {
        found.push(
            Refusal::new(format!("{pointer}/type"), "params and outputs are mappings").hint("write `type: object`"),
        );
    }
}
