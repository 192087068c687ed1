//! Asking the driver of a resource how it is, and keeping what it says.

use crate::domain::contract::{Answer, Call, Change};
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::observation::{Observation, Presence};
use crate::domain::reason::Reason;
use crate::domain::resource::{Desired, ExternalObject, Resource, ResourceState};
use crate::domain::time::Timestamp;
use crate::driver::Failure;
use crate::stock::interval::{DEFAULT_MS, interval_ms};
use crate::store::{self, Commit, Site, Write};
use crate::telemetry::metrics::metrics;

use super::compare::{Refreshed, compare};
use super::keep::{Facts, Known, MOST_DRIFT, Seen, after, due};
use crate::engine::asked::{Asked, refused, unfit};
use crate::engine::{Engine, Error};

/// What could not be looked at has its next turn after this, or after its interval if that is shorter.
const LATER_MS: u64 = 10 * 60 * 1_000;

impl Engine {
    /// Asks the driver because somebody wants to know, and keeps what it says. An error means inconclusive, never absent.
    pub async fn refresh(&self, resource: &Resource) -> Result<Refreshed, Error> {
        let Some(object) = resource.object.as_ref().filter(|object| object.claimed) else {
            return Ok(Refreshed::bare(Presence::Unmade));
        };
        // Its parts are at a backend, and asked about on their own.
        if resource.pin.is_composite() {
            return Ok(Refreshed::bare(Presence::Ready));
        }
        let known = self.known(resource).await?;
        let turn = OperationId::new(self.clock.now(), &*self.entropy);
        let seen = self.see(resource, object, Some(&turn)).await;
        // While something is under way, what is seen says nothing about what was applied.
        if object.complete && !self.is_at_work(resource).await? {
            self.keep(resource, known, &seen).await?;
        }
        seen
    }

    /// Looks at a resource whose turn it is.
    pub(super) async fn look_at_due(&self, id: &ResourceId) -> Result<(), Error> {
        let Some(resource) = self.store.resource(id).await? else { return Ok(()) };
        let known = self.known(&resource).await?;
        let object = resource.object.as_ref().filter(|object| object.complete);
        let (Some(object), false) = (object, resource.pin.is_composite()) else {
            // The end of the next operation on it says when.
            return self.put_off(&resource, known, None).await;
        };
        let interval_ms = match self.stock.pinned(&resource.resource_type, &resource.pin).await {
            Ok(offer) => interval_ms(&offer.resource_type),
            Err(_) => Some(DEFAULT_MS),
        };
        let now = self.clock.now();
        let Some(interval_ms) = interval_ms else { return self.put_off(&resource, known, None).await };
        let leaves = resource.state == ResourceState::Deleting;
        if leaves || self.is_at_work(&resource).await? || self.suspected(id).await?.is_some() {
            let later = due(Some(interval_ms.min(LATER_MS)), now, self.roll_at_all());
            return self.put_off(&resource, known, later).await;
        }
        let turn = OperationId::new(now, &*self.entropy);
        let seen = match self.tripped(&resource.pin, &turn, now) {
            Some(hold) => {
                Err(crate::domain::refusal::Refusal::new(hold.reason, format!("not asked: {}", hold.told())).into())
            }
            None => {
                let seen = self.see(&resource, object, Some(&turn)).await;
                self.leaves_circuits(&turn);
                seen
            }
        };
        let kept = self.keep(&resource, known, &seen).await?;
        if let (Some(kept), Ok(seen)) = (kept, &seen) {
            self.correct(&resource, &kept, seen, interval_ms).await?;
        }
        Ok(())
    }

    /// Of the current object of a resource, or the one it replaces. Nothing is kept.
    pub(in crate::engine) async fn refreshed(
        &self,
        resource: &Resource,
        object: &ExternalObject,
    ) -> Result<Refreshed, Error> {
        self.see(resource, object, None).await
    }

    /// `turn`: in whose name connections are used, if their breakers are to hear of it.
    async fn see(
        &self,
        resource: &Resource,
        object: &ExternalObject,
        turn: Option<&OperationId>,
    ) -> Result<Refreshed, Error> {
        let offer = self.stock.pinned(&resource.resource_type, &resource.pin).await?;
        let prior = self.prior(resource, object)?;
        let what = Desired::new(prior.params.clone(), prior.config.clone());
        let applied = prior.params.clone();
        let call = Call::Read(self.input(resource, object.incarnation, what, Some(prior)));
        let grants = self.stock.grants(&resource.pin, offer.driver.description()).await?;
        let (order, key, id) = (&resource.name.order, &resource.name.key, &resource.id);
        let class = resource.class.as_ref();
        let asked = Asked { order, key, class, offer: &offer, id, existing: Some(resource), apart: false };
        let attempt = self.looking(call, grants, &[], &asked).await?;
        let result = offer.driver.run(attempt).await.result;
        if let Some(turn) = turn {
            self.saw(&resource.pin, turn, result.as_ref().err()).await;
        }
        let seen = match result {
            Ok(Answer::Observed(observation)) => Ok(compare(&applied, observation)),
            Ok(other) => Err(unfit(&asked, &format!("{other:?} to read")).into()),
            Err(failure) => {
                tell_trap(resource, &failure);
                Err(refused(&asked, &failure).into())
            }
        };
        metrics().observed(&offer.driver.description().name, outcome(&seen));
        seen
    }

