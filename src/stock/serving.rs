//! Which recipe would serve, told without ordering; and by what the recipe serves that something is made with.

use std::sync::Arc;

use crate::domain::document::{Criteria, Recipe};
use crate::domain::driver::DriverRecord;
use crate::domain::name::{Key, Name, OrderName, SharedId};
use crate::domain::resource::Resource;

use super::criteria::For;
use super::matching::{self, Loser, Wanted, Why};
use super::offer::choose;
use super::{Error, Stock};

/// A recipe that would serve, and why; with those that would not.
#[derive(Debug, Clone)]
pub struct Serving {
    pub recipe: Arc<Recipe>,
    pub revision: u64,
    /// The newest that fulfils its requirement; absent for a composite.
    pub driver: Option<Arc<DriverRecord>>,
    pub criteria: Criteria,
    pub losers: Vec<Lost>,
}

impl Serving {
    /// Why this one, in words.
    pub fn reason(&self) -> String {
        format!("serves {}", For(&self.criteria))
    }
}

/// A recipe of the same type that would not serve.
#[derive(Debug, Clone)]
pub struct Lost {
    pub recipe: Name,
    pub revision: u64,
    /// It would serve if there were no other.
    pub serves: bool,
    pub why: String,
}

impl Stock {
    /// What an entry of an order is matched by.
    pub async fn wanted(
        &self,
        order: &OrderName,
        key: &Key,
        resource_type: &Name,
        class: Option<&Name>,
        id: Option<&SharedId>,
    ) -> Result<Wanted, Error> {
        let mut wanted = self.wanted_anyhow(&order.project, &order.environment, resource_type, class).await?;
        wanted.order = Some(order.order.clone());
        wanted.key = Some(key.clone());
        wanted.id = id.cloned();
        Ok(wanted)
    }

    /// The same in no order.
    pub async fn wanted_anyhow(
        &self,
        project: &Name,
        environment: &Name,
        resource_type: &Name,
        class: Option<&Name>,
    ) -> Result<Wanted, Error> {
        let found = self.environment(project, environment).await?;
        Ok(Wanted {
            resource_type: resource_type.clone(),
            class: class.cloned(),
            project: project.clone(),
            environment: environment.clone(),
            environment_type: found.environment_type.clone(),
            order: None,
            key: None,
            id: None,
        })
    }

    /// Which recipe would serve, and which would not.
    pub async fn serving(&self, wanted: &Wanted) -> Result<Serving, Error> {
        let resource_type = self.known_type(&wanted.resource_type).await?;
        let recipes = self.recipes().await?;
        let chosen = choose(&recipes, &resource_type, wanted)?;
        let lost = |it: &Loser<'_>| Lost {
            recipe: it.recipe.clone(),
            revision: it.revision,
            serves: matches!(it.why, Why::LessSpecific { .. }),
            why: it.why.to_string(),
        };
        let driver = match &chosen.recipe.driver {
            Some(requirement) => Some(self.required(requirement).await?),
            None => None,
        };
        Ok(Serving {
            recipe: self.recipe_at(&chosen.recipe.meta.name, chosen.document.version).await?,
            revision: chosen.document.version,
            driver,
            criteria: chosen.criteria.clone(),
            losers: chosen.losers.iter().map(lost).collect(),
        })
    }

    /// By which of its criteria the recipe serves that a resource is pinned to, in words; empty if they do not fit it any more.
    pub async fn served_by(&self, resource: &Resource) -> Result<String, Error> {
        let (name, pin) = (&resource.name, &resource.pin);
        let (class, id) = (resource.class.as_ref(), resource.shared.as_ref());
        let wanted = self.wanted(&name.order, &name.key, &resource.resource_type, class, id).await?;
        let recipe = self.recipe_at(&pin.recipe, pin.recipe_revision).await?;
        Ok(matching::serves(&recipe, &wanted).unwrap_or_default())
    }
}
