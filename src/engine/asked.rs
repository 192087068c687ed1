//! Asking a driver about an entry or a resource without changing anything: what it is given, and what its refusal means for who asks.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use crate::capability::grants::Grants;
use crate::capability::journal::{self, Batch, Journal};
use crate::domain::contract::{Call, Input, Violation};
use crate::domain::effect::Entry;
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::plan::PlanRead;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::domain::secret::{Fresh, Handle, Plain};
use crate::driver::{Attempt, Failure, Past, Report};
use crate::stock::Offer;
use crate::stock::connect::backend_refusal;

use super::input::{context, ownership};
use super::{Engine, Error};

/// One entry, being asked about.
pub(super) struct Asked<'a> {
    pub order: &'a OrderName,
    pub key: &'a Key,
    pub class: Option<&'a Name>,
    pub offer: &'a Offer,
    pub id: &'a ResourceId,
    pub existing: Option<&'a Resource>,
    /// It is one of several, which are asked about by as many processors as there are.
    pub apart: bool,
}

impl Asked<'_> {
    pub(super) async fn run(&self, attempt: Attempt) -> Result<Report, Refusal> {
        if !self.apart {
            return Ok(self.offer.driver.run(attempt).await);
        }
        let driver = self.offer.driver.clone();
        let running = AbortOnDropHandle::new(tokio::spawn(async move { driver.run(attempt).await }));
        let failed = |error| Refusal::new(Reason::Internal, format!("an attempt of a driver was broken off: {error}"));
        running.await.map_err(failed)
    }

    pub(super) fn input(&self, engine: &Engine, params: Value, config: Value, existing: Option<&Resource>) -> Input {
        let incarnation =
            self.existing.map_or(1, |it| it.object.as_ref().map_or(it.incarnation, |object| object.incarnation));
        let generation = existing.map_or(1, |it| it.generation);
        Input {
            resource_id: self.id.to_string(),
            incarnation,
            resource_type: self.offer.resource_type.meta.name.to_string(),
            labels: ownership(engine.store.core_id().as_str(), self.id, incarnation),
            config,
            params,
            unknown: Vec::new(),
            prior: None,
            continuation: None,
            context: context(self.order, self.key, self.class, generation),
        }
    }
}

/// Plans write nothing: whatever asks to is refused.
pub(super) struct NoJournal;

#[async_trait]
impl Journal for NoJournal {
    async fn commit(&self, _batch: Batch) -> Result<(), journal::Error> {
        Err(journal::Error::Fenced("a plan has no journal".into()))
    }
}

impl Engine {
    pub(super) async fn looking(
        &self,
        call: Call,
        grants: Grants,
        fresh: &[Fresh],
        asked: &Asked<'_>,
    ) -> Result<Attempt, Error> {
        let mut secrets: Vec<(Handle, Plain)> = fresh.iter().map(|it| (it.handle.clone(), it.value.clone())).collect();
        if let Some(existing) = asked.existing {
            secrets.extend(self.secrets(existing, &call).await?);
        }
        Ok(Attempt {
            limits: asked.offer.limits.clone(),
            seed: self.keyring.derive(&["seed", asked.id.as_str(), call.verb().as_str()]),
            call,
            grants,
            past: Past::default(),
            trace: String::new(),
            journal: Arc::new(NoJournal),
            secrets,
            handle_key: self.keyring.derive(&["handles"]),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        })
    }
}

pub(super) fn params_invalid(key: &Key, resource_type: &Name, violations: Vec<Violation>) -> Refusal {
    let count = violations.len();
    let things = if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") };
    Refusal::new(Reason::ParamsInvalid, format!("{things} wrong with the params of `{key}`"))
        .hint(format!("`vend explain {resource_type}` tells what may be set"))
        .violations(under(key, violations))
}

/// Pointers into params become pointers into the order.
fn under(key: &Key, violations: Vec<Violation>) -> Vec<Violation> {
    let move_pointer = |mut it: Violation| {
        let pointer = it.pointer.strip_prefix("/params").unwrap_or(&it.pointer);
        it.pointer = format!("/resources/{key}/params{pointer}");
        it
    };
    violations.into_iter().map(move_pointer).collect()
}

pub(super) fn refused(asked: &Asked<'_>, failure: &Failure) -> Refusal {
    let key = asked.key;
    match failure {
        Failure::Driver(error) => {
            let mut refusal = backend_refusal(error, &format!("`{key}`"));
            refusal.violations = under(key, std::mem::take(&mut refusal.violations));
            refusal
        }
        Failure::Trapped(_) => Refusal::new(Reason::DriverTrapped, format!("`{key}`: {failure}")),
        Failure::Limit { .. } => Refusal::new(Reason::DriverLimitExceeded, format!("`{key}`: {failure}")),
        Failure::Journal(_) | Failure::InDoubt { .. } => {
            Refusal::new(Reason::EgressDenied, format!("`{key}`: its driver tried to write during plan"))
        }
        Failure::Ungranted { .. } => Refusal::new(Reason::EgressDenied, format!("`{key}`: {failure}")),
        Failure::Host(_) => Refusal::new(Reason::Internal, format!("`{key}`: {failure}")),
        Failure::Unfit(_) | Failure::Diverged { .. } => unfit(asked, &failure.to_string()),
    }
}

pub(super) fn unfit(asked: &Asked<'_>, message: &str) -> Refusal {
    Refusal::new(Reason::DriverUnfit, format!("`{}`: {message}", asked.key))
}

pub(super) fn read_made(entry: &Entry, grants: &Grants) -> Option<PlanRead> {
    let Entry::Intent { request, .. } = entry else { return None };
    let text = |name: &str| request.arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let grant = grants.slots.get(&text("connection"))?;
    let (statement, held_by_host) = match request.arguments.pointer("/statement/sql").and_then(Value::as_str) {
        Some(sql) => (sql.to_owned(), "read-only-transaction"),
        None => (format!("{} {}", text("method"), text("path")), "connection-rules"),
    };
    let mut held_by = vec!["linkage".to_owned(), held_by_host.to_owned()];
    if grant.reads_apart {
        held_by.push("read-credential".into());
    }
    Some(PlanRead { held_by, connection: grant.connection.clone(), function: request.function.clone(), statement })
}
