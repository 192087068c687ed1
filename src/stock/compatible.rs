//! Whether a resource type may change under the resources that live by it.

use serde_json::Value;

use super::schema::Schemas;
use super::shape::Shape;
use crate::document::refusal::Scope;
use crate::domain::document::ResourceType;
use crate::domain::name::Name;

/// Resources told by name before the rest is counted.
const SHOWN: usize = 20;

/// A resource of the type.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// As people know it: `projects/…/resources/db`.
    pub name: &'a str,
    pub class: Option<&'a Name>,
    /// As last applied, defaults and all.
    pub params: &'a Value,
}

/// How `new` narrows what `live` resources were ordered by under `old`; nothing if they can stay as they are.
///
/// Sound rather than complete: it asks the new schema about the params that are, not about all that might have been.
pub fn compatible(old: &ResourceType, new: &ResourceType, live: &[Live<'_>], schemas: &Schemas) -> Vec<String> {
    if live.is_empty() {
        return Vec::new();
    }
    let mut found = outputs(old, new);
    let Ok(compiled) = schemas.compiled(&new.params) else {
        found.push("the new params are no schema that can be used".to_owned());
        return found;
    };
    let mut refused = 0;
    for resource in live {
        let class = resource.class.filter(|class| !new.classes.iter().any(|it| it.name == **class));
        let class = class.map(|class| format!("the class `{class}` is gone"));
        let first = compiled.refusals(resource.params, &Scope::Value("params")).into_iter().next();
        let Some(why) = class.or(first.map(|refusal| refusal.message)) else { continue };
        refused += 1;
        if refused <= SHOWN {
            found.push(format!("{}: {why}", resource.name));
        }
    }
    if refused > SHOWN {
        found.push(format!("and {} more resources", refused - SHOWN));
    }
    found
}

fn outputs(old: &ResourceType, new: &ResourceType) -> Vec<String> {
    let (before, after) = (Shape::of(&old.outputs), Shape::of(&new.outputs));
    let mut found = Vec::new();
    for key in &before.required {
        if !after.required.contains(key) {
            found.push(format!("the output `{key}` would no longer be promised"));
        }
    }
    for key in before.named.keys() {
        if before.marks_secret(key, &old.outputs) && !after.marks_secret(key, &new.outputs) {
            found.push(format!("the output `{key}` would no longer be secret"));
        }
    }
    found
}
