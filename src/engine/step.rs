//! Doing one step of a child operation: decide, run one attempt, conclude, commit.

use std::sync::Arc;

use crate::domain::contract::{Action, Answer, Call, Claim, Input, Prior};
use crate::domain::description::NaturalKey as KeyDescription;
use crate::domain::document::Replace;
use crate::domain::effect::Effect;
use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState, OperationVerb, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::{Desired, ExternalObject, Resource};
use crate::domain::secret::{Handle, Plain};
use crate::domain::time::Timestamp;
use crate::driver::{Attempt, Failure, Report};
use crate::secret::Sealer;
use crate::stock::Offer;
use crate::store::{self, Commit, Site, Write};

use super::conclude::{Conclusion, Ended, Facts, claim_object, conclude, mark_begun, next_stage};
use super::decide::{Next, decide};
use super::input::{context, ownership};
use super::journal::{Header, History, StoreJournal, open, tally};
use super::retry::{Verdict, judge};
use super::{Engine, Error};

const CONTRACT: &str = "0.1.0";
/// How often a result is committed again after somebody else changed a record.
const CONFLICT_TRIES: u32 = 8;

impl Engine {
    fn sealer<'a>(&'a self, project: &'a str) -> Sealer<'a> {
        Sealer { keyring: &self.keyring, entropy: &*self.entropy, project }
    }

    /// One step. True if the operation goes on at once.
    pub(super) async fn step(&self, id: &OperationId) -> Result<bool, Error> {
        let Some(operation) = self.store.operation(id).await? else { return Ok(false) };
        if !operation.state.is_runnable() {
            return Ok(false);
        }
        let Some(resource_id) = operation.resource.clone() else { return Ok(false) };
        let Some(resource) = self.store.resource(&resource_id).await? else {
            return self.without_resource(operation).await;
        };
        if operation.cancel_requested {
            return self.end_cancelled(resource, operation).await;
        }
        let offer = self.stock.pinned(&resource.resource_type, &resource.pin).await?;
        match decide(&resource, &operation) {
            Next::Finish => self.finish(resource, operation).await,
            Next::Plan => self.replan(resource, operation, &offer).await,
            Next::Call(stage) => self.attempt(resource, operation, stage, &offer).await,
        }
    }

    async fn attempt(
        &self,
        resource: Resource,
        mut operation: Operation,
        stage: Stage,
        offer: &Offer,
    ) -> Result<bool, Error> {
        operation.stage = stage;
        let history = match operation.state {
            OperationState::Queued => History::default(),
            _ => self.history(&operation).await?,
        };
        let call = match &history.call {
            Some(call) => call.clone(),
            None => self.call(&resource, &operation, stage)?,
        };
        let (report, journal) = match self.prepare(&resource, &operation, &call, &history, offer).await {
            Ok((attempt, journal)) => (offer.driver.run(attempt).await, journal),
            Err(failure) => {
                let ended = self.ended(Err(failure), &operation, self.clock.now());
                return self.settle(resource, operation, End::without_effect(ended, &call), Vec::new()).await;
            }
        };
        let now = self.clock.now();
        let outcome = match &report.result {
            Ok(Answer::Pending(_)) => ("pending", String::new()),
            Ok(_) => ("done", String::new()),
            Err(failure) => ("failed", failure.to_string()),
        };
        let (inner, mut writes) = journal.closing(&report.rest, &logs(&report), (outcome.0, &outcome.1), now);
        let (mut resource, mut operation) = (inner.resource, inner.operation);
        if let Some(status) = &report.status {
            operation.status = status.clone();
        }
        if let Some(claim) = &report.rest.claim {
            // A checkpoint that no later effect made durable becomes so with the result.
            claim_object(&mut resource, claim, &call, &self.sealer(operation.order.project.as_str()));
        }
        if operation.verb == OperationVerb::Replace && matches!(report.result, Ok(Answer::Done(_))) {
            writes.extend(self.moved_key(&resource, &call, offer).await?);
        }
        let ended = self.ended(report.result, &operation, now);
        let effect = report.effect;
        self.settle(resource, operation, End { ended, call: &call, effect, state_version: version(offer) }, writes)
            .await
    }

