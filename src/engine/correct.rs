//! Bringing back what drifted, where the recipe says so: an operation of vend's own that applies once more what the resource was made with.

use crate::domain::document::{Drift, Kind, Manifest};
use crate::domain::event::Audit;
use crate::domain::observation::Observation;
use crate::domain::operation::OperationVerb;
use crate::domain::plan::{Plan, PlannedAction, PlannedResource};
use crate::domain::principal::Principal;
use crate::domain::resource::{Desired, Pin, Resource, ResourceState};
use crate::secret::Sealer;
use crate::store::{self, Write};
use crate::telemetry::metrics::metrics;

use super::accept::{Asking, Bringing, accept};
use super::observe::Refreshed;
use super::observe::keep::corrects_from;
use super::{Engine, Error};

impl Engine {
    /// After a look whose turn it was: begins an operation if what was seen is to be corrected. At most once an interval, and ever more
    /// seldom if it does not hold; never what is gone, paused, protected, only observed, or worked on.
    pub(super) async fn correct(
        &self,
        resource: &Resource,
        kept: &Observation,
        seen: &Refreshed,
        interval_ms: u64,
    ) -> Result<(), Error> {
        let settled = resource.state == ResourceState::Ready && resource.observed_generation == resource.generation;
        let care = &resource.care;
        if care.protect || care.observe_only {
            return Ok(());
        }
        if kept.drift.is_none() || !settled || corrects_from(kept, interval_ms) > self.clock.now() {
            return Ok(());
        }
        if !self.recipe_corrects(&resource.pin).await? {
            return Ok(());
        }
        if self.pause_on(&resource.name.order, &resource.pin).await?.is_some() {
            return Ok(());
        }
        let Some(order) = self.store.order(&resource.name.order).await? else { return Ok(()) };
        if order.deleting || self.store.operation(&order.operation).await?.is_some_and(|it| !it.state.is_terminal()) {
            return Ok(());
        }
        let Manifest::Order(manifest) = serde_json::from_value(self.open_manifest(&order)?).map_err(damaged)? else {
            return Ok(());
        };
        let sealer = self.sealer(resource.name.order.project.as_str());
        let desired: Desired = sealer.open_desired(&resource.id, &resource.desired)?;
        let offer = self.stock.pinned(&resource.resource_type, &resource.pin).await?;
        let description = offer.driver.description();
        let (key, pin) = (resource.name.key.clone(), resource.pin.clone());
        let planned = PlannedResource {
            id: Some(resource.id.clone()),
            class: resource.class.clone(),
            shared: resource.shared.clone(),
            drifted: seen.drift.iter().map(|it| it.pointer.clone()).collect(),
            desired: Some(desired),
            driver: format!("{}@{}", description.name, description.version),
            recipe_reason: offer.reason.clone(),
            care: resource.care.clone(),
            ..PlannedResource::bare(key, resource.resource_type.clone(), pin, PlannedAction::Update)
        };
        let plan = Plan {
            order: resource.name.order.clone(),
            digest: String::new(),
            resources: vec![planned],
            warnings: Vec::new(),
        };
        let resources = [(resource.name.key.clone(), resource.clone())].into();
        let now = self.clock.now();
        let principal = Principal::engine();
        let project = resource.name.order.project.as_str();
        let asking = Asking {
            principal: &principal,
            request_id: "",
            content_hash: "",
            trace: "",
            source: "",
            verb: OperationVerb::Apply,
            now,
            sealer: Sealer { keyring: &self.keyring, entropy: &*self.entropy, project },
        };
        let standing = self.standing_on(Some(order.clone()), resources);
        let accepted = accept(&plan, Some(&manifest), &standing, &Bringing::default(), &asking);
        let mut commit = accepted.commit;
        // What is desired stays as it is: so do the order and its generation.
        commit.writes.retain(|it| !matches!(it, Write::Order(_) | Write::Generation(_)));
        let mut why = String::new();
        for write in &mut commit.writes {
            let Write::Operation(operation) = write else { continue };
            match operation.parent {
                None => operation.generation = order.generation,
                Some(_) => why.clone_from(&operation.status),
            }
        }
        let name = resource.name.to_string();
        commit.audit =
            vec![Audit::allowed(&principal, project, "resources.correct", &name, now, &*self.entropy).because(&why)];
        let observation = Observation {
            corrections: kept.corrections.saturating_add(1),
            correct_time: Some(now),
            version: kept.version + 1,
            ..kept.clone()
        };
        commit.writes.push(Write::Observation {
            project: project.to_owned(),
            observation: Box::new(observation),
            told: None,
        });
        match self.put(commit).await {
            Ok(()) => {
                tracing::info!(resource.id = %resource.id, "is not as it was applied: {why}");
                metrics().corrected(&description.name);
                self.begin(accepted.ready, accepted.moved);
                Ok(())
            }
            // Somebody else has other plans with it.
            Err(store::Error::Conflict { .. }) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}

impl Engine {
    /// As the recipe says now, whatever it said when the resource was made: nothing is made in another way for it.
    async fn recipe_corrects(&self, pin: &Pin) -> Result<bool, Error> {
        let document = self.store.document(Kind::Recipe, "", pin.recipe.as_str()).await?;
        let Some(Manifest::Recipe(recipe)) = document.map(|it| it.manifest) else { return Ok(false) };
        Ok(recipe.drift == Some(Drift::Correct))
    }
}

fn damaged(error: serde_json::Error) -> store::Error {
    store::Error::Damaged { what: Kind::Order.as_str().to_lowercase(), detail: error.to_string() }
}
