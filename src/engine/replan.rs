//! Planning again: what is to be done to the object that there is, asked just before it is done.

use crate::domain::contract::{Action, Answer, Call, ErrorKind, Object, Observation, Prior};
use crate::domain::description::NaturalKey as KeyDescription;
use crate::domain::document::Replace;
use crate::domain::effect::Effect;
use crate::domain::operation::{Operation, OperationState, OperationVerb, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;
use crate::driver::Failure;
use crate::stock::Offer;
use crate::store::{self, Commit, Site, Write};

use super::conclude::{Ended, generation, next_stage};
use super::doubt::Settled;
use super::journal::{Payload, Place, row, tally};
use super::retry::Verdict;
use super::settle::End;
use super::{Engine, Error};

impl Engine {
    /// Asks the driver what is to be done to the object that is there, and moves to the stage that does it.
    pub(super) async fn replan(
        &self,
        mut resource: Resource,
        mut operation: Operation,
        offer: &Offer,
    ) -> Result<bool, Error> {
        let call = self.call(&resource, &operation, Stage::Decide)?;
        let action = match self.would_do(&resource, &operation, &call, offer).await {
            Ok(action) => action,
            Err(failure) => return self.not_planned(resource, operation, &call, offer, failure).await,
        };
        let before = operation.state;
        match action {
            Action::None => {
                let (ended, effect) = match operation.effect {
                    // An update whose answer was lost has come about: what it made of the outputs is to be seen at the object.
                    Effect::Unknown => match self.converged(&resource, &call, offer).await {
                        Ok(object) => (Ended::Settled(Settled::Converged(object)), Some(Effect::Applied)),
                        Err(failure) => (self.ended(Err(failure), &operation, self.clock.now()), None),
                    },
                    _ => (Ended::Finished, None),
                };
                return self.settle(resource, operation, End::new(ended, &call, effect, offer), Vec::new()).await;
            }
            Action::Create => {
                next_stage(&mut operation, Stage::Create);
            }
            Action::Update => {
                next_stage(&mut operation, Stage::Update);
            }
            Action::Replace if operation.verb != OperationVerb::Replace => {
                return self.needs_a_plan(resource, operation, &call, offer).await;
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
        self.go_on(resource, operation, before, Vec::new()).await
    }

    /// What it would do to the object that there is.
    pub(super) async fn would_do(
        &self,
        resource: &Resource,
        operation: &Operation,
        call: &Call,
        offer: &Offer,
    ) -> Result<Action, Failure> {
        match self.observe_for(operation, resource, call.clone(), offer).await? {
            Answer::Planned(planned) => Ok(planned.action),
            other => Err(Failure::Unfit(format!("{other:?} to plan"))),
        }
    }

    pub(super) async fn not_planned(
        &self,
        resource: Resource,
        operation: Operation,
        call: &Call,
        offer: &Offer,
        failure: Failure,
    ) -> Result<bool, Error> {
        let ended = self.ended(Err(failure), &operation, self.clock.now());
        self.settle(resource, operation, End::new(ended, call, None, offer), Vec::new()).await
    }

    pub(super) async fn needs_a_plan(
        &self,
        resource: Resource,
        operation: Operation,
        call: &Call,
        offer: &Offer,
    ) -> Result<bool, Error> {
        let message = "the change needs a replacement, which was not planned: plan and apply again".into();
        let ended = Ended::Failed(Verdict::Fail { reason: Reason::PlanViolated, message });
        self.settle(resource, operation, End::new(ended, call, None, offer), Vec::new()).await
    }

    /// Writes down what the operation does next, and for which generation that was planned. `before`: the state that it was in.
    pub(super) async fn go_on(
        &self,
        mut resource: Resource,
        mut operation: Operation,
        before: OperationState,
        more: Vec<Write>,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        operation.version += 1;
        operation.update_time = now;
        resource.version += 1;
        resource.update_time = now;
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(more);
        commit.writes.extend(tally(&operation, before, now));
        let place = Place { operation: &operation, attempt: 0, position: 0 };
        let planned = Payload::Planned(resource.generation);
        let planned = row(&self.keyring, &*self.entropy, place, now, &[planned]);
        commit.writes.push(Write::Operation(Box::new(operation)));
        commit.writes.push(planned);
        commit.writes.push(Write::Resource(Box::new(resource)));
        match self.put(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(true),
            Err(other) => Err(other.into()),
        }
    }

    /// The next step of an update that waits goes on with the same generation, or is planned again.
    pub(super) fn planned(&self, operation: &Operation, call: &Call, now: Timestamp) -> Write {
        let next = Operation { step: operation.step + 1, ..operation.clone() };
        let place = Place { operation: &next, attempt: 0, position: 0 };
        row(&self.keyring, &*self.entropy, place, now, &[Payload::Planned(generation(call))])
    }

    /// A newer generation was accepted between the plan and what it led to, which may be something else by now: nothing has been done yet.
    pub(super) async fn plan_again(&self, mut operation: Operation) -> Result<bool, Error> {
        let (before, now) = (operation.state, self.clock.now());
        next_stage(&mut operation, Stage::Decide);
        operation.version += 1;
        operation.update_time = now;
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(tally(&operation, before, now));
        commit.writes.push(Write::Operation(Box::new(operation)));
        match self.put(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(true),
            Err(other) => Err(other.into()),
        }
    }

    /// The object as it is, of which the driver has said that nothing is to be done to it.
    async fn converged(&self, resource: &Resource, call: &Call, offer: &Offer) -> Result<Object, Failure> {
        let input = call.input().cloned().ok_or_else(|| Failure::Host("a plan has an input".into()))?;
        match self.observe(resource, Call::Read(input), offer).await? {
            Answer::Observed(Observation::Ready(observed)) => Ok(observed.object),
            Answer::Observed(other) => {
                let message = format!("nothing is to be done to it, and it is {}", presence(&other));
                Err(Failure::Driver(crate::domain::contract::Error::new(ErrorKind::Unavailable, "NOT_READY", message)))
            }
            other => Err(Failure::Unfit(format!("{other:?} to read"))),
        }
    }
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

fn presence(observation: &Observation) -> &'static str {
    match observation {
        Observation::Ready(_) => "ready",
        Observation::Unready(_) => "not ready",
        Observation::Absent => "absent",
    }
}
