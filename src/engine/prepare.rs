//! What an attempt is given: the call, byte-identical for every attempt of a step, with grants, secrets and history.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::capability::grants::Grants;
use crate::domain::contract::{Call, Claim, Input, Prior};
use crate::domain::description::Access;
use crate::domain::effect::Effect;
use crate::domain::operation::{Operation, Stage};
use crate::domain::resource::{Desired, ExternalObject, Resource};
use crate::domain::secret::{Handle, Plain};
use crate::driver::{Attempt, Failure};
use crate::stock::Offer;

use super::input::{context, ownership};
use super::journal::{Granted, Header, History, Payload, StoreJournal, open};
use super::{Engine, Error};

const CONTRACT: &str = "0.1.0";

impl Engine {
    pub(super) async fn prepare(
        &self,
        resource: &Resource,
        operation: &Operation,
        call: &Call,
        history: &History,
        offer: &Offer,
    ) -> Result<(Attempt, Arc<StoreJournal>), Failure> {
        let host = |error: Error| Failure::Host(error.to_string());
        let mut grants = match self.stock.grants(&resource.pin, offer.driver.description()).await {
            Ok(grants) => grants,
            Err(error) => return Err(Failure::Host(error.to_string())),
        };
        if let Some(then) = &history.grants {
            hold(&mut grants, then)?;
        }
        let limits = offer.limits.clone();
        let header = Header {
            call: call.clone(),
            driver_digest: resource.pin.driver_digest.clone(),
            contract: CONTRACT.into(),
            limits: limits.clone(),
            grants: granted(&grants).await,
            replayed: history.replayed(),
        };
        let secrets = self.secrets(resource, call).await.map_err(host)?;
        let journal = StoreJournal::new(self, operation.clone(), resource.clone(), header, history.attempts + 1);
        let step = operation.step.to_string();
        let attempt = Attempt {
            call: call.clone(),
            grants,
            limits,
            trace: operation.trace.clone(),
            past: history.past.clone(),
            journal: journal.clone(),
            secrets,
            handle_key: self.keyring.derive(&["handles"]),
            seed: self.keyring.derive(&["seed", operation.id.as_str(), &step]),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        Ok((attempt, journal))
    }

    /// The secrets a resource may use: its own, and those that its params contain.
    pub(super) async fn secrets(&self, resource: &Resource, call: &Call) -> Result<Vec<(Handle, Plain)>, Error> {
        let sealer = self.sealer(resource.name.order.project.as_str());
        let mut secrets = Vec::new();
        for record in self.store.resource_secrets(&resource.id).await? {
            if let Some(handle) = Handle::parse(&record.key) {
                secrets.push((handle, sealer.open_secret(&record)?));
            }
        }
        let Some(input) = call.input() else { return Ok(secrets) };
        for (_, text) in crate::domain::json::strings(&input.params) {
            let Some(handle) = Handle::parse(text) else { continue };
            if secrets.iter().any(|(known, _)| *known == handle) {
                continue;
            }
            if let Some(record) = self.store.secret(handle.as_str()).await? {
                secrets.push((handle, sealer.open_secret(&record)?));
            }
        }
        Ok(secrets)
    }

    pub(super) async fn history(&self, operation: &Operation) -> Result<History, Error> {
        let mut steps: BTreeMap<u32, Vec<(u32, Payload)>> = BTreeMap::new();
        // What the steps before have changed is on the record, unless a doubt stands in its place. A driver that polls has many.
        let doubt = operation.effect == Effect::Unknown;
        let mut begun = None;
        for row in self.store.journal(&operation.id).await? {
            if row.step != operation.step && !doubt {
                continue;
            }
            if row.step == operation.step {
                begun.get_or_insert(row.time);
            }
            let payloads = open(&self.keyring, &row)?.into_iter().map(|payload| (row.attempt, payload));
            steps.entry(row.step).or_default().extend(payloads);
        }
        let current = steps.remove(&operation.step).unwrap_or_default();
        let mut history = History { begun, ..History::from_payloads(current) };
        if !doubt {
            history.before = history.before.max(operation.effect);
        }
        for (_, payloads) in steps {
            history.before = history.before.max(History::from_payloads(payloads).effect());
        }
        Ok(history)
    }

    /// The same call, with what is known of a begun object by now.
    pub(super) fn with_claim(&self, resource: &Resource, call: &Call) -> Result<Call, Error> {
        let claim = resource.object.as_ref().filter(|object| object.claimed && !object.complete);
        Ok(match (call, claim) {
            (Call::Create(input), Some(object)) => {
                Call::Create(Input { prior: Some(self.prior(resource, object)?), ..input.clone() })
            }
            (call, _) => call.clone(),
        })
    }

    /// What the driver is asked at this stage.
    pub(super) fn call(&self, resource: &Resource, operation: &Operation, stage: Stage) -> Result<Call, Error> {
        let sealer = self.sealer(resource.name.order.project.as_str());
        let desired: Desired = sealer.open_desired(&resource.id, &resource.desired)?;
        let object = match stage {
            Stage::DeleteFormer => resource.former.as_ref(),
            _ => resource.object.as_ref(),
        };
        let prior = match object {
            Some(object) => Some(self.prior(resource, object)?),
            None => None,
        };
        let what = match (stage, &prior) {
            (Stage::Delete | Stage::DeleteFormer | Stage::Find, Some(prior)) => {
                Desired::new(prior.params.clone(), prior.config.clone())
            }
            // A newer generation was accepted, of which not everything is known yet: this one goes on as it began.
            (_, Some(prior)) if !desired.is_bound() => Desired::new(prior.params.clone(), prior.config.clone()),
            _ => desired,
        };
        let continuation = match &operation.continuation {
            Some(sealed) => Some(sealer.open_continuation(&operation.id, sealed)?),
            None => None,
        };
        let incarnation = object.map_or(resource.incarnation, |object| object.incarnation);
        let prior = prior.filter(|_| object.is_some_and(|object| object.claimed));
        let input = Input { continuation, ..self.input(resource, incarnation, what, prior) };
        Ok(match stage {
            Stage::Decide => Call::Plan(input),
            Stage::Find => Call::Find(input),
            Stage::Create => Call::Create(input),
            Stage::Update => Call::Update(input),
            Stage::Delete | Stage::DeleteFormer => Call::Delete(input),
        })
    }

    /// What every call about an existing resource says.
    pub(super) fn input(&self, resource: &Resource, incarnation: u32, what: Desired, prior: Option<Prior>) -> Input {
        let name = &resource.name;
        Input {
            resource_id: resource.id.to_string(),
            incarnation,
            resource_type: resource.resource_type.to_string(),
            labels: ownership(self.store.core_id().as_str(), &resource.id, incarnation),
            config: what.config,
            params: what.params,
            unknown: Vec::new(),
            prior,
            continuation: None,
            context: context(&name.order, &name.key, resource.class.as_ref(), resource.generation),
        }
    }

    pub(super) fn prior(&self, resource: &Resource, object: &ExternalObject) -> Result<Prior, Error> {
        let sealer = self.sealer(resource.name.order.project.as_str());
        let applied: Desired = sealer.open_applied(&resource.id, &object.applied)?;
        Ok(Prior {
            claim: Claim {
                external_id: object.external_id.clone(),
                state: sealer.open_state(&resource.id, &object.state)?,
            },
            params: applied.params,
            config: applied.config,
            outputs: sealer.open_outputs(&resource.id, &object.outputs)?,
        })
    }
}

/// How long the backend of a type honours an idempotency key.
pub(super) fn key_retention_ms(offer: &Offer) -> u64 {
    offer.type_description().map_or(0, |described| described.key_retention_ms)
}

/// What the slots lead to now.
async fn granted(grants: &Grants) -> Vec<Granted> {
    let mut granted = Vec::with_capacity(grants.slots.len());
    for (slot, grant) in &grants.slots {
        granted.push(Granted {
            slot: slot.clone(),
            connection: grant.connection.clone(),
            access: grant.access,
            backend: grant.backend.identity().await.unwrap_or_default(),
        });
    }
    granted
}

/// A step never gets more than its first attempt had; if something of that was taken away, it does not go on.
fn hold(grants: &mut Grants, then: &[Granted]) -> Result<(), Failure> {
    let had = |slot: &str| then.iter().find(|it| it.slot == slot);
    grants.slots.retain(|slot, _| had(slot).is_some());
    for was in then {
        let now = grants.slots.get_mut(&was.slot).filter(|now| now.connection == was.connection);
        match now {
            Some(now) if was.access == Access::Read => now.access = Access::Read,
            Some(now) if now.access == Access::ReadWrite => {}
            _ => return Err(Failure::Ungranted { slot: was.slot.clone(), connection: was.connection.clone() }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::backend::Backend;
    use crate::capability::grants::Grant;
    use crate::capability::settings::Settings;

    fn grants(slots: &[(&str, &str, Access)]) -> Grants {
        let settings = Settings { kind: "sqlite".into(), endpoint: "/nowhere".into(), ..Settings::default() };
        let backend = Backend::open(settings).expect("it opens nothing yet");
        let grant = |(slot, connection, access): &(&str, &str, Access)| {
            let grant = Grant {
                access: *access,
                connection: (*connection).to_owned(),
                backend: backend.clone(),
                reads_apart: true,
                asked: Vec::new(),
                standing: Default::default(),
            };
            ((*slot).to_owned(), grant)
        };
        Grants { slots: slots.iter().map(grant).collect() }
    }

    #[test]
    fn a_step_gets_no_more_than_it_had_and_does_not_go_on_with_less() {
        use Access::{Read, ReadWrite};
        let then =
            |access| vec![Granted { slot: "a".into(), connection: "one".into(), access, backend: String::new() }];
        for (now, had, expected) in [
            (vec![("a", "one", ReadWrite)], ReadWrite, Some(vec![("a", ReadWrite)])),
            (vec![("a", "one", ReadWrite)], Read, Some(vec![("a", Read)])),
            (vec![("a", "one", Read)], Read, Some(vec![("a", Read)])),
            // Another slot came later: not for this step.
            (vec![("a", "one", ReadWrite), ("b", "two", Read)], ReadWrite, Some(vec![("a", ReadWrite)])),
            (vec![("a", "one", Read)], ReadWrite, None),
            (vec![("a", "two", ReadWrite)], ReadWrite, None),
            (vec![], Read, None),
        ] {
            let mut grants = grants(&now);
            let held = hold(&mut grants, &then(had))
                .ok()
                .map(|()| grants.slots.iter().map(|(slot, grant)| (slot.as_str(), grant.access)).collect::<Vec<_>>());
            assert_eq!(held, expected, "{now:?}, had {had:?}");
        }
    }
}
