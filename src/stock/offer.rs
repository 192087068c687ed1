//! What serves an entry of an order here: a type, a recipe, a driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::nearest::hint;
use crate::document::refusal::Scope;
use crate::domain::contract::Violation;
use crate::domain::description::TypeDescription;
use crate::domain::document::{Document, Kind, Manifest, Recipe, ResourceType};
use crate::domain::id::ResourceId;
use crate::domain::json::canonical;
use crate::domain::limits::Limits;
use crate::domain::marker;
use crate::domain::name::{Key, Name, ResourceName};
use crate::domain::placeholder;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Pin;
use crate::driver::Driver;
use crate::store::{NaturalKey, Paging};

use super::matching::{self, Chosen, Unmatched, Wanted};
use super::shape::Shape;
use super::{Error, Stock, facts, params};

/// One way to make one type, matched and ready.
#[derive(Clone)]
pub struct Offer {
    pub resource_type: Arc<ResourceType>,
    pub recipe: Arc<Recipe>,
    pub recipe_revision: u64,
    pub driver: Arc<Driver>,
    /// Of one attempt.
    pub limits: Limits,
    /// Why this recipe, in a line.
    pub reason: String,
}

impl Offer {
    /// How the driver makes the type.
    pub fn type_description(&self) -> Option<&TypeDescription> {
        self.driver.description().types.get(self.resource_type.meta.name.as_str())
    }

    /// How long after a write its backend may still not show it, milliseconds.
    pub fn settle_ms(&self) -> u64 {
        self.type_description().map_or(0, |described| described.settle_ms)
    }

    pub fn pin(&self) -> Pin {
        Pin {
            recipe: self.recipe.meta.name.clone(),
            recipe_revision: self.recipe_revision,
            driver_digest: self.driver.digest().to_owned(),
            connections: self.recipe.connections.clone(),
            filled: BTreeMap::new(),
        }
    }
}

/// The recipe that serves an entry.
#[derive(Debug, Clone)]
pub struct Matched {
    pub resource_type: Arc<ResourceType>,
    pub recipe: Arc<Recipe>,
    pub revision: u64,
    /// Why this recipe, in a line.
    pub reason: String,
}

/// What stands in an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Plain,
    /// It is a secret, or has one in it.
    Secret,
}

/// What may be ordered in one environment.
#[derive(Debug, Clone)]
pub struct CatalogEntry {
    pub resource_type: ResourceType,
    /// What serves it here without a class, or with the class asked for.
    pub recipe: Option<Recipe>,
}

impl Stock {
    /// What serves a new entry.
    pub async fn matched(&self, wanted: &Wanted) -> Result<Matched, Error> {
        let resource_type = self.known_type(&wanted.resource_type).await?;
        let recipes = self.recipes().await?;
        let chosen = choose(&recipes, &resource_type, wanted)?;
        Ok(Matched {
            recipe: self.recipe_at(&chosen.recipe.meta.name, chosen.document.version).await?,
            resource_type,
            revision: chosen.document.version,
            reason: chosen.to_string(),
        })
    }

    /// What serves an existing one.
    pub async fn pinned_match(&self, resource_type: &Name, pin: &Pin) -> Result<Matched, Error> {
        Ok(Matched {
            recipe: self.recipe_at(&pin.recipe, pin.recipe_revision).await?,
            resource_type: self.known_type(resource_type).await?,
            revision: pin.recipe_revision,
            reason: format!("pinned to revision {}", pin.recipe_revision),
        })
    }

    /// With the driver that meets the requirement of the recipe best: it has one.
    pub async fn offer(&self, matched: Matched) -> Result<Offer, Error> {
        let requirement = matched.recipe.driver.clone().unwrap_or_default();
        let record = self.required(&requirement).await?;
        self.offer_of(matched, &record.digest).await
    }

    pub(super) async fn offer_of(&self, matched: Matched, digest: &str) -> Result<Offer, Error> {
        let driver = self.driver(digest).await?;
        let Matched { resource_type, recipe, revision, reason } = matched;
        let limits = self.limits.asked(&driver.description().limits);
        Ok(Offer { resource_type, recipe, recipe_revision: revision, limits, driver, reason })
    }

    /// What each recipe makes its type with now; without those that no driver fits.
    pub async fn pins(&self) -> Result<Vec<(Name, Pin)>, Error> {
        let mut pins = Vec::new();
        for document in self.recipes().await?.iter() {
            let Manifest::Recipe(recipe) = &document.manifest else { continue };
            let Some(driver) = &recipe.driver else { continue };
            let Ok(record) = self.required(driver).await else { continue };
            let pin = Pin {
                recipe: recipe.meta.name.clone(),
                recipe_revision: document.version,
                driver_digest: record.digest.clone(),
                connections: recipe.connections.clone(),
                filled: BTreeMap::new(),
            };
            pins.push((recipe.resource_type.clone(), pin));
        }
        Ok(pins)
    }

