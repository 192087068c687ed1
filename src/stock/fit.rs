//! Whether a recipe can work: its type, its driver and its connections held against one another, before any order.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::facts;
use super::schema::Schemas;
use super::shape::Shape;
use crate::document::nearest::{hint, list};
use crate::document::refusal::Scope;
use crate::document::rule::Rule;
use crate::domain::connection::{Connection, ReadCredential};
use crate::domain::contract::Violation;
use crate::domain::description::{Access, Description, Identity, Slot, TypeDescription};
use crate::domain::document::{Recipe, ResourceType};
use crate::domain::json::pointer_push;
use crate::domain::name::Name;

/// What is held against one another.
#[derive(Debug, Clone, Copy)]
pub struct Fit<'a> {
    pub recipe: &'a Recipe,
    pub resource_type: &'a ResourceType,
    /// Of the driver that the recipe's requirement picks.
    pub driver: &'a Description,
    /// All that there are.
    pub connections: &'a BTreeMap<Name, Connection>,
}

/// Everything that keeps the recipe from working. Pointers lead into the recipe's document.
pub fn fit(it: &Fit<'_>, schemas: &Schemas) -> Vec<Violation> {
    let mut found = Found(written(it.recipe, it.resource_type));
    slots(it, &mut found);
    let wanted = it.resource_type.meta.name.as_str();
    match it.driver.types.get(wanted) {
        Some(made) => {
            outputs(it, made, &mut found);
            params(it, made, &mut found);
            config(it, made, schemas, &mut found);
            values(it, made, schemas, &mut found);
            identity(it, made, &mut found);
        }
        None => {
            let makes: Vec<&str> = it.driver.types.keys().map(String::as_str).collect();
            found.add(
                "/driver",
                format!("driver `{}` does not make `{wanted}`: it makes {}", it.driver.name, list(&makes)),
            );
        }
    }
    found.0
}

/// What is wrong with criteria and rules, whatever makes the type.
pub(super) fn written(recipe: &Recipe, resource_type: &ResourceType) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    classes(recipe, resource_type, &mut found);
    rules(recipe, resource_type, &mut found);
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Violation { pointer: pointer.into(), message: message.into() });
    }
}

fn classes(recipe: &Recipe, resource_type: &ResourceType, found: &mut Found) {
    let known: Vec<&str> = resource_type.classes.iter().map(|class| class.name.as_str()).collect();
    for (i, criteria) in recipe.criteria.iter().enumerate() {
        if let Some(class) = criteria.class.as_ref().filter(|class| !known.contains(&class.as_str())) {
            let message = format!("resource type `{}` has no class `{class}`", resource_type.meta.name);
            found.add(format!("/match/{i}/class"), with_hint(message, &hint(class.as_str(), known.iter().copied())));
        }
    }
}

fn slots(it: &Fit<'_>, found: &mut Found) {
    let driver = &it.driver.name;
    for (name, slot) in &it.driver.slots {
        if !it.recipe.connections.keys().any(|bound| bound == name) {
            let message = format!("the slot `{name}` of driver `{driver}` has no connection");
            let needs: Vec<&str> = slot.types.iter().map(String::as_str).collect();
            found.add("/connections", format!("{message}: bind one of type {}", list(&needs)));
        }
    }
    for (bound, name) in &it.recipe.connections {
        let pointer = pointer_push("/connections", bound);
        let Some(slot) = it.driver.slots.get(bound) else {
            let known = it.driver.slots.keys().map(String::as_str);
            found.add(pointer, with_hint(format!("driver `{driver}` has no slot `{bound}`"), &hint(bound, known)));
            continue;
        };
        match it.connections.get(name) {
            Some(connection) => connection_fits(slot, bound, connection, &pointer, found),
            None => {
                let known = it.connections.keys().map(Name::as_str);
                found.add(pointer, with_hint(format!("there is no connection `{name}`"), &hint(name.as_str(), known)));
            }
        }
    }
}