    fn ended(&self, result: Result<Answer, Failure>, operation: &Operation, now: Timestamp) -> Ended {
        match result {
            Ok(answer) => Ended::Answered(answer),
            Err(failure) => {
                tracing::info!(operation.id = %operation.id, "attempt failed: {failure}");
                Ended::Failed(judge(&failure, operation, now, &*self.entropy))
            }
        }
    }

    async fn prepare(
        &self,
        resource: &Resource,
        operation: &Operation,
        call: &Call,
        history: &History,
        offer: &Offer,
    ) -> Result<(Attempt, Arc<StoreJournal>), Failure> {
        let host = |error: Error| Failure::Host(error.to_string());
        let grants = match self.stock.grants(&resource.pin, offer.driver.description()).await {
            Ok(grants) => grants,
            Err(error) => return Err(Failure::Host(error.to_string())),
        };
        let limits = offer.limits.clone();
        let header = Header {
            call: call.clone(),
            driver_digest: resource.pin.driver_digest.clone(),
            contract: CONTRACT.into(),
            limits: limits.clone(),
            grants: grants
                .slots
                .iter()
                .map(|(slot, grant)| (slot.clone(), grant.connection.clone(), format!("{:?}", grant.access)))
                .collect(),
            replayed: replayed(&history.entries),
        };
        let secrets = self.secrets(resource, call).await.map_err(host)?;
        let journal = StoreJournal::new(self, operation.clone(), resource.clone(), header, history.attempts + 1);
        let step = operation.step.to_string();
        let attempt = Attempt {
            call: call.clone(),
            grants,
            limits,
            history: history.entries.clone(),
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

    async fn history(&self, operation: &Operation) -> Result<History, Error> {
        let mut payloads = Vec::new();
        for row in self.store.journal(&operation.id).await? {
            if row.step == operation.step {
                payloads.push((row.attempt, open(&self.keyring, &row)?));
            }
        }
        Ok(History::from_payloads(payloads))
    }

    /// What the driver is asked at this stage.
    fn call(&self, resource: &Resource, operation: &Operation, stage: Stage) -> Result<Call, Error> {
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
        let incarnation = object.map_or(resource.incarnation, |object| object.incarnation);
        let what = match (stage, &prior) {
            (Stage::Delete | Stage::DeleteFormer | Stage::Find, Some(prior)) => {
                Desired { params: prior.params.clone(), config: prior.config.clone() }
            }
            _ => desired,
        };
        let continuation = match &operation.continuation {
            Some(sealed) => Some(sealer.open_continuation(&operation.id, sealed)?),
            None => None,
        };
        let name = &resource.name;
        let input = Input {
            resource_id: resource.id.to_string(),
            incarnation,
            resource_type: resource.resource_type.to_string(),
            labels: ownership(self.store.core_id().as_str(), &resource.id, incarnation),
            config: what.config,
            params: what.params,
            unknown: Vec::new(),
            prior: prior.filter(|_| object.is_some_and(|object| object.claimed)),
            continuation,
            context: context(&name.order, &name.key, resource.class.as_ref(), resource.generation),
        };
        Ok(match stage {
            Stage::Decide => Call::Plan(input),
            Stage::Find => Call::Find(input),
            Stage::Create => Call::Create(input),
            Stage::Update => Call::Update(input),
            Stage::Delete | Stage::DeleteFormer => Call::Delete(input),
        })
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

    /// Asks the driver what is to be done to the object that is there, and moves to the stage that does it.
    async fn replan(&self, mut resource: Resource, mut operation: Operation, offer: &Offer) -> Result<bool, Error> {
        let call = self.call(&resource, &operation, Stage::Decide)?;
        let result = match self.prepare(&resource, &operation, &call, &History::default(), offer).await {
            Ok((attempt, _)) => offer.driver.run(attempt).await.result,
            Err(failure) => Err(failure),
        };
        let action = match result {
            Ok(Answer::Planned(planned)) => Ok(planned.action),
            Ok(other) => Err(Failure::Unfit(format!("{other:?} to plan"))),
            Err(failure) => Err(failure),
        };
        let action = match action {
            Ok(action) => action,
            Err(failure) => {
                let ended = self.ended(Err(failure), &operation, self.clock.now());
                return self.settle(resource, operation, End::without_effect(ended, &call), Vec::new()).await;
            }
        };
        let now = self.clock.now();
        let before = operation.state;
        match action {
            Action::None => {
                let end = End::without_effect(Ended::Finished, &call);
                return self.settle(resource, operation, end, Vec::new()).await;
            }
            Action::Create => {
                next_stage(&mut operation, Stage::Create);
            }
            Action::Update => {
                next_stage(&mut operation, Stage::Update);
            }
            Action::Replace if operation.verb != OperationVerb::Replace => {
                let message = "the change needs a replacement, which was not planned: plan and apply again".into();
                let ended = Ended::Failed(Verdict::Fail { reason: Reason::PlanViolated, message });
                return self.settle(resource, operation, End::without_effect(ended, &call), Vec::new()).await;
            }
            Action::Replace => match replacement(&call, offer) {
                Replace::DeleteFirst => {
                    next_stage(&mut operation, Stage::Delete);
                }
                Replace::CreateFirst => {
                    resource.former = resource.object.take();
                    resource.incarnation += 1;
                    next_stage(&mut operation, Stage::Create);
                }
            },
        }
        operation.version += 1;
        operation.update_time = now;
        resource.version += 1;
        resource.update_time = now;
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(tally(&operation, before, now));
        commit.writes.push(Write::Operation(Box::new(operation)));
        commit.writes.push(Write::Resource(Box::new(resource)));
        match self.store.commit(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(true),
            Err(other) => Err(other.into()),
        }
    }

    /// After a replacement the natural key of the new object is the one that counts.
    async fn moved_key(&self, resource: &Resource, call: &Call, offer: &Offer) -> Result<Vec<Write>, Error> {
        let Some(input) = call.input() else { return Ok(Vec::new()) };
        let key = self.stock.natural_key(offer, &resource.pin, &resource.name, &resource.id, &input.params).await?;
        let release = Write::ReleaseKeys { resource: resource.id.clone() };
        Ok(key.map_or(Vec::new(), |key| vec![release, Write::ReserveKey(key)]))
    }

    async fn finish(&self, resource: Resource, operation: Operation) -> Result<bool, Error> {
        let call = self.call(&resource, &operation, Stage::Decide)?;
        self.settle(resource, operation, End::without_effect(Ended::Finished, &call), Vec::new()).await
    }

    async fn end_cancelled(&self, resource: Resource, operation: Operation) -> Result<bool, Error> {
        let history = self.history(&operation).await?;
        let call = match history.call {
            Some(call) => call,
            None => self.call(&resource, &operation, operation.stage)?,
        };
        let effect = crate::capability::replay::effect(&history.entries);
        let end = End { ended: Ended::Cancelled, call: &call, effect, state_version: 0 };
        self.settle(resource, operation, end, Vec::new()).await
    }

    /// The mark of a create that was given up: the next one looks before it makes.
    pub(super) async fn mark_unsettled(&self, resource: &mut Resource, operation: &Operation) -> Result<(), Error> {
        let Some(call) = self.history(operation).await?.call else { return Ok(()) };
        let facts = Facts {
            call: &call,
            state_version: 0,
            effect: operation.effect,
            now: self.clock.now(),
            sealer: self.sealer(operation.order.project.as_str()),
        };
        mark_begun(resource, operation, &facts);
        Ok(())
    }

    async fn without_resource(&self, mut operation: Operation) -> Result<bool, Error> {
        let before = operation.state;
        let now = self.clock.now();
        operation.state = OperationState::Cancelled;
        operation.end_time = Some(now);
        operation.update_time = now;
        operation.version += 1;
        operation.message = "its resource is gone".into();
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(tally(&operation, before, now));
        commit.writes.push(Write::Operation(Box::new(operation)));
        self.store.commit(commit).await?;
        Ok(false)
    }

    /// Commits what an end means, on the records as they are by then.
    async fn settle(
        &self,
        mut resource: Resource,
        mut operation: Operation,
        end: End<'_>,
        writes: Vec<Write>,
    ) -> Result<bool, Error> {
        if matches!(end.ended, Ended::Failed(Verdict::Leave)) {
            return Ok(false);
        }
        let (stage, step, status) = (operation.stage, operation.step, operation.status.clone());
        for _ in 0..CONFLICT_TRIES {
            let now = self.clock.now();
            let conclusion = self.concluded(&resource, &operation, &end, now);
            let again = conclusion.again;
            let mut commit = Commit::new(Site::Result);
            commit.writes.extend(writes.iter().cloned());
            commit.writes.extend(records(&resource, &operation, conclusion, now));
            match self.store.commit(commit).await {
                Ok(()) => return Ok(again),
                Err(store::Error::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
            let (Some(newer), Some(current)) =
                (self.store.operation(&operation.id).await?, self.store.resource(&resource.id).await?)
            else {
                return Ok(false);
            };
            if newer.step != step || newer.state.is_terminal() {
                return Ok(false);
            }
            operation = Operation { stage, status: status.clone(), ..newer };
            resource = current;
        }
        Ok(true)
    }

    fn concluded(&self, resource: &Resource, operation: &Operation, end: &End<'_>, now: Timestamp) -> Conclusion {
        let project = operation.order.project.as_str();
        let facts = Facts {
            call: end.call,
            state_version: end.state_version,
            effect: end.effect,
            now,
            sealer: self.sealer(project),
        };
        conclude(resource.clone(), operation.clone(), end.ended.clone(), &facts)
    }
}

/// How a step ended, and on what.
struct End<'a> {
    ended: Ended,
    call: &'a Call,
    effect: Effect,
    state_version: u32,
}

impl<'a> End<'a> {
    fn without_effect(ended: Ended, call: &'a Call) -> Self {
        Self { ended, call, effect: Effect::None, state_version: 0 }
    }
}

/// The writes of a conclusion over the records it was drawn from.
fn records(resource: &Resource, operation: &Operation, conclusion: Conclusion, now: Timestamp) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut after = conclusion.operation;
    after.version = operation.version + 1;
    writes.extend(tally(&after, operation.state, now));
    writes.push(Write::Operation(Box::new(after)));
    match conclusion.resource {
        Some(mut after) => {
            after.version = resource.version + 1;
            writes.push(Write::Resource(Box::new(after)));
        }
        None => {
            writes.push(Write::DeleteResource { id: resource.id.clone(), version: resource.version, time: now });
            writes.push(Write::SweepOrder { name: resource.name.order.clone(), time: now });
        }
    }
    writes
}

/// How many effects a new attempt will replay.
fn replayed(entries: &[crate::domain::effect::Entry]) -> u32 {
    let kept = crate::capability::replay::cut(entries);
    entries[..kept].last().map_or(0, |entry| entry.seq() + 1)
}

fn version(offer: &Offer) -> u32 {
    offer.driver.description().state_version
}

fn replacement(call: &Call, offer: &Offer) -> Replace {
    if let Some(mode) = offer.recipe.replace {
        return mode;
    }
    let Some(input) = call.input() else { return Replace::DeleteFirst };
    let key = offer.type_description().and_then(|described| described.natural_key.as_ref());
    let same = |key: &KeyDescription, prior: &Prior| {
        key.pointers.iter().all(|pointer| input.params.pointer(pointer) == prior.params.pointer(pointer))
    };
    match (key, &input.prior) {
        (Some(key), Some(prior)) if !same(key, prior) => Replace::CreateFirst,
        (Some(_), _) => Replace::DeleteFirst,
        (None, _) => Replace::CreateFirst,
    }
}

fn logs(report: &Report) -> Vec<(String, String)> {
    report.logs.iter().map(|(level, message)| (format!("{level:?}").to_lowercase(), message.clone())).collect()
}
