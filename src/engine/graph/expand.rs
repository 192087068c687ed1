//! From what was ordered to all that it is made of: what a composite makes becomes its parts, which are resources of the order below its
//! key, and a resource of its own that has the outputs built from theirs.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::domain::document::{OrderManifest, ResourceEntry};
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::placeholder::{self, Found, Lookup, Piece, Reference, Template, escaped, fill};
use crate::domain::reason::Reason;
use crate::domain::reference::{Context, Named, Output};
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::engine::asked::params_invalid;
use crate::engine::survey::{Maker, Wanted, same_kind};
use crate::engine::upgrade::Upgrading;
use crate::engine::{Engine, Error};
use crate::stock::Matched;

use super::needs::{unresolved, violation};
use super::whole::Whole;

/// Resources of one order, parts of composites counted.
const MOST: usize = 200_000;

/// An entry that has not been looked at.
struct Entry {
    key: Key,
    written: ResourceEntry,
    /// The composites that it is a part of, from the outermost, as type and class.
    within: Vec<(Name, Option<Name>)>,
    wholes: Vec<Whole>,
    /// Slot → the resource that its connection is filled from.
    fills: BTreeMap<String, Key>,
}

/// How a composite is made.
pub struct Composite {
    pub matched: Matched,
    /// With the placeholders that were written.
    pub params: Value,
    /// Built from outputs of its parts, which are called as in the order.
    pub outputs: Value,
}

impl Engine {
    pub(in crate::engine) async fn expand(
        &self,
        order: &OrderName,
        manifest: &OrderManifest,
        existing: &BTreeMap<Key, Resource>,
        upgrading: &Upgrading,
    ) -> Result<BTreeMap<Key, Wanted>, Error> {
        let entry = |(name, written): (&Name, &ResourceEntry)| Entry {
            key: Key::from(name),
            written: written.clone(),
            within: Vec::new(),
            wholes: Vec::new(),
            fills: BTreeMap::new(),
        };
        let mut entries: VecDeque<Entry> = manifest.resources.iter().map(entry).collect();
        let mut all = BTreeMap::new();
        while let Some(Entry { key, written, within, wholes, fills }) = entries.pop_front() {
            if all.len() + entries.len() > MOST {
                let message = format!("an order has at most {MOST} resources, parts of composites among them");
                return Err(Refusal::new(Reason::DocumentInvalid, message).into());
            }
            let existing = existing.get(&key).cloned();
            if let Some(existing) = &existing {
                same_kind(&key, &written, existing)?;
            }
            let target = match &existing {
                Some(existing) => self.upgrade_of(existing, upgrading).await?,
                None => None,
            };
            let matched = match (&existing, &target) {
                (_, Some(target)) => target.matched.clone(),
                (Some(existing), None) => self.stock.pinned_match(&existing.resource_type, &existing.pin).await?,
                (None, None) => {
                    let (class, id) = (written.class.as_ref(), written.id.as_ref());
                    let wanted = self.stock.wanted(order, &key, &written.resource_type, class, id).await?;
                    self.stock.matched(&wanted).await?
                }
            };
            let id = existing.as_ref().map_or_else(|| self.new_id(), |it| it.id.clone());
            let repinned = target.is_some();
            let maker = if matched.recipe.is_composite() {
                let (composite, mut parts) = self.composite(order, &key, &written, &id, matched, &within).await?;
                let itself = Whole::of(&id, &composite.params);
                for part in &mut parts {
                    part.wholes = wholes.iter().chain(&itself).cloned().collect();
                }
                entries.extend(parts);
                Maker::Parts(Box::new(composite))
            } else {
                Maker::Driver(Box::new(match (&existing, target) {
                    (_, Some(target)) => self.stock.offer_to(target).await?,
                    (Some(existing), None) => self.stock.pinned(&existing.resource_type, &existing.pin).await?,
                    (None, None) => self.stock.offer(matched).await?,
                }))
            };
            all.insert(key.clone(), Wanted { key, written, maker, id, existing, repinned, wholes, fills });
        }
        Ok(all)
    }

