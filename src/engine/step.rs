//! Doing one step of a child operation: decide, run one attempt, conclude, commit.

use crate::capability::replay;
use tokio::time::Instant;

use crate::domain::contract::{Answer, Call};
use crate::domain::description::Identity;
use crate::domain::effect::Effect;
use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState, OperationVerb, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;
use crate::driver::{Failure, Past, Report};
use crate::secret::Sealer;
use crate::stock::Offer;
use crate::store::{self, Commit, Site, Write};
use crate::telemetry::metrics::metrics;
use crate::telemetry::trace::Span;

use super::conclude::{Ended, next_stage};
use super::decide::{Next, decide};
use super::doubt::Settled;
use super::former::Course;
use super::journal::{History, tally};
use super::keep::grace;
use super::prepare::key_retention_ms;
use super::restored::suspect::{First, UNKNOWN_CREATE};
use super::retry::{MOST_PENDING, Verdict, judge};
use super::settle::End;
use super::{Engine, Error};

impl Engine {
    pub(super) fn sealer<'a>(&'a self, project: &'a str) -> Sealer<'a> {
        Sealer { keyring: &self.keyring, entropy: &*self.entropy, project }
    }

    /// One step. True if the operation goes on at once. `begins`: it was found to be due a while ago, and somebody may have worked on it since.
    pub(super) async fn step(&self, id: &OperationId, begins: bool) -> Result<bool, Error> {
        let Some(operation) = self.store.operation(id).await? else { return Ok(false) };
        if !operation.state.is_runnable() || operation.held.is_some() || operation.awaits > 0 {
            return Ok(false);
        }
        if begins && !is_due(&operation, self.clock.now()) {
            return Ok(false);
        }
        let Some(resource_id) = operation.resource.clone() else { return Ok(false) };
        let Some(resource) = self.store.resource(&resource_id).await? else {
            return self.without_resource(operation).await;
        };
        if resource.pin.is_composite() {
            return self.step_composite(resource, operation).await;
        }
        let offer = self.stock.pinned(&resource.resource_type, &resource.pin).await?;
        if operation.cancel_requested {
            return self.end_cancelled(resource, operation, &offer).await;
        }
        let now = self.clock.now();
        if grace::is_kept(&operation) && now < operation.due {
            return self.keep_waiting(&operation, now).await;
        }
        if let Some(again) = self.come_first(&resource, &operation, &offer).await? {
            return Ok(again);
        }
        let next = match decide(&resource, &operation) {
            Next::Weigh => match self.weigh(&resource, &operation, &offer).await? {
                Course::Stage(stage) => Next::Call(stage),
                Course::Changed(again) => return Ok(again),
            },
            next => next,
        };
        match next {
            Next::Weigh => Ok(false),
            Next::Finish => self.finish(resource, operation, &offer).await,
            Next::Plan => self.replan(resource, operation, &offer).await,
            Next::Call(Stage::Create) => match self.first(&resource, &operation, &offer).await? {
                First::Nothing => self.attempt(resource, operation, Stage::Create, &offer).await,
                First::Look => self.attempt(resource, operation, Stage::Find, &offer).await,
                First::Ask => self.park_unknown(resource, operation, &offer).await,
            },
            Next::Call(Stage::DeleteFormer) => match self.hand_over(&resource, &operation).await? {
                Some(again) => Ok(again),
                None => self.attempt(resource, operation, Stage::DeleteFormer, &offer).await,
            },
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
        let mut history = match operation.state {
            OperationState::Queued => History::default(),
            _ => self.history(&operation).await?,
        };
        if history.call.is_none() && history.planned.is_some_and(|planned| planned != resource.generation) {
            return self.plan_again(operation).await;
        }
        if stage == Stage::Create && history.call.is_none() && self.asks_for_what_is_not_known(&resource, &operation)? {
            return self.give_way(&resource, &operation).await;
        }
        let stage = if begun_for_another(&resource, &operation, stage, &history) { Stage::Find } else { stage };
        let looks = operation.stage == Stage::Find && history.planned.is_some();
        operation.stage = stage;
        let until = self.clock.now().plus_ms(offer.limits.time_ms);
        history.past.key_retention_ms = key_retention_ms(offer);
        if let Some(doubt) = history.past.to_settle(until) {
            return self.settle_doubt(resource, operation, doubt, &history, offer).await;
        }
        if stage == Stage::Find && is_blind(offer) {
            let call = self.call(&resource, &operation, stage)?;
            let message = "an earlier create may have made it, and objects of this type cannot be looked for".into();
            let ended = Ended::Failed(Verdict::Park { reason: Reason::CreateOutcomeUnknown, message });
            return self.settle(resource, operation, End::new(ended, &call, None, offer), Vec::new()).await;
        }
        if stage == Stage::Find && !looks {
            // Whatever wrote did so before this is on record.
            let before = operation.state;
            next_stage(&mut operation, Stage::Find);
            return self.go_on(resource, operation, before, Vec::new()).await;
        }
        let call = match &history.call {
            Some(call) if history.replayed() > 0 => call.clone(),
            Some(call) => self.with_claim(&resource, call)?,
            None => self.call(&resource, &operation, stage)?,
        };
        if begins_afresh(&operation, &history.past, offer) {
            return self.begin_afresh(resource, operation, &call, offer).await;
        }
        let unshown_ms = match history.begun {
            Some(begun) if stage == Stage::Find => begun.plus_ms(offer.settle_ms()).since_ms(self.clock.now()),
            _ => 0,
        };
        let (begun, span) = (Instant::now(), Span::begin(&operation.trace));
        let (report, journal) = match self.prepare(&resource, &operation, &call, &history, offer).await {
            Ok((mut attempt, journal)) => {
                attempt.trace = span.context().to_owned();
                (offer.driver.run(attempt).await, journal)
            }
            Err(failure) => {
                let ended = self.ended(Err(failure), &operation, self.clock.now());
                return self.settle(resource, operation, End::new(ended, &call, None, offer), Vec::new()).await;
            }
        };
        self.saw(&resource.pin, &operation.id, report.result.as_ref().err()).await;
        let now = self.clock.now();
        let outcome = match &report.result {
            Ok(Answer::Pending(_)) => ("pending", String::new()),
            Ok(_) => ("done", String::new()),
            Err(failure) => ("failed", failure.to_string()),
        };
        let (driver, verb) = (offer.driver.description().name.as_str(), call.verb().as_str());
        metrics().step(driver, verb, outcome.0, begun.elapsed());
        metrics().denied(driver, report.usage.denied);
        let span = span.with("vend.operation", operation.id.as_str()).with("vend.driver", driver);
        let span = span.with("vend.attempt", (history.attempts + 1).to_string()).with("vend.outcome", outcome.0);
        // Why is in the log and the journal: what a driver says need not travel.
        span.end(format!("step {verb}"), (outcome.0 == "failed").then_some("failed"));
        let (inner, mut writes) = journal.closing(&report.rest, &logs(&report), (outcome.0, &outcome.1), now);
        let (resource, mut operation) = (inner.resource, inner.operation);
        if let Some(status) = &report.status {
            operation.status = status.clone();
        }
        if operation.verb == OperationVerb::Replace && matches!(report.result, Ok(Answer::Done(_))) {
            writes.extend(self.moved_key(&resource, &call, offer).await?);
        }
        if stage == Stage::Update && matches!(report.result, Ok(Answer::Pending(_))) && operation.step < MOST_PENDING {
            writes.push(self.planned(&operation, &call, now));
        }
        let ended = match self.ended(report.result, &operation, now) {
            // What cannot be looked for is a person's to tell, who may have looked.
            Ended::Failed(Verdict::Fail { reason: Reason::VerbUnsupported, message }) if stage == Stage::Find => {
                let message = format!("what an earlier create has left cannot be looked for: {message}");
                Ended::Failed(Verdict::Park { reason: Reason::CreateOutcomeUnknown, message })
            }
            ended => ended,
        };
        // Whatever was lost on the way: a driver that ends well has brought about what was asked.
        let effect = match (&ended, report.effect) {
            (Ended::Answered(Answer::Done(_) | Answer::Gone), Effect::Unknown) => Effect::Applied,
            (_, effect) => effect.max(history.before),
        };
        let end = End { claim: report.rest.claim, unshown_ms, ..End::new(ended, &call, Some(effect), offer) };
        self.settle(resource, operation, end, writes).await
    }

    pub(super) fn ended(&self, result: Result<Answer, Failure>, operation: &Operation, now: Timestamp) -> Ended {
        match result {
            Ok(answer) => Ended::Answered(answer),
            Err(failure) => {
                tracing::info!(operation.id = %operation.id, "attempt failed: {failure}");
                Ended::Failed(judge(&failure, operation, now, &*self.entropy))
            }
        }
    }

    /// After a replacement the natural key of the new object is the one that counts.
    pub(super) async fn moved_key(&self, resource: &Resource, call: &Call, offer: &Offer) -> Result<Vec<Write>, Error> {
        let Some(input) = call.input() else { return Ok(Vec::new()) };
        let key = self.stock.natural_key(offer, &resource.pin, &resource.name, &resource.id, &input.params).await?;
        let release = Write::ReleaseKeys { resource: resource.id.clone() };
        Ok(key.map_or(Vec::new(), |key| vec![release, Write::ReserveKey(key)]))
    }

    async fn finish(&self, resource: Resource, operation: Operation, offer: &Offer) -> Result<bool, Error> {
        let call = self.call(&resource, &operation, Stage::Decide)?;
        self.settle(resource, operation, End::new(Ended::Finished, &call, None, offer), Vec::new()).await
    }

    /// It may have been made in a time that nobody remembers, and nobody can look.
    async fn park_unknown(&self, resource: Resource, mut operation: Operation, offer: &Offer) -> Result<bool, Error> {
        operation.stage = Stage::Create;
        let call = self.call(&resource, &operation, Stage::Create)?;
        let (reason, message) = (Reason::CreateOutcomeUnknown, UNKNOWN_CREATE.to_owned());
        let end = End::new(Ended::Failed(Verdict::Park { reason, message }), &call, None, offer);
        self.settle(resource, operation, end, Vec::new()).await
    }

    /// What is in doubt is settled first, also what could be sent again: it will not be, unless its key is all that can tell.
    async fn end_cancelled(&self, resource: Resource, operation: Operation, offer: &Offer) -> Result<bool, Error> {
        let history = self.history(&operation).await?;
        if let Some(doubt) = history.past.unanswered.first().cloned() {
            let until = self.clock.now().plus_ms(offer.limits.time_ms);
            let keyed = offer.type_description().is_some_and(|described| described.identity == Identity::Keyed);
            if keyed && doubt.may_be_repeated(until, key_retention_ms(offer)) {
                let stage = operation.stage;
                return self.attempt(resource, operation, stage, offer).await;
            }
            return self.settle_doubt(resource, operation, doubt, &history, offer).await;
        }
        let call = match &history.call {
            Some(call) => call.clone(),
            None => self.call(&resource, &operation, operation.stage)?,
        };
        let end = End::new(Ended::Cancelled, &call, Some(history.effect()), offer);
        self.settle(resource, operation, end, Vec::new()).await
    }

    /// The same start has led to the same failure half of all times it may: looks at what is there, and begins with an empty journal.
    async fn begin_afresh(
        &self,
        resource: Resource,
        operation: Operation,
        call: &Call,
        offer: &Offer,
    ) -> Result<bool, Error> {
        let effect = operation.effect.max(Effect::Applied);
        let end = End::new(Ended::Settled(Settled::Afresh), call, Some(effect), offer);
        self.settle(resource, operation, end, Vec::new()).await
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
        self.put(commit).await?;
        Ok(false)
    }
}

/// As the store finds it: its time has come, or the clock was set back behind the time at which it was put to wait.
fn is_due(operation: &Operation, now: Timestamp) -> bool {
    operation.due <= now || operation.update_time > now.plus_ms(store::AHEAD_MS)
}

/// An earlier step of this create has begun something that it has no claim to, and a newer generation may ask for another thing: what there is
/// is looked for as it was begun.
fn begun_for_another(resource: &Resource, operation: &Operation, stage: Stage, history: &History) -> bool {
    let unclaimed = resource.object.as_ref().is_some_and(|object| !object.claimed);
    stage == Stage::Create && history.call.is_none() && unclaimed && resource.generation != operation.generation
}

/// Once, half-way through the budget of a step that has applied something and cannot get past it.
fn begins_afresh(operation: &Operation, past: &Past, offer: &Offer) -> bool {
    let may = operation.stage != Stage::Create || !is_blind(offer);
    may && operation.attempts == operation.budget.attempts / 2 && replay::known(&past.history) != Effect::None
}

/// Objects of the type cannot be looked for.
pub(super) fn is_blind(offer: &Offer) -> bool {
    offer.type_description().is_none_or(|described| described.identity == Identity::Unsafe)
}

fn logs(report: &Report) -> Vec<(String, String)> {
    report.logs.iter().map(|(level, message)| (format!("{level:?}").to_lowercase(), message.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::operation;

    #[test]
    fn what_was_found_due_and_waits_again_by_now_is_left_alone() {
        let now = Timestamp::from_ms(100_000);
        let waits = |due, update_time| {
            let (due, update_time) = (Timestamp::from_ms(due), Timestamp::from_ms(update_time));
            Operation { due, update_time, ..operation(OperationVerb::Create) }
        };
        assert!(is_due(&waits(100_000, 99_000), now));
        assert!(!is_due(&waits(100_001, 99_999), now), "somebody has worked on it in between");
        assert!(!is_due(&waits(200_000, 100_000 + store::AHEAD_MS), now));
        assert!(is_due(&waits(200_000, 100_001 + store::AHEAD_MS), now), "the clock was set back");
    }
}
