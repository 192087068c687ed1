//! What serves an entry of an order here: a type, a recipe, a driver.

use std::sync::Arc;

use crate::domain::description::TypeDescription;
use crate::domain::document::{Document, Environment, Kind, Manifest, Recipe, ResourceType};
use crate::domain::id::ResourceId;
use crate::domain::json::canonical;
use crate::domain::name::{Name, ResourceName};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Pin;
use crate::driver::Driver;
use crate::store::{NaturalKey, Paging};

use super::connect::backend_refusal;
use super::matching::{self, Mismatch};
use super::{Error, Stock};

/// One way to make one type, matched and ready.
#[derive(Clone)]
pub struct Offer {
    pub resource_type: ResourceType,
    pub recipe: Recipe,
    pub recipe_revision: u64,
    pub driver: Arc<Driver>,
    /// Why this recipe, in a line.
    pub reason: String,
}

impl Offer {
    /// How the driver makes the type.
    pub fn type_description(&self) -> Option<&TypeDescription> {
        self.driver.description().types.get(self.resource_type.meta.name.as_str())
    }

    pub fn pin(&self) -> Pin {
        Pin {
            recipe: self.recipe.meta.name.clone(),
            recipe_revision: self.recipe_revision,
            driver_digest: self.driver.digest().to_owned(),
            connections: self.recipe.connections.clone(),
        }
    }
}

/// What may be ordered in one environment.
#[derive(Debug, Clone)]
pub struct CatalogEntry {
    pub resource_type: ResourceType,
    /// What serves it here without a class, or with the class asked for.
    pub recipe: Option<Recipe>,
}

impl Stock {
    pub async fn environment(&self, project: &Name, environment: &Name) -> Result<Environment, Error> {
        match self.store.document(Kind::Environment, project.as_str(), environment.as_str()).await? {
            Some(Document { manifest: Manifest::Environment(it), .. }) => Ok(it),
            _ => Err(Refusal::new(Reason::NotFound, format!("there is no environment `{environment}` in project `{project}`"))
                .hint("`vend get environments` lists them; a document of kind Environment makes one")
                .into()),
        }
    }

    /// Matches a new entry.
    pub async fn offer(
        &self,
        project: &Name,
        environment: &Name,
        resource_type: &Name,
        class: Option<&Name>,
    ) -> Result<Offer, Error> {
        let environment = self.environment(project, environment).await?;
        let resource_type = self.known_type(resource_type).await?;
        check_class(&resource_type, class)?;
        let recipes = self.recipes().await?;
        let chosen = matching::choose(&recipes, &resource_type.meta.name, class, &environment.environment_type)
            .map_err(|mismatch| refused(&mismatch))?;
        let Manifest::Recipe(recipe) = &chosen.recipe.manifest else {
            return Err(Refusal::new(Reason::NoMatchingRecipe, "what matched is no recipe").into());
        };
        let record = self.required(&recipe.driver).await?;
        Ok(Offer {
            resource_type,
            recipe: recipe.clone(),
            recipe_revision: chosen.recipe.version,
            driver: self.driver(&record.digest).await?,
            reason: chosen.reason(),
        })
    }

    /// What an existing resource is made with.
    pub async fn pinned(&self, resource_type: &Name, pin: &Pin) -> Result<Offer, Error> {
        let recipe = self.store.document_at(Kind::Recipe, "", pin.recipe.as_str(), pin.recipe_revision).await?;
        let Some(Document { manifest: Manifest::Recipe(recipe), .. }) = recipe else {
            let message = format!("recipe `{}` is not kept at revision {}", pin.recipe, pin.recipe_revision);
            return Err(Refusal::new(Reason::Internal, message).into());
        };
        Ok(Offer {
            resource_type: self.known_type(resource_type).await?,
            recipe,
            recipe_revision: pin.recipe_revision,
            driver: self.driver(&pin.driver_digest).await?,
            reason: format!("pinned to revision {}", pin.recipe_revision),
        })
    }