fn connection_fits(slot: &Slot, bound: &str, connection: &Connection, pointer: &str, found: &mut Found) {
    let name = &connection.meta.name;
    if !slot.types.contains(&connection.connection_type) {
        let needs: Vec<&str> = slot.types.iter().map(String::as_str).collect();
        let is = &connection.connection_type;
        return found
            .add(pointer, format!("connection `{name}` is of type `{is}`, the slot `{bound}` takes {}", list(&needs)));
    }
    match connection.connection_type.as_str() {
        "sqlite" => return,
        "http" => return requests_fit(slot, bound, connection, pointer, found),
        _ => {}
    }
    let writes = slot.access == Access::ReadWrite;
    let same = matches!(connection.read_credential, Some(ReadCredential::Same(_)));
    if connection.credential.is_none() && (writes || same) {
        found.add(pointer, format!("connection `{name}` has no `credential`, which the slot `{bound}` needs"));
    }
    if connection.read_credential.is_none() {
        found.add(pointer, format!("connection `{name}` has no `read-credential`, which the slot `{bound}` needs"));
    }
}

/// Some backends ask for no credential; without a rule nothing is sent to any.
fn requests_fit(slot: &Slot, bound: &str, connection: &Connection, pointer: &str, found: &mut Found) {
    let name = &connection.meta.name;
    let allow = connection.allow.clone().unwrap_or_default();
    let mut lacks = |key: &str| {
        found.add(pointer, format!("connection `{name}` allows no `{key}`, which the slot `{bound}` needs"));
    };
    if allow.reads.is_empty() {
        lacks("reads");
    }
    if slot.access == Access::ReadWrite && allow.writes.is_empty() {
        lacks("writes");
    }
    if slot.access == Access::ReadWrite && connection.credential.is_none() && connection.read_credential.is_some() {
        found.add(pointer, format!("connection `{name}` has no `credential`, which the slot `{bound}` needs"));
    }
}

fn outputs(it: &Fit<'_>, made: &TypeDescription, found: &mut Found) {
    let (wanted, given) = (Shape::of(&it.resource_type.outputs), Shape::of(&made.outputs));
    let (driver, name) = (&it.driver.name, &it.resource_type.meta.name);
    for key in &wanted.required {
        if !given.named.contains_key(key) {
            found.add(
                "/driver",
                format!("driver `{driver}` gives no output `{key}`, which resource type `{name}` requires"),
            );
        }
    }
    for key in given.named.keys() {
        let hidden = (wanted.marks_secret(key, &it.resource_type.outputs), given.marks_secret(key, &made.outputs));
        match hidden {
            (true, false) => {
                found.add("/driver", format!("driver `{driver}` gives the output `{key}` in the clear, resource type `{name}` marks it secret"));
            }
            (false, true) if wanted.named.contains_key(key) => {
                found.add(
                    "/driver",
                    format!("driver `{driver}` marks the output `{key}` secret, resource type `{name}` does not"),
                );
            }
            _ if !wanted.accepts(key) && given.required.contains(key) => {
                found.add(
                    "/driver",
                    format!(
                        "driver `{driver}` always gives the output `{key}`, which resource type `{name}` does not have"
                    ),
                );
            }
            _ => {}
        }
    }
}

fn params(it: &Fit<'_>, made: &TypeDescription, found: &mut Found) {
    let (offered, taken) = (Shape::of(&it.resource_type.params), Shape::of(&made.params));
    let (driver, name) = (&it.driver.name, &it.resource_type.meta.name);
    let offered_keys = offered.named.keys().chain(&offered.required);
    let mut refused: Vec<&str> = offered_keys.copied().filter(|key| !taken.accepts(key)).collect();
    refused.sort_unstable();
    refused.dedup();
    for key in refused {
        found.add(
            "/driver",
            format!("driver `{driver}` does not take the param `{key}`, which resource type `{name}` offers"),
        );
    }
    let rules = it.recipe.params.as_ref();
    let set = |key: &str| {
        let given = |value: Option<&Value>| value.is_some_and(|value| value.get(key).is_some());
        rules.is_some_and(|rules| given(rules.defaults.as_ref()) || given(rules.fixed.as_ref()))
    };
    for key in &taken.required {
        if !offered.accepts(key) && !set(key) {
            found.add(
                "/driver",
                format!("driver `{driver}` needs the param `{key}`, which resource type `{name}` does not offer"),
            );
        }
    }
}