    /// What an existing resource is made with, which must be a driver.
    pub async fn pinned(&self, resource_type: &Name, pin: &Pin) -> Result<Offer, Error> {
        let matched = self.pinned_match(resource_type, pin).await?;
        self.offer_of(matched, &pin.driver_digest).await
    }

    /// The same with another version of its driver: `NAME@REQUIREMENT`. One that remembers things in another form, or needs a connection
    /// that the resource is not bound to, is refused.
    pub async fn repinned(&self, resource_type: &Name, pin: &Pin, requirement: &str) -> Result<(Offer, Pin), Error> {
        let now = self.pinned(resource_type, pin).await?;
        let record = self.required(requirement).await?;
        let (was, is) = (now.driver.description(), &record.description);
        let unfit = |why: String| {
            let message =
                format!("`{}@{}` cannot go on for `{}@{}`: {why}", is.name, is.version, was.name, was.version);
            Err(Refusal::new(Reason::RecipeUnfit, message).hint("name another version of the same driver").into())
        };
        if is.name != was.name {
            return unfit("it is another driver".into());
        }
        if is.state_version != was.state_version {
            return unfit(format!("its state is of version {}, not {}", is.state_version, was.state_version));
        }
        if !is.types.contains_key(resource_type.as_str()) {
            return unfit(format!("it does not make `{resource_type}`"));
        }
        if let Some((slot, _)) = is.slots.iter().find(|(slot, _)| !pin.connections.contains_key(*slot)) {
            return unfit(format!("it needs a connection for its slot `{slot}`"));
        }
        let pin = Pin { driver_digest: record.digest.clone(), ..pin.clone() };
        Ok((self.pinned(resource_type, &pin).await?, pin))
    }

    /// The params pipeline: defaults, fixed values and every schema that has a say.
    /// `unknown`: JSON Pointers into the params to what is not known yet, and absent; `context`: where it is ordered.
    pub fn params(
        &self,
        offer: &Offer,
        context: &Value,
        given: Option<&Value>,
        unknown: &[String],
    ) -> Result<Value, Vec<Violation>> {
        let Some(description) = offer.type_description() else {
            let message = "its driver no longer makes this type".to_owned();
            return Err(vec![Violation { pointer: String::new(), message }]);
        };
        let asked = params::Asked {
            params: given,
            unknown,
            resource_type: &offer.resource_type,
            recipe: &offer.recipe,
            driver: Some((&offer.driver.description().name, description)),
            context,
        };
        params::fill(&asked, &self.schemas, &self.rules)
    }

    /// The config of the recipe, with the facts of its connections as they are now.
    pub async fn config(&self, offer: &Offer) -> Result<Value, Error> {
        let empty = || Value::Object(Map::new());
        let config = offer.recipe.config.clone().unwrap_or_else(empty);
        if !placeholder::is_any(&config) {
            return Ok(config);
        }
        let mut connections = Vec::new();
        for (slot, name) in &offer.recipe.connections {
            connections.push((slot.as_str(), self.known_connection(name).await?));
        }
        let facts = connections.iter().map(|(slot, connection)| (*slot, &connection.facts)).collect();
        facts::fill(&config, &facts).map_err(|found| {
            let (recipe, revision) = (&offer.recipe.meta.name, offer.recipe_revision);
            let why = found.first().map_or("", |it| it.message.as_str());
            let message = format!("the config of recipe `{recipe}`, revision {revision}, cannot be made: {why}");
            Refusal::new(Reason::UnresolvedReference, message)
                .hint("let the connection have the fact, or upgrade to a revision that does without it")
                .into()
        })
    }

    /// The same where a composite makes it.
    pub fn composite_params(
        &self,
        matched: &Matched,
        context: &Value,
        given: Option<&Value>,
        unknown: &[String],
    ) -> Result<Value, Vec<Violation>> {
        let Matched { resource_type, recipe, .. } = matched;
        let asked = params::Asked { params: given, unknown, resource_type, recipe, driver: None, context };
        params::fill(&asked, &self.schemas, &self.rules)
    }

