//! What an operation begins with where a replacement that creates first has left a former object: the new one may be wanted as it is,
//! changed, or as something else again. Where that is what the former one is, that is taken back, with all that is in it.

use serde_json::Value;

use crate::domain::contract::{Action, Change, Planned};
use crate::domain::operation::{Operation, OperationVerb, Stage};
use crate::domain::plan::PlanRead;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Pin, Resource};
use crate::domain::secret::Fresh;
use crate::driver::Failure;
use crate::stock::Offer;
use crate::store::Write;

use super::asked::Asked;
use super::conclude::next_stage;
use super::{Engine, Error};

/// How the operation goes on.
pub enum Course {
    /// With this stage, and the records as they are.
    Stage(Stage),
    /// The records have changed, or the operation has ended; whether it goes on at once.
    Changed(bool),
}

impl Engine {
    /// Of a resource with a former object, whose new one is not there, begun, or complete.
    pub(super) async fn weigh(
        &self,
        resource: &Resource,
        operation: &Operation,
        offer: &Offer,
    ) -> Result<Course, Error> {
        let call = self.call(resource, operation, Stage::Decide)?;
        // What stands under a name may be the other one of the two, which is a stranger to the one that is asked about.
        let apart = |asked| match asked {
            Err(Failure::Driver(error)) if error.reason() == Reason::ForeignObjectExists => Ok(Action::Replace),
            asked => asked,
        };
        let failed = |failure| self.not_planned(resource.clone(), operation.clone(), &call, offer, failure);
        let complete = resource.object.as_ref().is_some_and(|object| object.complete);
        if complete {
            match apart(self.would_do(resource, operation, &call, offer).await) {
                Ok(Action::Replace) => {}
                Ok(action) => {
                    let stage = if action == Action::Update { Stage::Update } else { Stage::DeleteFormer };
                    return self.with(resource.clone(), operation, stage, Vec::new()).await;
                }
                Err(failure) => return failed(failure).await.map(Course::Changed),
            }
        } else if !self.desired_of(resource)?.is_bound() {
            return Ok(Course::Stage(Stage::Create));
        }
        let back = taken_back(resource);
        let of_former = self.call(&back, operation, Stage::Decide)?;
        let stage = match apart(self.would_do(&back, operation, &of_former, offer).await) {
            Ok(Action::Update) => Stage::Update,
            Ok(Action::None) if back.former.is_some() => Stage::DeleteFormer,
            Ok(Action::None) => Stage::Decide,
            Ok(_) if !complete => return Ok(Course::Stage(Stage::Create)),
            Ok(_) if operation.verb != OperationVerb::Replace => {
                let ended = self.needs_a_plan(resource.clone(), operation.clone(), &call, offer).await;
                return ended.map(Course::Changed);
            }
            Ok(_) => return Ok(Course::Stage(Stage::DeleteFormer)),
            Err(failure) => return failed(failure).await.map(Course::Changed),
        };
        let keys = self.moved_key(&back, &of_former, offer).await?;
        self.with(back, operation, stage, keys).await
    }

    /// Where a stranger stands in the way of what is asked: that may be the former object, which is taken back then.
    pub(super) async fn ask_of_former(
        &self,
        asked: &Asked<'_>,
        pin: &Pin,
        desired: &Desired,
        unknown: &[String],
        secrets: &[Fresh],
        refusal: Refusal,
    ) -> Result<(Planned, Vec<PlanRead>), Error> {
        let Some(existing) = asked.existing.filter(|it| it.former.is_some()) else { return Err(refusal.into()) };
        let back = taken_back(existing);
        let Some(former) = &back.object else { return Err(refusal.into()) };
        let Asked { order, key, class, offer, id, apart, .. } = *asked;
        let of_former = Asked { order, key, class, offer, id, existing: Some(&back), apart };
        let prior = self.prior(&back, former)?;
        let told = self.ask(&of_former, pin, desired, unknown, Some(prior), secrets).await?;
        let (mut planned, reads) = told;
        if planned.action == Action::Replace {
            return Err(refusal.into());
        }
        if let Some(object) = existing.object.as_ref().filter(|object| object.complete) {
            // For the new one, which goes.
            planned.action = Action::Replace;
            planned.changes = forced(&self.prior(existing, object)?.params, &desired.params, offer);
        }
        Ok((planned, reads))
    }

    async fn with(
        &self,
        resource: Resource,
        operation: &Operation,
        stage: Stage,
        writes: Vec<Write>,
    ) -> Result<Course, Error> {
        let mut next = operation.clone();
        next_stage(&mut next, stage);
        self.go_on(resource, next, operation.state, writes).await.map(Course::Changed)
    }
}

/// What only another object can have otherwise.
fn forced(before: &Value, after: &Value, offer: &Offer) -> Vec<Change> {
    let pointers = offer.type_description().into_iter().flat_map(|described| &described.create_only);
    let differing = pointers.filter(|pointer| before.pointer(pointer) != after.pointer(pointer));
    let change = |pointer: &String| Change {
        pointer: format!("/params{pointer}"),
        before: before.pointer(pointer).cloned(),
        after: after.pointer(pointer).cloned(),
        forces_replacement: true,
    };
    differing.map(change).collect()
}

/// The former object is the one that counts again, and what has come of the new one is what is left over.
fn taken_back(resource: &Resource) -> Resource {
    let mut back = resource.clone();
    std::mem::swap(&mut back.object, &mut back.former);
    back
}
