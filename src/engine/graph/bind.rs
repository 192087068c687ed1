//! Just before a resource is made or changed: what it refers to is there now, and takes its place in the params.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::id::OperationId;
use crate::domain::name::Key;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Resource, Wiring};
use crate::engine::asked::Asked;
use crate::engine::conclude::Ended;
use crate::engine::retry::Verdict;
use crate::engine::settle::End;
use crate::engine::{Engine, Error};
use crate::stock::Offer;
use crate::store::{self, Commit, Filter, Paging, Site, Write};

use super::outputs::Known;

/// What a step has to do before anything else.
pub enum First {
    Nothing,
    /// What it refers to takes its place.
    Bind(Box<Desired>),
    /// A newer generation takes over before this one has begun.
    GiveWay,
}

/// Where the wiring of a resource leads an operation at this point.
pub fn first(resource: &Resource, operation: &Operation, desired: Desired) -> First {
    if desired.is_bound() || operation.verb.removes() {
        return First::Nothing;
    }
    if operation.generation >= resource.generation {
        return First::Bind(Box::new(desired));
    }
    let begun = resource.object.is_some() || operation.effect != crate::domain::effect::Effect::None;
    if operation.stage == Stage::Decide || !begun { First::GiveWay } else { First::Nothing }
}

impl Engine {
    /// `None`: the step goes on.
    pub(in crate::engine) async fn come_first(
        &self,
        resource: &Resource,
        operation: &Operation,
        offer: &Offer,
    ) -> Result<Option<bool>, Error> {
        if let Some(by) = &operation.broken_by {
            if operation.stage == Stage::DeleteFormer {
                return self.not_moved(resource, operation, by, offer).await.map(Some);
            }
            let message = self.why_broken(by).await?;
            return self.fail(resource, operation, offer, Reason::DependencyFailed, message).await.map(Some);
        }
        if resource.edges.is_empty() {
            return Ok(None);
        }
        let desired =
            self.sealer(resource.name.order.project.as_str()).open_desired(&resource.id, &resource.desired)?;
        match first(resource, operation, desired) {
            First::Nothing => Ok(None),
            First::GiveWay => self.give_way(resource, operation).await.map(Some),
            First::Bind(desired) => self.bind(resource, operation, *desired, offer).await.map(Some),
        }
    }

    pub(super) async fn why_broken(&self, by: &OperationId) -> Result<String, Error> {
        Ok(match self.store.operation(by).await? {
            Some(it) => {
                let why = if it.message.is_empty() { it.state.as_str() } else { &it.message };
                format!("`{}` comes before it and has not come about ({by}): {why}", it.resource_key)
            }
            None => format!("what comes before it has not come about ({by})"),
        })
    }

    pub(super) async fn fail(
        &self,
        resource: &Resource,
        operation: &Operation,
        offer: &Offer,
        reason: Reason,
        message: String,
    ) -> Result<bool, Error> {
        let call = self.call(resource, operation, Stage::Decide)?;
        let ended = Ended::Failed(Verdict::Fail { reason, message });
        self.settle(resource.clone(), operation.clone(), End::new(ended, &call, None, offer), Vec::new()).await
    }

    /// A newer generation was accepted after this one had taken away what there was, and before it began to make anything.
    pub(in crate::engine) fn asks_for_what_is_not_known(
        &self,
        resource: &Resource,
        operation: &Operation,
    ) -> Result<bool, Error> {
        let replaced = resource.object.is_none() && resource.generation > operation.generation;
        Ok(replaced && !resource.edges.is_empty() && !self.desired_of(resource)?.is_bound())
    }

    pub(in crate::engine) async fn give_way(&self, resource: &Resource, operation: &Operation) -> Result<bool, Error> {
        let open = self.store.open_operations(&resource.id).await?;
        let successor = match open.into_iter().rfind(|it| it.generation > operation.generation) {
            Some(open) => Some(open.id),
            // Somebody has given that up too: what this one was to make nobody knows any more.
            None => self.newest(resource).await?.filter(|it| *it != operation.id),
        };
        let now = self.clock.now();
        let after = Operation {
            state: OperationState::Superseded,
            reason: Some(Reason::Superseded),
            message: match &successor {
                Some(id) => format!("a newer generation took its place: {id}"),
                None => "a newer generation took its place".into(),
            },
            superseded_by: successor,
            version: operation.version + 1,
            update_time: now,
            end_time: Some(now),
            ..operation.clone()
        };
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(crate::engine::journal::tally(&after, operation.state, now));
        commit.writes.push(Write::Operation(Box::new(after)));
        match self.put(commit).await {
            Ok(()) => Ok(false),
            Err(store::Error::Conflict { .. }) => Ok(true),
            Err(other) => Err(other.into()),
        }
    }

    async fn newest(&self, resource: &Resource) -> Result<Option<OperationId>, Error> {
        let filter = Filter { resource: Some(resource.id.clone()), ..Filter::default() };
        let newest = self.store.operations(&filter, &Paging { limit: 1, after: None }).await?;
        Ok(newest.items.into_iter().next().map(|it| it.id))
    }