    async fn composite(
        &self,
        order: &OrderName,
        key: &Key,
        written: &ResourceEntry,
        id: &ResourceId,
        matched: Matched,
        within: &[(Name, Option<Name>)],
    ) -> Result<(Composite, Vec<Entry>), Error> {
        let itself = (written.resource_type.clone(), written.class.clone());
        if within.contains(&itself) {
            let message = format!(
                "`{key}`: recipe `{}` makes a `{}` of a `{}` of the same class, and so on for ever",
                matched.recipe.meta.name, itself.0, itself.0
            );
            return Err(Refusal::new(Reason::RecipeUnfit, message).hint("its recipe has to be changed").into());
        }
        let params =
            self.composite_params(order, key, written.class.as_ref(), written.params.as_ref(), id, &matched).await?;
        let environment = self.stock.environment(&order.project, &order.environment).await?;
        let mut own = Own {
            key,
            params: &params,
            order,
            environment_type: &environment.environment_type,
            class: written.class.as_ref(),
        };
        let unfit = |wrong: Vec<(String, String)>, place: String| {
            let (pointer, message) = wrong.into_iter().next().unwrap_or_default();
            let recipe = &matched.recipe.meta.name;
            Refusal::new(Reason::RecipeUnfit, format!("`{key}`: {place}{pointer} of recipe `{recipe}`: {message}"))
        };
        let within: Vec<_> = within.iter().cloned().chain([itself]).collect();
        let mut parts = Vec::with_capacity(matched.recipe.resources.len());
        for (name, part) in &matched.recipe.resources {
            let deep = || {
                let message = format!("`{key}` is made of composites that nest too deep");
                Refusal::new(Reason::RecipeUnfit, message).hint("composites nest 8 deep at most")
            };
            let mut entry = part.clone();
            // What is said of the whole is said of its parts.
            entry.protect = entry.protect.or(written.protect);
            entry.on_remove = entry.on_remove.or(written.on_remove);
            if let Some(params) = &part.params {
                let filled = fill(params, &mut own);
                entry.params = Some(filled.map_err(|wrong| unfit(wrong, format!("/resources/{name}/params")))?.value);
            }
            let key = key.part(name).ok_or_else(deep)?;
            let fills = part.connections.iter();
            let fills = fills.filter_map(|(slot, part)| Some((slot.clone(), own.key.part(part)?))).collect();
            parts.push(Entry { key, written: entry, within: within.clone(), wholes: Vec::new(), fills });
        }
        let outputs = matched.recipe.outputs.clone().unwrap_or_else(|| json!({}));
        let outputs = fill(&outputs, &mut own).map_err(|wrong| unfit(wrong, "/outputs".into()))?.value;
        Ok((Composite { matched, params, outputs }, parts))
    }

    /// Filled and checked, as far as that can be done before anything is known that they refer to.
    pub(in crate::engine) async fn composite_params(
        &self,
        order: &OrderName,
        key: &Key,
        class: Option<&Name>,
        written: Option<&Value>,
        id: &ResourceId,
        matched: &Matched,
    ) -> Result<Value, Error> {
        let empty = json!({});
        let written = self.reopened(order, key, id, written.unwrap_or(&empty)).await?;
        let invalid = |found| params_invalid(key, &matched.resource_type.meta.name, found);
        let filled = fill(&written, &mut Nothing).map_err(|wrong| {
            unresolved(wrong.into_iter().map(|(pointer, message)| violation(key, &pointer, message)).collect())
        })?;
        let name = &matched.resource_type.meta.name;
        let place = self.stock.wanted(order, key, name, class, None).await?.context();
        let (stock, given) = (&self.stock, Some(&filled.value));
        let params = stock.composite_params(matched, &place, given, &filled.unknown).map_err(invalid)?;
        let mut params = escaped(&params);
        for pointer in &filled.unknown {
            if let Some(value) = written.pointer(pointer) {
                put(&mut params, pointer, value.clone());
            }
        }
        Ok(params)
    }
}

/// Puts `value` where nothing is, making the mappings on the way.
fn put(into: &mut Value, pointer: &str, value: Value) {
    let mut place = into;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = json!({});
        }
        let Value::Object(members) = place else { return };
        place = members.entry(token).or_insert(Value::Null);
    }
    *place = value;
}

/// Nothing is known of what is referred to, but that it is an output of something.
struct Nothing;

impl Lookup for Nothing {
    fn find(&mut self, _: &str, reference: &Reference) -> Result<Found, String> {
        Output::parse(reference).map(|_| Found::Unknown)
    }

    fn join(&mut self, _: &str, _: Vec<Piece>) -> Result<String, String> {
        Err("nothing is joined here".into())
    }
}

/// What stands behind the placeholders of a composite.
struct Own<'a> {
    key: &'a Key,
    params: &'a Value,
    order: &'a OrderName,
    environment_type: &'a Name,
    class: Option<&'a Name>,
}

impl Lookup for Own<'_> {
    fn find(&mut self, _: &str, reference: &Reference) -> Result<Found, String> {
        match Named::parse(reference)? {
            Named::Output(output) => {
                let below = output.below(self.key).ok_or_else(|| format!("`{reference}` leads too deep"))?;
                Ok(Found::Kept(Template::new(vec![placeholder::Part::Reference(below.reference())])))
            }
            Named::Params(path) => {
                let pointer = path.iter().fold(String::new(), |at, name| crate::domain::json::pointer_push(&at, name));
                Ok(match self.params.pointer(&pointer) {
                    // What a developer left out is left out of what it is made of.
                    None => Found::Unknown,
                    Some(Value::String(text)) => Found::Kept(Template::parse(text).map_err(|error| error.to_string())?),
                    Some(value) => Found::Value(value.clone()),
                })
            }
            // An operator may set it anew: it is looked at when the outputs are built.
            Named::Secret(_) => Ok(Found::Kept(Template::new(vec![placeholder::Part::Reference(reference.clone())]))),
            Named::Context(context) => {
                let text = match context {
                    Context::Project => self.order.project.as_str(),
                    Context::Environment => self.order.environment.as_str(),
                    Context::EnvironmentType => self.environment_type.as_str(),
                    Context::Order => self.order.order.as_str(),
                    Context::Name => self.key.as_str(),
                    Context::Class => match self.class {
                        Some(class) => class.as_str(),
                        None => return Ok(Found::Unknown),
                    },
                };
                Ok(Found::Kept(Template::new(vec![placeholder::Part::Text(text.to_owned())])))
            }
        }
    }

    fn again(&self) -> bool {
        true
    }

    fn join(&mut self, _: &str, _: Vec<Piece>) -> Result<String, String> {
        Err("a composite has no secrets of its own to join".into())
    }
}
