//! Records as callers may see them: opened, with secrets masked; and revealed, which is on record.

use serde_json::{Value, json};

use crate::domain::event::Audit;
use crate::domain::id::AuditId;
use crate::domain::marker;
use crate::domain::name::Key;
use crate::domain::order::Order;
use crate::domain::plan::Plan;
use crate::domain::principal::Principal;
use crate::domain::resource::{Desired, Resource, ResourceState};
use crate::domain::secret::Handle;
use crate::domain::time::Timestamp;
use crate::secret::Sealer;
use crate::store::{Commit, Site};

use super::{Engine, Error};

#[derive(Debug, Clone, PartialEq)]
pub struct ResourceView {
    /// As last applied (or, before that, as desired); secrets masked.
    pub params: Value,
    pub outputs: Value,
    pub conditions: Vec<Condition>,
    /// When its backend last told how it is.
    pub observe_time: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub kind: &'static str,
    pub status: bool,
    pub reason: String,
    pub message: String,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
}

impl Engine {
    pub fn open_manifest(&self, order: &Order) -> Result<Value, Error> {
        let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: order.name.project.as_str() };
        Ok(sealer.open_manifest(&order.id, &order.manifest)?)
    }

    pub fn view(&self, resource: &Resource) -> Result<ResourceView, Error> {
        let sealer = self.sealer_of(resource);
        let desired: Desired = match resource.object.as_ref().filter(|object| object.complete) {
            Some(object) => sealer.open_applied(&resource.id, &object.applied)?,
            None => sealer.open_desired(&resource.id, &resource.desired)?,
        };
        Ok(ResourceView {
            params: mask(&desired.params),
            outputs: mask(&self.outputs(resource)?),
            conditions: conditions(resource),
            observe_time: None,
        })
    }

    /// Outputs in the clear. Each call is in the audit log before it is answered.
    pub async fn reveal(
        &self,
        resources: &[(Key, Resource)],
        name: &str,
        principal: &Principal,
    ) -> Result<Vec<(Key, Value)>, Error> {
        let now = self.clock.now();
        let mut commit = Commit::new(Site::Audit);
        let mut revealed = Vec::new();
        for (key, resource) in resources {
            let mut outputs = self.outputs(resource)?;
            self.fill(&mut outputs).await?;
            revealed.push((key.clone(), outputs));
        }
        commit.audit.push(Audit {
            id: AuditId::new(now, &*self.entropy),
            project: resources.first().map_or(String::new(), |(_, it)| it.name.order.project.to_string()),
            principal: principal.name.clone(),
            action: "resources.reveal".into(),
            name: name.to_owned(),
            decision: "allowed".into(),
            reason: String::new(),
            time: now,
        });
        self.put(commit).await?;
        Ok(revealed)
    }

    /// With every handle shown as masked.
    pub fn mask_plan(&self, mut plan: Plan) -> Plan {
        for it in &mut plan.resources {
            let desired = it.desired.as_mut().map(|it| &mut it.params);
            let changed = it.changes.iter_mut().flat_map(|it| [it.before.as_mut(), it.after.as_mut()]).flatten();
            changed.chain(desired).chain([&mut it.outputs]).for_each(mask_all);
        }
        plan
    }

    fn outputs(&self, resource: &Resource) -> Result<Value, Error> {
        match &resource.object {
            Some(object) => Ok(self.sealer_of(resource).open_outputs(&resource.id, &object.outputs)?),
            None => Ok(json!({})),
        }
    }

    async fn fill(&self, value: &mut Value) -> Result<(), Error> {
        let found: Vec<_> = crate::domain::json::strings(value)
            .into_iter()
            .filter_map(|(pointer, text)| Some((pointer, Handle::parse(text)?)))
            .collect();
        for (pointer, handle) in found {
            let Some(record) = self.store.secret(handle.as_str()).await? else { continue };
            let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: &record.project };
            let plain = sealer.open_secret(&record)?;
            if let Some(place) = value.pointer_mut(&pointer) {
                *place = Value::String(plain.reveal().to_owned());
            }
        }
        Ok(())
    }
}

/// Handles say nothing, but they are nobody's business either.
pub fn mask(value: &Value) -> Value {
    let mut masked = value.clone();
    mask_all(&mut masked);
    masked
}

fn mask_all(value: &mut Value) {
    match value {
        Value::String(text) if Handle::parse(text).is_some() => *text = marker::MASK.into(),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Object(map) => map.values_mut().for_each(mask_all),
        _ => {}
    }
}

fn conditions(resource: &Resource) -> Vec<Condition> {
    let reason = resource.reason.map_or(String::new(), |reason| reason.to_string());
    let condition = |kind, status, reason: &str, message: &str| Condition {
        kind,
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        since: None,
    };
    let ready = resource.state == ResourceState::Ready && resource.observed_generation >= resource.generation;
    let mut conditions = vec![condition("Ready", ready, &reason, &resource.message)];
    if resource.state == ResourceState::Deleting {
        conditions.push(condition("Deleting", true, "", &resource.message));
    }
    if resource.care.protect {
        let message = "no plan that deletes, replaces or releases it is carried out";
        conditions.push(condition("Protected", true, "", message));
    }
    if resource.state == ResourceState::AttentionRequired {
        conditions.push(condition("AttentionRequired", true, &reason, &resource.message));
    }
    conditions
}