    async fn bind(
        &self,
        resource: &Resource,
        operation: &Operation,
        desired: Desired,
        offer: &Offer,
    ) -> Result<bool, Error> {
        let Desired { config, wiring: Some(wiring), said, .. } = desired else { return Ok(true) };
        let known = match self.outputs_of(&wiring).await? {
            Ok(known) => known,
            Err(message) => return self.fail(resource, operation, offer, Reason::DependencyFailed, message).await,
        };
        let (order, key, id) = (&resource.name.order, &resource.name.key, &resource.id);
        let class = resource.class.as_ref();
        let asked = Asked { order, key, class, offer, id, existing: Some(resource), apart: false };
        let made = async {
            self.ask_wholes(&wiring.wholes, &known).await?;
            self.make_params(&asked, Some(&wiring.written), &config, &known).await
        };
        let made = match made.await {
            Ok(made) => made,
            Err(Error::Refused(refusal)) => {
                return self.fail(resource, operation, offer, refusal.reason, in_full(refusal)).await;
            }
            Err(other) => return Err(other),
        };
        let natural = self.stock.natural_key(offer, &resource.pin, &resource.name, id, &made.params).await?;
        let natural = natural.filter(|_| resource.object.is_none());
        let now = self.clock.now();
        let sealer = self.sealer(order.project.as_str());
        let mut commit = Commit::new(Site::Operation);
        for fresh in &made.secrets {
            if self.store.secret(fresh.handle.as_str()).await?.is_none() {
                let record = sealer.secret(fresh, id, &operation.principal, now);
                commit.writes.push(Write::Secret(Box::new(record)));
            }
        }
        let bound = Desired {
            params: made.params,
            config,
            wiring: Some(Wiring { written: made.written, bound: true, lent: made.lent, ..wiring }),
            said,
        };
        commit.writes.extend(natural.map(Write::ReserveKey));
        commit.writes.push(Write::Resource(Box::new(Resource {
            desired: sealer.desired(id, &bound),
            ties: resource.leaning_too(&resource.edges),
            version: resource.version + 1,
            update_time: now,
            ..resource.clone()
        })));
        match self.put(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(true),
            Err(store::Error::KeyTaken { family, key, holder }) => {
                let message = format!("{key} ({family}) is taken by {holder}");
                self.fail(resource, operation, offer, Reason::AlreadyExists, message).await
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Of everything that is referred to; the inner error says what is not there.
    pub(super) async fn outputs_of(&self, wiring: &Wiring) -> Result<Result<BTreeMap<Key, Arc<Known>>, String>, Error> {
        let mut known = BTreeMap::new();
        for (key, id) in &wiring.needs {
            let Some(other) = self.store.resource(id).await? else {
                return Ok(Err(format!("`{key}`, which it refers to, is gone")));
            };
            let Some(object) = other.object.as_ref().filter(|object| object.complete) else {
                return Ok(Err(format!("`{key}`, which it refers to, was not made")));
            };
            let outputs = self.sealer(other.name.order.project.as_str()).open_outputs(id, &object.outputs)?;
            known.insert(key.clone(), Arc::new(Known::all(id.clone(), other.resource_type.clone(), outputs)));
        }
        Ok(Ok(known))
    }
}

/// What a refusal says of everything that is wrong.
pub(super) fn in_full(Refusal { message, violations, .. }: Refusal) -> String {
    let all: Vec<_> = violations.into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect();
    if all.is_empty() { message } else { format!("{message}: {}", all.join("; ")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::domain::effect::Effect;
    use crate::domain::operation::OperationVerb;
    use crate::engine::testing::{object, operation, resource};

    #[test]
    fn what_is_referred_to_takes_its_place_once_and_for_the_newest() {
        let wired = |bound| {
            let lent = BTreeMap::new();
            let wiring = Wiring { written: json!({}), needs: BTreeMap::new(), bound, lent, wholes: Vec::new() };
            Desired { wiring: Some(wiring), ..Desired::new(json!({}), json!({})) }
        };
        let plain = || Desired::new(json!({}), json!({}));
        let cases = [
            ("nothing is referred to", plain(), OperationVerb::Create, Stage::Decide, 1, false, "nothing"),
            ("it was done", wired(true), OperationVerb::Create, Stage::Decide, 1, false, "nothing"),
            ("it is to go", wired(false), OperationVerb::Delete, Stage::Decide, 1, true, "nothing"),
            ("it is new", wired(false), OperationVerb::Create, Stage::Decide, 1, false, "bind"),
            ("a newer one waits", wired(false), OperationVerb::Create, Stage::Decide, 2, true, "give way"),
            ("it has not begun", wired(false), OperationVerb::Create, Stage::Create, 2, false, "give way"),
            ("it has begun", wired(false), OperationVerb::Create, Stage::Create, 2, true, "nothing"),
        ];
        for (what, desired, verb, stage, generation, begun, expected) in cases {
            let mut it = resource();
            it.generation = generation;
            it.object = begun.then(|| object(true, false));
            let mut of = operation(verb);
            (of.stage, of.effect) = (stage, Effect::None);
            let found = match first(&it, &of, desired) {
                First::Nothing => "nothing",
                First::Bind(_) => "bind",
                First::GiveWay => "give way",
            };
            assert_eq!(found, expected, "{what}");
        }
    }
}
