//! Resources that are made of others: no driver is asked about them, and what they offer is built from what their parts do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::care::Care;
use crate::domain::contract::{Action, Call, Object, Planned};
use crate::domain::id::ResourceId;
use crate::domain::json::strings;
use crate::domain::marker;
use crate::domain::name::{Key, OrderName};
use crate::domain::operation::Operation;
use crate::domain::placeholder::{fill, references};
use crate::domain::reason::Reason;
use crate::domain::reference::Named;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Pin, Resource};
use crate::domain::secret::{Fresh, Handle, Plain};
use crate::engine::conclude::Ended;
use crate::engine::doubt::Settled;
use crate::engine::keep::adopt;
use crate::engine::plan::Surveyed;
use crate::engine::retry::Verdict;
use crate::engine::settle::End;
use crate::engine::survey::{Found, Wanted, wiring};
use crate::engine::{Engine, Error};
use crate::store::Write;

use super::bind::in_full;
use super::expand::Composite;
use super::outputs::{Known, Outputs};
use super::params::hidden;

/// Outputs with everything in place.
struct Built {
    outputs: Value,
    unknown: Vec<String>,
    secrets: Vec<Fresh>,
}

impl Engine {
    /// What applying would do to a composite itself: its parts are surveyed on their own.
    pub(in crate::engine) async fn of_parts(
        &self,
        order: &OrderName,
        wanted: &Wanted,
        composite: &Composite,
        others: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<Found, Error> {
        let Wanted { key, written, id, existing, repinned, .. } = wanted;
        let Composite { matched, params, outputs: template } = composite;
        adopt::of_parts(key, written)?;
        let resource_type = &matched.resource_type;
        let built = self.build(order, key, id, resource_type, template, others).await;
        let built = built?.map_err(|message| Refusal::new(Reason::RecipeUnfit, format!("`{key}`: {message}")))?;
        self.ask_whole(order, key, written.class.as_ref(), params, matched, others).await?;
        let (params, secrets) = self.hide_of_whole(order, key, id, resource_type, params.clone()).await?;
        let mut desired = Desired::new(params, json!({}));
        desired.wiring = Some(wiring(template.clone(), others));
        let given = hidden(written.params.clone().unwrap_or_else(|| json!({})), &secrets);
        desired.said = written.id.as_ref().map(|_| given.clone());
        let mut on_record = match existing {
            Some(existing) => Some(self.on_record(existing, &desired, others).await?),
            None => None,
        };
        let sealer = self.sealer(order.project.as_str());
        let mut action = Action::Create;
        if let (Some(record), Some(existing)) = (&mut on_record, existing) {
            let before: Desired = sealer.open_desired(id, &existing.desired)?;
            record.rewired |= before.params != desired.params;
            if let Some(object) = existing.object.as_ref().filter(|object| object.complete) {
                let same = sealer.open_outputs(id, &object.outputs)? == built.outputs && built.unknown.is_empty();
                action = if same { Action::None } else { Action::Update };
            }
        }
        let pin = Pin {
            recipe: matched.recipe.meta.name.clone(),
            recipe_revision: matched.revision,
            driver_digest: String::new(),
            connections: BTreeMap::new(),
            filled: BTreeMap::new(),
        };
        let (pin, upgraded) = match existing {
            Some(existing) if *repinned => (pin, Some(self.upgraded_parts(key, existing)?)),
            Some(existing) => (existing.pin.clone(), None),
            None => (pin, None),
        };
        let surveyed = Surveyed {
            key: key.clone(),
            resource_type: written.resource_type.clone(),
            class: written.class.clone(),
            shared: written.id.clone(),
            pin,
            upgraded,
            driver: String::new(),
            recipe_reason: matched.reason.clone(),
            holds_data: false,
            may_replace_data: true,
            existing: on_record,
            desired,
            unknown: Vec::new(),
            planned: Planned { action, changes: Vec::new(), outputs: built.outputs, unknown: built.unknown },
            drift: Vec::new(),
            reads: Vec::new(),
            care: Care::of(written, existing.as_ref().map(|it| &it.care)),
            adopting: None,
            was: None,
        };
        let outputs = Some(self.outputs_after(id, &surveyed)?);
        Ok(Found { surveyed, id: id.clone(), secrets, natural: None, written: given, outputs })
    }

    /// The inner error says why its outputs cannot be like this.
    async fn build(
        &self,
        order: &OrderName,
        key: &Key,
        id: &ResourceId,
        resource_type: &crate::domain::document::ResourceType,
        template: &Value,
        others: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<Result<Built, String>, Error> {
        let mut secrets: HashMap<Handle, Plain> = HashMap::new();
        for known in others.values() {
            for handle in known.handles() {
                if let Some(record) = self.store.secret(handle.as_str()).await? {
                    secrets.insert(handle, self.sealer(order.project.as_str()).open_secret(&record)?);
                }
            }
        }
        let mut named = HashMap::new();
        for (_, reference) in references(template).unwrap_or_default() {
            let Some(name) = Named::secret(&reference) else { continue };
            let Some(record) = self.store.secret(name.as_str()).await?.filter(|it| it.resource.is_none()) else {
                return Ok(Err(format!("it offers the secret `{name}`, which is not set: `vend secret set {name}`")));
            };
            named.insert(name, self.sealer("").open_secret(&record)?);
        }
        let mut lookup = Outputs { known: others, secrets: &secrets, named: &named, joined: Vec::new() };
        let filled = match fill(template, &mut lookup) {
            Ok(filled) => filled,
            Err(wrong) => {
                let wrong: Vec<_> =
                    wrong.iter().map(|(pointer, message)| format!("outputs{pointer}: {message}")).collect();
                return Ok(Err(wrong.join("; ")));
            }
        };
        let marked = marker::pointers(&resource_type.outputs, &filled.value);
        let whole = strings(&filled.value);
        let lent: Vec<_> =
            whole.into_iter().filter_map(|(pointer, text)| Some((pointer, Handle::parse(text)?))).collect();
        let mut places = lent.iter().map(|(pointer, _)| pointer).chain(&lookup.joined);
        if let Some(stray) = places.find(|pointer| !marker::covers(&marked, pointer)) {
            return Ok(Err(format!("outputs{stray} holds a secret, and its type does not mark it")));
        }
        let (outputs, fresh) = self.hide(order, key, id, filled.value, &marked, &lent).await?;
        Ok(Ok(Built { outputs, unknown: filled.unknown, secrets: fresh }))
    }

    /// One step of an operation on a composite. True if it goes on at once.
    pub(in crate::engine) async fn step_composite(
        &self,
        resource: Resource,
        operation: Operation,
    ) -> Result<bool, Error> {
        let sealer = self.sealer(resource.name.order.project.as_str());
        let desired: Desired = sealer.open_desired(&resource.id, &resource.desired)?;
        let params = desired.params.clone();
        let call = Call::Update(self.input(&resource, 1, Desired::new(params, json!({})), None));
        let (ended, writes) = if operation.cancel_requested {
            (Ended::Cancelled, Vec::new())
        } else if let Some(by) = &operation.broken_by {
            let message = self.why_broken(by).await?;
            (Ended::Failed(Verdict::Fail { reason: Reason::DependencyFailed, message }), Vec::new())
        } else if operation.verb.removes() {
            (Ended::Finished, Vec::new())
        } else if operation.generation < resource.generation {
            return self.give_way(&resource, &operation).await;
        } else {
            self.put_together(&resource, &operation, &desired).await?
        };
        self.settle(resource, operation, End::bare(ended, &call), writes).await
    }

    async fn put_together(
        &self,
        resource: &Resource,
        operation: &Operation,
        desired: &Desired,
    ) -> Result<(Ended, Vec<Write>), Error> {
        let (order, key) = (&resource.name.order, &resource.name.key);
        let failed = |reason, message| (Ended::Failed(Verdict::Fail { reason, message }), Vec::new());
        let matched = self.stock.pinned_match(&resource.resource_type, &resource.pin).await?;
        let none = wiring(json!({}), &BTreeMap::new());
        let wiring = desired.wiring.as_ref().unwrap_or(&none);
        let known = match self.outputs_of(wiring).await? {
            Ok(known) => known,
            Err(message) => return Ok(failed(Reason::DependencyFailed, message)),
        };
        let params = self.reopened(order, key, &resource.id, &desired.params).await?;
        match self.ask_whole(order, key, resource.class.as_ref(), &params, &matched, &known).await {
            Err(Error::Refused(refusal)) => return Ok(failed(refusal.reason, in_full(refusal))),
            asked => asked?,
        }
        let built = match self.build(order, key, &resource.id, &matched.resource_type, &wiring.written, &known).await? {
            Ok(built) => built,
            Err(message) => return Ok(failed(Reason::RecipeUnfit, message)),
        };
        let wrong = self.stock.composite_outputs(&matched.resource_type, &built.outputs);
        if !wrong.is_empty() {
            return Ok(failed(Reason::RecipeUnfit, wrong.join("; ")));
        }
        let mut writes = Vec::new();
        let sealer = self.sealer(order.project.as_str());
        for fresh in &built.secrets {
            if self.store.secret(fresh.handle.as_str()).await?.is_none() {
                let record = sealer.secret(fresh, &resource.id, &operation.principal, self.clock.now());
                writes.push(Write::Secret(Box::new(record)));
            }
        }
        let object = Object { external_id: key.to_string(), state: json!({}), outputs: built.outputs };
        Ok((Ended::Settled(Settled::Converged(object)), writes))
    }
}
