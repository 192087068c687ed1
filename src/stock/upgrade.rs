//! What a resource would be made with after an upgrade, beside what it is made with.

use std::sync::Arc;

use crate::domain::document::{Document, Kind, Manifest};
use crate::domain::driver::DriverRecord;
use crate::domain::name::Name;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Pin, Resource};
use crate::domain::upgrade::Towards;

use super::matching;
use super::offer::Matched;
use super::{Error, Offer, Stock};

/// What it would be made with.
#[derive(Debug, Clone)]
pub struct Target {
    pub matched: Matched,
    /// Absent where the recipe is a composite.
    pub driver: Option<Arc<DriverRecord>>,
}

impl Target {
    /// Somebody would notice that it is another.
    pub fn differs(&self, pin: &Pin) -> bool {
        let digest = self.driver.as_ref().map_or("", |it| it.digest.as_str());
        (&self.matched.recipe.meta.name, self.matched.revision) != (&pin.recipe, pin.recipe_revision)
            || digest != pin.driver_digest
    }

    /// What is different, in words.
    pub fn news(&self, pin: &Pin) -> String {
        let (recipe, revision) = (&self.matched.recipe.meta.name, self.matched.revision);
        let mut news = Vec::new();
        if *recipe != pin.recipe {
            news.push(format!("recipe `{recipe}` makes such resources, and this was made by `{}`", pin.recipe));
        } else if revision != pin.recipe_revision {
            news.push(format!(
                "recipe `{recipe}` is at revision {revision}, and this was made by {}",
                pin.recipe_revision
            ));
        }
        if let Some(driver) = self.driver.as_ref().filter(|it| it.digest != pin.driver_digest) {
            let described = &driver.description;
            news.push(format!(
                "driver {}@{} takes the place of the one it is made with",
                described.name, described.version
            ));
        }
        news.join("; ")
    }
}

impl Stock {
    /// `None`: `to` does not concern it.
    pub async fn target(&self, resource: &Resource, to: &Towards) -> Result<Option<Target>, Error> {
        let (name, pin) = (&resource.name, &resource.pin);
        let (class, id) = (resource.class.as_ref(), resource.shared.as_ref());
        let wanted = || self.wanted(&name.order, &name.key, &resource.resource_type, class, id);
        let matched = match to {
            Towards::Current => self.matched(&wanted().await?).await?,
            Towards::Recipe { name, revision } => {
                let matched = self.at_revision(name, *revision).await?;
                let serves = *name == pin.recipe || matching::serves(&matched.recipe, &wanted().await?).is_some();
                if matched.recipe.resource_type != resource.resource_type || !serves {
                    return Ok(None);
                }
                matched
            }
            Towards::Driver(requirement) => {
                if pin.is_composite() {
                    return Ok(None);
                }
                let now = self.pinned(&resource.resource_type, pin).await?;
                if now.driver.description().name != requirement.driver.as_str() {
                    return Ok(None);
                }
                let driver = Some(self.required(&requirement.to_string()).await?);
                return Ok(Some(Target { matched: self.pinned_match(&resource.resource_type, pin).await?, driver }));
            }
        };
        let driver = match &matched.recipe.driver {
            Some(requirement) => Some(self.required(requirement).await?),
            None => None,
        };
        Ok(Some(Target { matched, driver }))
    }

    /// What there is for it to be moved to, if there is anything.
    pub async fn maintenance(&self, resource: &Resource) -> Result<Option<Target>, Error> {
        match self.target(resource, &Towards::Current).await {
            Ok(target) => Ok(target.filter(|target| target.differs(&resource.pin))),
            // Nothing would make it now.
            Err(Error::Refused(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// With the driver that it names.
    pub async fn offer_to(&self, target: Target) -> Result<Offer, Error> {
        match target.driver {
            Some(driver) => self.offer_of(target.matched, &driver.digest).await,
            None => self.offer(target.matched).await,
        }
    }

    async fn at_revision(&self, name: &Name, revision: u64) -> Result<Matched, Error> {
        let Some(Document { manifest: Manifest::Recipe(now), version, .. }) =
            self.store.document(Kind::Recipe, "", name.as_str()).await?
        else {
            let message = format!("there is no recipe `{name}`");
            let hint = "`vend get recipes` lists them; a driver's version is written as in `postgres@0.1.2`";
            return Err(Refusal::new(Reason::NotFound, message).hint(hint).into());
        };
        if revision == 0 || revision > version {
            let message = format!("recipe `{name}` has no revision {revision}");
            return Err(Refusal::new(Reason::NotFound, message).hint(format!("it has 1 to {version}")).into());
        }
        Ok(Matched {
            recipe: self.recipe_at(name, revision).await?,
            resource_type: self.known_type(&now.resource_type).await?,
            revision,
            reason: format!("moved to revision {revision}"),
        })
    }
}
