//! What an operation begins with where a replacement that creates first has left a former object: the new one may be wanted as it is,
//! changed, or as something else again. Where that is what the former one is, that is taken back, with all that is in it.

use crate::domain::contract::Action;
use crate::domain::operation::{Operation, OperationVerb, Stage};
use crate::domain::resource::Resource;
use crate::stock::Offer;
use crate::store::Write;

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
        let failed = |failure| self.not_planned(resource.clone(), operation.clone(), &call, offer, failure);
        let complete = resource.object.as_ref().is_some_and(|object| object.complete);
        if complete {
            match self.would_do(resource, operation, &call, offer).await {
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
        let stage = match self.would_do(&back, operation, &of_former, offer).await {
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

/// The former object is the one that counts again, and what has come of the new one is what is left over.
fn taken_back(resource: &Resource) -> Resource {
    let mut back = resource.clone();
    std::mem::swap(&mut back.object, &mut back.former);
    back
}