    async fn is_at_work(&self, resource: &Resource) -> Result<bool, Error> {
        Ok(!self.store.open_operations(&resource.id).await?.is_empty())
    }

    pub(super) async fn known(&self, resource: &Resource) -> Result<Known, Error> {
        let observation = self.store.observation(&resource.id).await?;
        let observation =
            observation.unwrap_or_else(|| Observation::new(resource.id.clone(), resource.observed_generation));
        let drift = match &observation.drift {
            Some(sealed) => self.sealer(resource.name.order.project.as_str()).open_drift(&resource.id, sealed)?,
            None => Vec::new(),
        };
        Ok(Known { observation, drift })
    }

    /// `None`: it has changed meanwhile, and what was seen is of no use.
    async fn keep(
        &self,
        resource: &Resource,
        known: Known,
        seen: &Result<Refreshed, Error>,
    ) -> Result<Option<Observation>, Error> {
        let interval_ms = match self.stock.pinned(&resource.resource_type, &resource.pin).await {
            Ok(offer) => interval_ms(&offer.resource_type),
            Err(_) => Some(DEFAULT_MS),
        };
        let seen = match seen {
            Ok(Refreshed { presence, drift }) => {
                let drift: Vec<Change> = drift.iter().take(MOST_DRIFT).cloned().collect();
                let sealer = self.sealer(resource.name.order.project.as_str());
                let sealed = (!drift.is_empty()).then(|| sealer.drift(&resource.id, &drift));
                Seen::Told { presence: *presence, drift, sealed }
            }
            // Neither of these is the backend's, or about it.
            Err(Error::Store(_)) => return Ok(None),
            Err(error) => Seen::Inconclusive { reason: reason(error), message: error.to_string() },
        };
        let now = self.clock.now();
        // It may have changed, or begun to, while its backend was asked.
        let current = self.store.resource(&resource.id).await?;
        if current.is_none_or(|current| current.version != resource.version) || self.is_at_work(resource).await? {
            return Ok(None);
        }
        let facts = Facts { generation: resource.observed_generation, interval_ms, now, roll: self.roll_at_all() };
        let (observation, changed) = after(known, seen, facts);
        let told = changed.then(|| Box::new(self.as_told(resource, &observation, now)));
        self.put_observation(resource, observation, told).await
    }

    /// The resource, with what has become of it as its message: what watchers are told.
    fn as_told(&self, resource: &Resource, observation: &Observation, now: Timestamp) -> Resource {
        let conditions = self.observed_conditions(resource, observation);
        let words: Vec<_> = conditions.iter().map(|it| format!("{}: {}", it.kind, it.message)).collect();
        let message = if words.is_empty() { "as it was applied".to_owned() } else { words.join("; ") };
        Resource { message, update_time: now, ..resource.clone() }
    }

    async fn put_off(&self, resource: &Resource, known: Known, due: Option<Timestamp>) -> Result<(), Error> {
        let version = known.observation.version + 1;
        self.put_observation(resource, Observation { due, version, ..known.observation }, None).await?;
        Ok(())
    }

    /// `None`: somebody else has put another one meanwhile.
    pub(in crate::engine) async fn put_observation(
        &self,
        resource: &Resource,
        observation: Observation,
        told: Option<Box<Resource>>,
    ) -> Result<Option<Observation>, Error> {
        let mut commit = Commit::new(Site::Audit);
        let project = resource.name.order.project.to_string();
        commit.writes.push(Write::Observation { project, observation: Box::new(observation.clone()), told });
        match self.put(commit).await {
            Ok(()) => Ok(Some(observation)),
            Err(store::Error::Conflict { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Any number, at random.
    pub(in crate::engine) fn roll_at_all(&self) -> u64 {
        let mut roll = [0u8; 8];
        self.entropy.fill(&mut roll);
        u64::from_be_bytes(roll)
    }
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::Refused(refusal) | Error::Stock(crate::stock::Error::Refused(refusal)) => refusal.reason,
        _ => Reason::Internal,
    }
}

fn outcome(seen: &Result<Refreshed, Error>) -> &'static str {
    match seen {
        Ok(seen) if !seen.drift.is_empty() => "drifted",
        Ok(seen) => seen.presence.as_str(),
        Err(_) => "inconclusive",
    }
}

fn tell_trap(resource: &Resource, failure: &Failure) {
    if matches!(failure, Failure::Trapped(_) | Failure::Unfit(_)) {
        tracing::warn!(resource.id = %resource.id, "cannot be looked at: {failure}");
    }
}