    /// What names the object at its backend, if the driver says what does.
    pub async fn natural_key(
        &self,
        offer: &Offer,
        pin: &Pin,
        name: &ResourceName,
        id: &ResourceId,
        params: &serde_json::Value,
    ) -> Result<Option<NaturalKey>, Error> {
        let Some(key) = offer.type_description().and_then(|it| it.natural_key.as_ref()) else { return Ok(None) };
        let Some(connection) = pin.connections.get(&key.slot) else { return Ok(None) };
        let backend = self.backend(connection).await?;
        let whose = format!("connection `{connection}`");
        let identity = backend.identity().await.map_err(|error| backend_refusal(&error, &whose))?;
        let values: Vec<_> = key.pointers.iter().map(|it| params.pointer(it).map_or("null".into(), canonical)).collect();
        Ok(Some(NaturalKey {
            backend: identity,
            family: key.family.clone(),
            key: values.join(","),
            project: name.order.project.to_string(),
            resource: id.clone(),
            holder: name.to_string(),
        }))
    }

    pub async fn catalog(&self, project: &Name, environment: &Name) -> Result<Vec<CatalogEntry>, Error> {
        let environment = self.environment(project, environment).await?;
        let recipes = self.recipes().await?;
        let types = self.store.documents(Kind::ResourceType, None, &Paging::all()).await?.items;
        let mut entries = Vec::new();
        for document in types {
            let Manifest::ResourceType(mut resource_type) = document.manifest else { continue };
            let name = resource_type.meta.name.clone();
            let serves = |class: Option<&Name>| {
                matching::choose(&recipes, &name, class, &environment.environment_type).ok().map(|it| it.recipe.clone())
            };
            let plain = serves(None);
            resource_type.classes.retain(|class| serves(Some(&class.name)).is_some());
            if plain.is_none() && resource_type.classes.is_empty() {
                continue;
            }
            let recipe = plain.and_then(|document| match document.manifest {
                Manifest::Recipe(recipe) => Some(recipe),
                _ => None,
            });
            entries.push(CatalogEntry { resource_type, recipe });
        }
        Ok(entries)
    }

    pub async fn catalog_entry(
        &self,
        project: &Name,
        environment: &Name,
        resource_type: &Name,
        class: Option<&Name>,
    ) -> Result<CatalogEntry, Error> {
        let environment = self.environment(project, environment).await?;
        let resource_type = self.known_type(resource_type).await?;
        check_class(&resource_type, class)?;
        let recipes = self.recipes().await?;
        let chosen = matching::choose(&recipes, &resource_type.meta.name, class, &environment.environment_type)
            .map_err(|mismatch| refused(&mismatch))?;
        let recipe = match &chosen.recipe.manifest {
            Manifest::Recipe(recipe) => Some(recipe.clone()),
            _ => None,
        };
        Ok(CatalogEntry { resource_type, recipe })
    }
}

fn check_class(resource_type: &ResourceType, class: Option<&Name>) -> Result<(), Refusal> {
    let Some(class) = class else { return Ok(()) };
    if resource_type.classes.iter().any(|it| it.name == *class) {
        return Ok(());
    }
    let name = &resource_type.meta.name;
    let known: Vec<_> = resource_type.classes.iter().map(|it| it.name.as_str()).collect();
    let hint = match known.is_empty() {
        true => "this type has no classes: leave `class` out".to_owned(),
        false => format!("known: {}", known.join(", ")),
    };
    Err(Refusal::new(Reason::ClassUnknown, format!("resource type `{name}` has no class `{class}`")).hint(hint))
}

fn refused(mismatch: &Mismatch) -> Refusal {
    let reason = match mismatch {
        Mismatch::NoMatch { .. } => Reason::NoMatchingRecipe,
        Mismatch::Ambiguous { .. } => Reason::AmbiguousRecipe,
    };
    Refusal::new(reason, mismatch.to_string())
}