fn config(it: &Fit<'_>, made: &TypeDescription, schemas: &Schemas, found: &mut Found) {
    let empty = Value::Object(Map::new());
    let config = it.recipe.config.as_ref().unwrap_or(&empty);
    let bound = it.recipe.connections.iter();
    let facts = bound.filter_map(|(slot, name)| Some((slot.as_str(), &it.connections.get(name)?.facts))).collect();
    let config = match facts::fill(config, &facts) {
        Ok(config) => config,
        Err(wrong) => return found.0.extend(wrong),
    };
    match schemas.compiled(&made.config) {
        Ok(compiled) => {
            for refusal in compiled.refusals(&config, &Scope::Value("config")) {
                found.add(
                    format!("/config{}", refusal.pointer),
                    format!("{}, says driver `{}`{}", refusal.message, it.driver.name, after(&refusal.hint)),
                );
            }
        }
        Err(_) => found.add("/driver", format!("the config schema of driver `{}` cannot be used", it.driver.name)),
    }
}

/// Rules look at nothing that no order can have.
fn rules(recipe: &Recipe, resource_type: &ResourceType, found: &mut Found) {
    let Some(rules) = &recipe.params else { return };
    let offered = Shape::of(&resource_type.params);
    let set = |key: &str| {
        let all = [&rules.defaults, &rules.fixed];
        all.into_iter().flatten().any(|value| value.get(key).is_some())
    };
    for (i, constraint) in rules.constraints.iter().enumerate() {
        let pointer = format!("/params/constraints/{i}/rule");
        let rule = match Rule::new(&constraint.rule) {
            Ok(rule) => rule,
            Err(why) => {
                found.add(pointer, why);
                continue;
            }
        };
        let mut keys: Vec<&str> = rule.reads().iter().filter_map(|names| names.first()).map(String::as_str).collect();
        keys.dedup();
        for key in keys.into_iter().filter(|key| !offered.accepts(key) && !set(key)) {
            let name = &resource_type.meta.name;
            let message = format!("resource type `{name}` has no param `{key}`, which this rule looks at");
            found.add(pointer.clone(), with_hint(message, &hint(key, offered.named.keys().copied())));
        }
    }
}

/// Defaults and fixed params, as far as they are wrong whatever a developer adds.
fn values(it: &Fit<'_>, made: &TypeDescription, schemas: &Schemas, found: &mut Found) {
    let Some(rules) = &it.recipe.params else { return };
    let judges = [
        (Some(&it.resource_type.params), format!("resource type `{}`", it.resource_type.meta.name)),
        (rules.allowed.as_ref(), "this recipe".to_owned()),
        (Some(&made.params), format!("driver `{}`", it.driver.name)),
    ];
    for (part, value) in [("defaults", &rules.defaults), ("fixed", &rules.fixed)] {
        let Some(value) = value else { continue };
        let mut told = Vec::new();
        for (schema, judge) in &judges {
            let Some(schema) = schema else { continue };
            let Ok(compiled) = schemas.compiled(schema) else {
                found.add("/params", format!("the params schema of {judge} cannot be used"));
                continue;
            };
            for refusal in compiled.refusals(value, &Scope::Value("params")) {
                let seen = (refusal.pointer.clone(), refusal.message.clone());
                if refusal.lasting && !told.contains(&seen) {
                    found.add(
                        format!("/params/{part}{}", refusal.pointer),
                        format!("{}, says {judge}{}", refusal.message, after(&refusal.hint)),
                    );
                    told.push(seen);
                }
            }
        }
    }
}

fn identity(it: &Fit<'_>, made: &TypeDescription, found: &mut Found) {
    if made.identity == Identity::Unsafe && !it.recipe.accept_unsafe {
        let message =
            format!("driver `{}` cannot tell whether a create whose answer was lost has happened", it.driver.name);
        found.add(
            "/accept-unsafe",
            format!("{message}: write `accept-unsafe: true` if such a create may wait for a person"),
        );
    }
}

fn with_hint(message: String, hint: &str) -> String {
    format!("{message}{}", after(hint))
}

fn after(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(": {hint}") }
}
