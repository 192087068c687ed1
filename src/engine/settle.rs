//! Committing how a step ended, on the records as they are by then.

use crate::domain::contract::{Call, Claim};
use crate::domain::effect::Effect;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;
use crate::stock::Offer;
use crate::stock::interval::interval_ms;
use crate::store::{self, Commit, Site, Write};
use crate::telemetry::metrics::metrics;
use crate::telemetry::trace;

use super::conclude::{Conclusion, Ended, Facts, conclude, keep_claim, mark_begun};
use super::journal::tally;
use super::observe::keep::due;
use super::retry::Verdict;
use super::{Engine, Error};

/// How often a result is committed again after somebody else changed a record.
const CONFLICT_TRIES: u32 = 8;

/// How a step ended, and on what.
pub struct End<'a> {
    pub ended: Ended,
    pub call: &'a Call,
    /// What the operation is known to have changed by now; `None`: nothing new is known.
    pub effect: Option<Effect>,
    /// The checkpoint that no effect behind it has made durable: it becomes so with the end.
    pub claim: Option<Claim>,
    pub state_version: u32,
    pub settle_ms: u64,
    /// Of a look for what there is: so much was left, when it began, of the time in which its backend may not show it.
    pub unshown_ms: u64,
    /// How often the resource is looked at, if there is a driver to ask; within, `None`: never.
    pub interval_ms: Option<Option<u64>>,
}

impl<'a> End<'a> {
    /// Of something that no driver was asked about.
    pub fn bare(ended: Ended, call: &'a Call) -> Self {
        Self {
            ended,
            call,
            effect: None,
            claim: None,
            state_version: 0,
            settle_ms: 0,
            unshown_ms: 0,
            interval_ms: None,
        }
    }

    pub fn new(ended: Ended, call: &'a Call, effect: Option<Effect>, offer: &Offer) -> Self {
        let state_version = offer.driver.description().state_version;
        let interval_ms = Some(interval_ms(&offer.resource_type));
        Self {
            ended,
            call,
            effect,
            claim: None,
            state_version,
            settle_ms: offer.settle_ms(),
            unshown_ms: 0,
            interval_ms,
        }
    }
}

impl Engine {
    /// The mark of a create that was given up: the next one looks before it makes.
    pub(super) async fn mark_unsettled(&self, resource: &mut Resource, operation: &Operation) -> Result<(), Error> {
        let Some(call) = self.history(operation).await?.call else { return Ok(()) };
        let facts = Facts {
            call: &call,
            state_version: 0,
            settle_ms: 0,
            unshown_ms: 0,
            effect: None,
            now: self.clock.now(),
            sealer: self.sealer(operation.order.project.as_str()),
        };
        mark_begun(resource, operation, &facts);
        Ok(())
    }

    /// Commits what an end means, on the records as they are by then.
    pub(super) async fn settle(
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
            let ended = conclusion.operation.state.is_terminal().then(|| conclusion.operation.clone());
            let looks = self.looks_after(&conclusion, end.interval_ms, now);
            let due = looks.as_ref().and_then(|(_, due)| *due);
            let mut commit = Commit::new(Site::Result);
            commit.writes.extend(writes.iter().cloned());
            commit.writes.extend(records(&resource, &operation, conclusion, now));
            commit.writes.extend(looks.map(|(write, _)| write));
            match self.put(commit).await {
                Ok(()) => {
                    self.looks_at(due, now);
                    if let Some(ended) = ended {
                        self.tell(&ended, now).await;
                    }
                    return Ok(again);
                }
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

    /// What was seen of a resource does not hold any more once an operation on it has succeeded; and when somebody looks next.
    fn looks_after(
        &self,
        conclusion: &Conclusion,
        interval_ms: Option<Option<u64>>,
        now: Timestamp,
    ) -> Option<(Write, Option<Timestamp>)> {
        let resource = conclusion.resource.as_ref()?;
        if conclusion.operation.state != OperationState::Succeeded {
            return None;
        }
        let due = due(interval_ms?, now, self.roll_at_all());
        let write = Write::ResetObservation {
            project: resource.name.order.project.to_string(),
            resource: resource.id.clone(),
            generation: resource.observed_generation,
            due,
        };
        Some((write, due))
    }

    /// Counts an operation that has ended, and fills its place in its trace.
    async fn tell(&self, operation: &Operation, now: Timestamp) {
        let (verb, state) = (operation.verb.as_str(), operation.state.as_str());
        metrics().ended(verb, state);
        if !trace::is_on() {
            return;
        }
        let above = match &operation.parent {
            Some(parent) => self.store.operation(parent).await.ok().flatten().map(|parent| parent.trace),
            None => None,
        };
        let attributes = [
            ("vend.operation", operation.id.as_str()),
            ("vend.order", &operation.order.to_string()),
            ("vend.resource", &operation.resource_key),
            ("vend.state", state),
        ];
        let reason = operation.reason.map(|reason| reason.as_str());
        let failed = reason.filter(|_| operation.state != OperationState::Succeeded);
        let name = format!("operation {verb}");
        let (above, times) = (above.unwrap_or_default(), (operation.create_time, now));
        trace::ended(&above, &operation.trace, name, times, &attributes, failed);
    }

    fn concluded(&self, resource: &Resource, operation: &Operation, end: &End<'_>, now: Timestamp) -> Conclusion {
        let project = operation.order.project.as_str();
        let facts = Facts {
            call: end.call,
            state_version: end.state_version,
            settle_ms: end.settle_ms,
            unshown_ms: end.unshown_ms,
            effect: end.effect,
            now,
            sealer: self.sealer(project),
        };
        let mut resource = resource.clone();
        if let Some(claim) = &end.claim {
            keep_claim(&mut resource, operation.stage, claim, end.call, &facts.sealer);
        }
        conclude(resource, operation.clone(), end.ended.clone(), &facts)
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
