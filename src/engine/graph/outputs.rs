//! What is known of the outputs that others refer to, while planning and when their turn has come.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::domain::contract::Action;
use crate::domain::id::ResourceId;
use crate::domain::json::strings;
use crate::domain::marker::covers;
use crate::domain::name::{Key, Name};
use crate::domain::placeholder::{Found, Lookup, Piece, Reference};
use crate::domain::reference::{Named, Output};
use crate::domain::secret::{Handle, Plain};
use crate::engine::plan::{Surveyed, has_work};
use crate::engine::{Engine, Error};

/// Outputs of one resource, as far as they are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub resource: ResourceId,
    pub resource_type: Name,
    outputs: Value,
    /// JSON Pointers into them.
    unknown: Vec<String>,
    /// What is not among them may come.
    open: bool,
    /// It is about to change, and who is at work with what it offers does not hear of that.
    pub renewed: bool,
}

impl Known {
    /// Of a resource that is there and stays as it is.
    pub fn all(resource: ResourceId, resource_type: Name, outputs: Value) -> Self {
        Self { resource, resource_type, outputs, unknown: Vec::new(), open: false, renewed: false }
    }

    /// Of one that is about to be made or changed.
    pub fn planned(resource: ResourceId, resource_type: Name, outputs: Value, unknown: Vec<String>) -> Self {
        Self { resource, resource_type, outputs, unknown, open: true, renewed: false }
    }

    /// The secrets among its outputs.
    pub fn handles(&self) -> Vec<Handle> {
        strings(&self.outputs).into_iter().filter_map(|(_, text)| Handle::parse(text)).collect()
    }

    /// `None`: there is no such output.
    pub fn find(&self, pointer: &str) -> Option<Found> {
        let inside = [pointer.to_owned()];
        let unknown = covers(&self.unknown, pointer) || self.unknown.iter().any(|it| covers(&inside, it));
        match self.outputs.pointer(pointer) {
            _ if unknown => Some(Found::Unknown),
            Some(value) => Some(Found::Value(value.clone())),
            None => self.open.then_some(Found::Unknown),
        }
    }
}

impl Engine {
    /// What others may count on.
    pub(in crate::engine) fn outputs_after(&self, id: &ResourceId, surveyed: &Surveyed) -> Result<Known, Error> {
        let all = |outputs| Known::all(id.clone(), surveyed.resource_type.clone(), outputs);
        let stays = surveyed.existing.as_ref().filter(|it| it.complete && !it.under_way);
        let object = stays.and_then(|it| it.resource.object.as_ref().map(|object| (&it.resource, object)));
        let asked = surveyed.planned.action;
        let mut known = match (&surveyed.adopting, object) {
            (Some(adopting), _) if asked == Action::None => all(adopting.observed.object.outputs.clone()),
            (_, Some((resource, object))) if asked == Action::None || surveyed.care.observe_only => {
                all(self.sealer_of(resource).open_outputs(&resource.id, &object.outputs)?)
            }
            _ => {
                let (outputs, unknown) = (surveyed.planned.outputs.clone(), surveyed.planned.unknown.clone());
                Known::planned(id.clone(), surveyed.resource_type.clone(), outputs, unknown)
            }
        };
        let followed = surveyed.existing.as_ref().is_some_and(|it| it.followed);
        known.renewed = has_work(surveyed) && !followed;
        Ok(known)
    }
}

/// Looks up what placeholders refer to, with the secrets that stand there.
pub struct Outputs<'a> {
    pub known: &'a BTreeMap<Key, Arc<Known>>,
    pub secrets: &'a HashMap<Handle, Plain>,
    /// That operators set, by name.
    pub named: &'a HashMap<Name, Plain>,
    /// Pointers to texts into which a secret was put.
    pub joined: Vec<String>,
}

impl Lookup for Outputs<'_> {
    fn find(&mut self, pointer: &str, reference: &Reference) -> Result<Found, String> {
        if let Some(plain) = Named::secret(reference).and_then(|name| self.named.get(&name)) {
            self.joined.push(pointer.to_owned());
            return Ok(Found::Value(Value::String(plain.reveal().to_owned())));
        }
        let output = Output::parse(reference)?;
        let known =
            self.known.get(&output.key).ok_or_else(|| format!("`{reference}`: there is no `{}`", output.key))?;
        let missing = || format!("`{reference}`: `{}` has no output `{}`", output.key, output.path.join("."));
        known.find(&output.pointer()).ok_or_else(missing)
    }

    fn join(&mut self, pointer: &str, pieces: Vec<Piece>) -> Result<String, String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(plain) => text.push_str(&plain),
                Piece::Secret(handle) => {
                    let secret =
                        self.secrets.get(&handle).ok_or("a secret that is referred to is not kept any more")?;
                    text.push_str(secret.reveal());
                    if self.joined.last().is_none_or(|last| last != pointer) {
                        self.joined.push(pointer.to_owned());
                    }
                }
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::{name, resource};

    #[test]
    fn what_is_not_told_is_unknown_or_not_there() {
        let outputs = json!({ "host": "h", "more": { "a": 1, "b": 2 } });
        let planned = Known::planned(resource().id, name("t"), outputs.clone(), vec!["/url".into(), "/more/b".into()]);
        let all = Known::all(resource().id, name("t"), outputs);
        for (pointer, in_plan, in_record) in [
            ("/host", Some(Found::Value(json!("h"))), Some(Found::Value(json!("h")))),
            ("/url", Some(Found::Unknown), None),
            ("/url/x", Some(Found::Unknown), None),
            ("/more/a", Some(Found::Value(json!(1))), Some(Found::Value(json!(1)))),
            ("/more/b", Some(Found::Unknown), Some(Found::Value(json!(2)))),
            ("/more", Some(Found::Unknown), Some(Found::Value(json!({ "a": 1, "b": 2 })))),
            ("/other", Some(Found::Unknown), None),
        ] {
            assert_eq!((planned.find(pointer), all.find(pointer)), (in_plan, in_record), "{pointer}");
        }
    }
}
