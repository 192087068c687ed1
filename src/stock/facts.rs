//! Facts of connections, put into the config of a recipe: `${connections.SLOT.facts.PATH}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::document::nearest::hint;
use crate::domain::contract::Violation;
use crate::domain::document::Recipe;
use crate::domain::name::Name;
use crate::domain::placeholder::{self, Found, Lookup, Piece, Reference};

/// By slot.
pub(super) type Facts<'a> = BTreeMap<&'a str, &'a Map<String, Value>>;

/// `config` with every fact in its place. Pointers of the violations begin with `/config`.
pub(super) fn fill(config: &Value, facts: &Facts<'_>) -> Result<Value, Vec<Violation>> {
    if !placeholder::is_any(config) {
        return Ok(config.clone());
    }
    let wrong = |(pointer, message)| Violation { pointer: format!("/config{pointer}"), message };
    match placeholder::fill(config, &mut Bound(facts)) {
        Ok(filled) => Ok(filled.value),
        Err(found) => Err(found.into_iter().map(wrong).collect()),
    }
}

/// Whether `recipe` takes any of `connection`.
pub(super) fn takes(recipe: &Recipe, connection: &Name) -> bool {
    !missing(recipe, connection, &Map::new()).is_empty()
}

/// What `recipe` would miss if these were the facts of `connection`.
pub(super) fn missing(recipe: &Recipe, connection: &Name, facts: &Map<String, Value>) -> Vec<String> {
    let Some(config) = recipe.config.as_ref().filter(|it| placeholder::is_any(it)) else { return Vec::new() };
    let bound = recipe.connections.iter().filter(|(_, name)| *name == connection);
    let known: Facts<'_> = bound.map(|(slot, _)| (slot.as_str(), facts)).collect();
    let mut missing = Vec::new();
    for (pointer, reference) in placeholder::references(config).unwrap_or_default() {
        let of_it = reference.segments().get(1).is_some_and(|slot| known.contains_key(slot));
        if let Some(message) = Bound(&known).find(&pointer, &reference).err().filter(|_| of_it) {
            missing.push(message);
        }
    }
    missing
}

struct Bound<'a>(&'a Facts<'a>);

impl Lookup for Bound<'_> {
    fn find(&mut self, _: &str, reference: &Reference) -> Result<Found, String> {
        let segments = reference.segments();
        let ["connections", slot, "facts", path @ ..] = segments.as_slice() else {
            return Err(format!(
                "`{reference}` is nothing that a config knows: write `${{connections.SLOT.facts.NAME}}`"
            ));
        };
        let Some(facts) = self.0.get(slot) else {
            return Err(with_hint(
                format!("`{reference}`: the recipe binds no slot `{slot}`"),
                slot,
                self.0.keys().copied(),
            ));
        };
        let Some((first, rest)) = path.split_first() else {
            return Err(format!("`{reference}` names no fact: write `${{connections.{slot}.facts.NAME}}`"));
        };
        let unknown = |name: &str, known: &Map<String, Value>| {
            let message = format!("`{reference}`: the connection of slot `{slot}` has no fact `{name}`");
            with_hint(message, name, known.keys().map(String::as_str))
        };
        let mut value = facts.get(*first).ok_or_else(|| unknown(first, facts))?;
        for name in rest {
            value = match value {
                Value::Object(members) => members.get(*name).ok_or_else(|| unknown(name, members))?,
                _ => return Err(unknown(name, &Map::new())),
            };
        }
        Ok(Found::Value(value.clone()))
    }

    /// Facts hold no secrets.
    fn join(&mut self, _: &str, _: Vec<Piece>) -> Result<String, String> {
        Err("a secret cannot stand in a config".to_owned())
    }
}

fn with_hint<'a>(message: String, word: &str, known: impl Iterator<Item = &'a str>) -> String {
    match hint(word, known) {
        hint if hint.is_empty() => message,
        hint => format!("{message}: {hint}"),
    }
}
