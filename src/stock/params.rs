//! From what a developer asks to what a driver is given.
//!
//! Recipe defaults lie under the developer's params, the type's defaults under both, fixed params over all of it. The
//! result must please the type's schema, the recipe's and the driver's, and then the recipe's rules.

use serde_json::{Map, Value};

use super::merge::{differences, fill_defaults, lay_over, remove};
use super::rules::{Given, Rules};
use super::schema::Schemas;
use crate::document::refusal::Scope;
use crate::domain::contract::Violation;
use crate::domain::description::TypeDescription;
use crate::domain::document::{Recipe, RecipeParams, ResourceType};
use crate::domain::marker;

/// What is asked of whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// As the developer wrote them.
    pub params: Option<&'a Value>,
    /// JSON Pointers into them to what is not known yet, and absent.
    pub unknown: &'a [String],
    pub resource_type: &'a ResourceType,
    pub recipe: &'a Recipe,
    /// The driver's name, and how it makes the type; absent where a composite does.
    pub driver: Option<(&'a str, &'a TypeDescription)>,
    /// What rules of the recipe know as `context`.
    pub context: &'a Value,
}

/// The params to apply, or everything that is wrong with them. Pointers begin with `/params`; no message repeats a value.
pub fn fill(asked: &Asked<'_>, schemas: &Schemas, kept: &Rules) -> Result<Value, Vec<Violation>> {
    let empty = Value::Object(Map::new());
    let given = asked.params.unwrap_or(&empty);
    let none = RecipeParams::default();
    let rules = asked.recipe.params.as_deref().unwrap_or(&none);

    let mut params = rules.defaults.clone().unwrap_or_else(|| empty.clone());
    lay_over(&mut params, given);
    fill_defaults(&mut params, &asked.resource_type.params);
    let mut found = Vec::new();
    for pointer in asked.unknown {
        // It will be something: no default takes its place.
        remove(&mut params, pointer);
    }
    if let Some(fixed) = &rules.fixed {
        for pointer in asked.unknown.iter().filter(|pointer| fixed.pointer(pointer).is_some()) {
            found.push(fixed_otherwise(pointer, fixed, asked));
        }
        for pointer in differences(given, fixed) {
            found.push(fixed_otherwise(&pointer, fixed, asked));
        }
        lay_over(&mut params, fixed);
    }
    refused(&params, asked, schemas, &mut found);
    // Rules may count on what schemas hold.
    if found.is_empty() {
        let recipe = &asked.recipe.meta.name;
        let given = Given { params: &params, unknown: asked.unknown, context: asked.context, recipe };
        found = kept.refusals(&rules.constraints, &given);
    }
    if found.is_empty() { Ok(params) } else { Err(found) }
}

fn fixed_otherwise(pointer: &str, fixed: &Value, asked: &Asked<'_>) -> Violation {
    let name = pointer.trim_start_matches('/').replace('/', ".");
    let to = match fixed.pointer(pointer) {
        _ if is_secret(pointer, fixed, asked) => String::new(),
        Some(Value::String(text)) => format!(" to `{text}`"),
        Some(scalar @ (Value::Null | Value::Bool(_) | Value::Number(_))) => format!(" to `{scalar}`"),
        _ => String::new(),
    };
    let message = format!("`params.{name}` is fixed{to} by recipe `{}`: leave it out", asked.recipe.meta.name);
    Violation { pointer: format!("/params{pointer}"), message }
}

fn is_secret(pointer: &str, value: &Value, asked: &Asked<'_>) -> bool {
    let of_driver = asked.driver.map(|(_, description)| &description.params);
    let mut schemas = std::iter::once(&asked.resource_type.params).chain(of_driver);
    schemas.any(|schema| marker::covers(&marker::pointers(schema, value), pointer))
}

/// Asks all three schemas; what several refuse in the same words is told once, by the first.
fn refused(params: &Value, asked: &Asked<'_>, schemas: &Schemas, found: &mut Vec<Violation>) {
    let allowed = asked.recipe.params.as_ref().and_then(|it| it.allowed.as_ref());
    let judges = [
        (Some(&asked.resource_type.params), format!("resource type `{}`", asked.resource_type.meta.name)),
        (allowed, format!("recipe `{}`", asked.recipe.meta.name)),
        (
            asked.driver.map(|(_, description)| &description.params),
            asked.driver.map_or_else(String::new, |(name, _)| format!("driver `{name}`")),
        ),
    ];
    let mut told: Vec<(String, String)> = Vec::new();
    for (schema, judge) in judges {
        let Some(schema) = schema else { continue };
        let compiled = match schemas.compiled(schema) {
            Ok(compiled) => compiled,
            Err(_) => {
                found.push(Violation {
                    pointer: "/params".to_owned(),
                    message: format!("the schema of {judge} cannot be used"),
                });
                continue;
            }
        };
        let refusals = compiled.refusals(params, &Scope::Value("params"));
        for refusal in refusals.into_iter().filter(|it| it.holds_without(asked.unknown)) {
            let seen = (refusal.pointer.clone(), refusal.message.clone());
            if told.contains(&seen) {
                continue;
            }
            let message = format!("{}, says {judge}{}", refusal.message, after(&refusal.hint));
            found.push(Violation { pointer: format!("/params{}", refusal.pointer), message });
            told.push(seen);
        }
    }
}

fn after(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(": {hint}") }
}