    /// What is wrong with the outputs of a composite, if anything is.
    pub fn composite_outputs(&self, resource_type: &ResourceType, outputs: &Value) -> Vec<String> {
        match self.schemas.compiled(&resource_type.outputs) {
            Ok(compiled) => {
                compiled.refusals(outputs, &Scope::Value("outputs")).iter().map(|refusal| refusal.text()).collect()
            }
            Err(_) => vec![format!("the outputs schema of `{}` cannot be used", resource_type.meta.name)],
        }
    }

    /// What a reference to `path` of the outputs of `resource_type` finds there; the error tells what there is instead.
    pub fn output(resource_type: &ResourceType, path: &[String]) -> Result<Output, String> {
        let shape = Shape::of(&resource_type.outputs);
        let Some(first) = path.first() else { return Ok(Output::Plain) };
        // Others may come, if it says so; what is not said is a slip of the pen.
        let open = resource_type.outputs.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
        if !shape.named.contains_key(first.as_str()) && !open {
            return Err(hint(first, shape.named.keys().copied()));
        }
        // The members on the way, with something at their end.
        let value = path.iter().rev().fold(Value::Null, |inner, name| serde_json::json!({ name: inner }));
        let secret = !marker::pointers(&resource_type.outputs, &value).is_empty();
        Ok(if secret { Output::Secret } else { Output::Plain })
    }

    /// A hint towards the resource of an order that a reference to `key` may have meant: `: did you mean \`db\`?`, or nothing.
    pub fn meant<'a>(key: &Key, resources: impl Iterator<Item = &'a Key>) -> String {
        let hint = hint(key.as_str(), resources.map(Key::as_str));
        if hint.is_empty() { hint } else { format!(": {hint}") }
    }

    /// What names the object at its backend, if the driver says what does.
    pub async fn natural_key(
        &self,
        offer: &Offer,
        pin: &Pin,
        name: &ResourceName,
        id: &ResourceId,
        params: &Value,
    ) -> Result<Option<NaturalKey>, Error> {
        let Some(key) = offer.type_description().and_then(|it| it.natural_key.as_ref()) else { return Ok(None) };
        let Some(connection) = pin.connections.get(&key.slot) else { return Ok(None) };
        // What is not said does not name anything.
        let values: Option<Vec<_>> = key.pointers.iter().map(|it| params.pointer(it).map(canonical)).collect();
        let Some(values) = values else { return Ok(None) };
        Ok(Some(NaturalKey {
            backend: self.identity(connection, pin.filled.get(&key.slot)).await?,
            family: key.family.clone(),
            key: values.join(","),
            project: name.order.project.to_string(),
            resource: id.clone(),
            holder: name.to_string(),
        }))
    }

    pub async fn catalog(&self, project: &Name, environment: &Name) -> Result<Vec<CatalogEntry>, Error> {
        let recipes = self.recipes().await?;
        let types = self.store.documents(Kind::ResourceType, None, &Paging::all()).await?.items;
        let mut entries = Vec::new();
        for document in types {
            let Manifest::ResourceType(mut resource_type) = document.manifest else { continue };
            let mut wanted = self.wanted_anyhow(project, environment, &resource_type.meta.name, None).await?;
            let mut serves = |class: Option<&Name>| {
                wanted.class = class.cloned();
                matching::choose(&recipes, &wanted).ok().map(|it| it.recipe.clone())
            };
            let plain = serves(None);
            resource_type.classes.retain(|class| serves(Some(&class.name)).is_some());
            if plain.is_none() && resource_type.classes.is_empty() {
                continue;
            }
            entries.push(CatalogEntry { resource_type, recipe: plain });
        }
        Ok(entries)
    }

    pub async fn catalog_entry(&self, wanted: &Wanted) -> Result<CatalogEntry, Error> {
        let resource_type = ResourceType::clone(&*self.known_type(&wanted.resource_type).await?);
        let recipes = self.recipes().await?;
        let recipe = Some(choose(&recipes, &resource_type, wanted)?.recipe.clone());
        Ok(CatalogEntry { resource_type, recipe })
    }
}

pub(super) fn choose<'a>(
    recipes: &'a [Document],
    resource_type: &ResourceType,
    wanted: &Wanted,
) -> Result<Chosen<'a>, Refusal> {
    matching::check_class(resource_type, wanted.class.as_ref())
        .map_err(|error| Refusal::new(Reason::ClassUnknown, error.to_string()))?;
    matching::choose(recipes, wanted).map_err(|unmatched| {
        let reason = match unmatched {
            Unmatched::None { .. } => Reason::NoMatchingRecipe,
            Unmatched::Ambiguous(_) => Reason::AmbiguousRecipe,
        };
        Refusal::new(reason, unmatched.to_string())
    })
}
