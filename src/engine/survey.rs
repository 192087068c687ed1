//! Finding out what a plan needs to know: matching, params, validation by the driver, and what the driver would do.
//! Asks drivers in the pure and observe profiles only; changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use crate::capability::grants::Grants;
use crate::capability::journal::{self, Batch, Journal};
use crate::domain::contract::{Answer, Call, Input, Planned};
use crate::domain::document::{OrderManifest, ResourceEntry};
use crate::domain::effect::Entry;
use crate::domain::id::ResourceId;
use crate::domain::marker;
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::order::Order;
use crate::domain::plan::{Plan, PlanRead};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Resource};
use crate::domain::secret::{Fresh, Handle, Plain};
use crate::driver::{Attempt, Failure, Past, Report};
use crate::secret::Sealer;
use crate::stock::Offer;
use crate::stock::connect::backend_refusal;
use crate::store::{Filter, NaturalKey, Paging};

use super::input::{context, ownership};
use super::plan::{Existing, Leaving, Surveyed, plan};
use super::{Engine, Error};

/// Entries surveyed at once.
const ABREAST: usize = 16;

/// A plan, and what accepting it needs beside it.
pub struct Survey {
    pub plan: Plan,
    /// As it was before anything else was looked at.
    pub order: Option<Order>,
    pub existing: BTreeMap<Key, Resource>,
    /// Ids for the resources that the plan creates.
    pub ids: BTreeMap<Key, ResourceId>,
    /// Secrets that came with params, by key.
    pub secrets: BTreeMap<Key, Vec<Fresh>>,
    pub keys: BTreeMap<Key, NaturalKey>,
    pub manifest: OrderManifest,
}

struct Found {
    surveyed: Surveyed,
    id: ResourceId,
    secrets: Vec<Fresh>,
    key: Option<NaturalKey>,
    /// The entry with its secrets replaced by handles.
    entry: ResourceEntry,
}

impl Engine {
    /// What applying the manifest would do. Changes nothing.
    pub async fn plan(
        &self,
        manifest: OrderManifest,
        _principal: &crate::domain::principal::Principal,
    ) -> Result<Plan, Error> {
        Ok(self.survey(manifest).await?.plan)
    }

    pub(super) async fn survey(&self, mut manifest: OrderManifest) -> Result<Survey, Error> {
        let order = order_name(&manifest)?;
        self.stock.environment(&order.project, &order.environment).await?;
        let on_record = self.store.order(&order).await?;
        // Most orders are new: nothing is listed for them.
        let existing = match on_record {
            Some(_) => self.existing(&order).await?,
            None => BTreeMap::new(),
        };
        let order = &order;
        let known = &existing;
        let apart = manifest.resources.len() > 1;
        let found: Vec<Found> = stream::iter(manifest.resources.clone())
            .map(|(name, entry)| async move {
                let key = Key::from(name);
                self.entry(order, &key, entry, known.get(&key), apart).await
            })
            .buffered(ABREAST)
            .try_collect()
            .await?;
        let mut survey = Survey {
            plan: Plan { order: order.clone(), digest: String::new(), resources: Vec::new(), warnings: Vec::new() },
            order: on_record,
            existing: BTreeMap::new(),
            ids: BTreeMap::new(),
            secrets: BTreeMap::new(),
            keys: BTreeMap::new(),
            manifest: manifest.clone(),
        };
        let mut entries = Vec::new();
        for it in found {
            let key = it.surveyed.key.clone();
            if let Ok(name) = Name::new(key.as_str()) {
                manifest.resources.insert(name, it.entry);
            }
            survey.ids.insert(key.clone(), it.id);
            survey.secrets.insert(key.clone(), it.secrets);
            survey.keys.extend(it.key.map(|natural| (key.clone(), natural)));
            entries.push(it.surveyed);
        }
        let staying: BTreeSet<Key> = manifest.resources.keys().map(Key::from).collect();
        let leaving = existing.values().filter(|it| !staying.contains(&it.name.key));
        let leaving = self.leaving(leaving).await?;
        survey.plan = plan(order, entries, leaving)?;
        survey.existing = existing;
        survey.manifest = manifest;
        Ok(survey)
    }

    /// With the drivers as people call them; one that is no longer there by its digest.
    pub(super) async fn leaving<'a>(
        &self,
        resources: impl Iterator<Item = &'a Resource>,
    ) -> Result<Vec<Leaving>, Error> {
        let mut leaving = Vec::new();
        for resource in resources {
            let digest = &resource.pin.driver_digest;
            let driver = match self.store.driver(digest).await? {
                Some(record) => format!("{}@{}", record.description.name, record.description.version),
                None => digest.clone(),
            };
            leaving.push(Leaving { resource: resource.clone(), driver });
        }
        Ok(leaving)
    }

    pub(super) async fn existing(&self, order: &OrderName) -> Result<BTreeMap<Key, Resource>, Error> {
        let filter = Filter {
            project: Some(order.project.to_string()),
            environment: Some(order.environment.to_string()),
            order: Some(order.order.to_string()),
            ..Filter::default()
        };
        let resources = self.store.resources(&filter, &Paging::all()).await?.items;
        Ok(resources.into_iter().map(|it| (it.name.key.clone(), it)).collect())
    }

    async fn entry(
        &self,
        order: &OrderName,
        key: &Key,
        mut entry: ResourceEntry,
        existing: Option<&Resource>,
        apart: bool,
    ) -> Result<Found, Error> {
        let offer = match existing {
            Some(existing) => {
                same_kind(key, &entry, existing)?;
                self.stock.pinned(&existing.resource_type, &existing.pin).await?
            }
            None => {
                let (project, environment) = (&order.project, &order.environment);
                self.stock.offer(project, environment, &entry.resource_type, entry.class.as_ref()).await?
            }
        };
        let resolved = self
            .stock
            .params(&offer, entry.params.as_ref())
            .map_err(|found| params_invalid(key, &entry.resource_type, found))?;
        let (resolved, secrets) = self.hide(order, key, &offer, resolved);
        if let Some(written) = &mut entry.params {
            replace_hidden(written, &secrets);
        }
        let id = existing.map_or_else(|| ResourceId::new(self.clock.now(), &*self.entropy), |it| it.id.clone());
        let config = offer.recipe.config.clone().unwrap_or_else(|| serde_json::json!({}));
        let asked = Asked { order, key, offer: &offer, id: &id, existing, apart };
        let params = self.validate(&asked, resolved, &config, &secrets).await?;
        let desired = Desired { params, config };
        let on_record = match existing {
            Some(existing) => Some(self.on_record(existing, &desired).await?),
            None => None,
        };
        let (planned, reads) = self.ask(&asked, &desired, on_record.as_ref(), &secrets).await?;
        let natural =
            self.stock.natural_key(&offer, &asked.pin(), &order.resource(key.clone()), &id, &desired.params).await?;
        let description = offer.driver.description();
        let surveyed = Surveyed {
            key: key.clone(),
            resource_type: entry.resource_type.clone(),
            class: entry.class.clone(),
            pin: asked.pin(),
            driver: format!("{}@{}", description.name, description.version),
            recipe_reason: offer.reason.clone(),
            holds_data: offer.resource_type.holds_data,
            may_replace_data: offer.recipe.replace.is_some(),
            existing: on_record,
            desired,
            planned,
            reads,
        };
        Ok(Found { surveyed, id, secrets, key: natural, entry })
    }

    async fn on_record(&self, existing: &Resource, desired: &Desired) -> Result<Existing, Error> {
        let sealer = self.sealer_of(existing);
        let on_record: Desired = sealer.open_desired(&existing.id, &existing.desired)?;
        let open = self.store.open_operations(&existing.id).await?;
        let deleting = open.iter().any(|it| it.verb == crate::domain::operation::OperationVerb::Delete);
        if deleting {
            let message = format!("`{}` is being deleted", existing.name.key);
            return Err(Refusal::new(Reason::ConcurrentOperation, message)
                .hint("wait until it is gone, then apply again")
                .into());
        }
        Ok(Existing {
            under_way: on_record == *desired && open.iter().any(|it| it.state.is_runnable()),
            complete: existing.object.as_ref().is_some_and(|object| object.complete),
            resource: existing.clone(),
        })
    }

    fn sealer_of<'a>(&'a self, resource: &'a Resource) -> Sealer<'a> {
        Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: resource.name.order.project.as_str() }
    }

    /// Puts handles in the place of secrets that the developer gave.
    fn hide(&self, order: &OrderName, key: &Key, offer: &Offer, mut params: Value) -> (Value, Vec<Fresh>) {
        let mut secrets = Vec::new();
        let whose = order.resource(key.clone()).to_string();
        for pointer in marker::pointers(&offer.resource_type.params, &params) {
            let Some(Value::String(text)) = params.pointer_mut(&pointer) else { continue };
            let handle = Handle::from_bytes(&self.keyring.derive(&["param", &whose, &pointer, text]));
            let value = Plain::new(std::mem::replace(text, handle.to_string()));
            secrets.push(Fresh { handle, name: format!("params{pointer}"), value });
        }
        (params, secrets)
    }

    async fn validate(
        &self,
        asked: &Asked<'_>,
        params: Value,
        config: &Value,
        secrets: &[Fresh],
    ) -> Result<Value, Error> {
        let call = Call::Validate(asked.input(self, params, config.clone(), None));
        let attempt = self.looking(call, Default::default(), secrets, asked).await?;
        let report = asked.run(attempt).await?;
        match report.result {
            Ok(Answer::Validated(params)) => Ok(params),
            Ok(other) => Err(unfit(asked, &format!("{other:?} to validate")).into()),
            Err(failure) => Err(refused(asked, &failure).into()),
        }
    }

    async fn ask(
        &self,
        asked: &Asked<'_>,
        desired: &Desired,
        existing: Option<&Existing>,
        secrets: &[Fresh],
    ) -> Result<(Planned, Vec<PlanRead>), Error> {
        let prior = match existing.and_then(|it| it.resource.object.as_ref().map(|object| (&it.resource, object))) {
            Some((resource, object)) if object.complete => Some(self.prior(resource, object)?),
            _ => None,
        };
        let mut input =
            asked.input(self, desired.params.clone(), desired.config.clone(), existing.map(|it| &it.resource));
        input.prior = prior;
        let grants = self.stock.grants(&asked.pin(), asked.offer.driver.description()).await?;
        let attempt = self.looking(Call::Plan(input), grants.clone(), secrets, asked).await?;
        let report = asked.run(attempt).await?;
        let reads = report.rest.entries.iter().filter_map(|entry| read_made(entry, &grants)).collect();
        match report.result {
            Ok(Answer::Planned(planned)) => Ok((planned, reads)),
            Ok(other) => Err(unfit(asked, &format!("{other:?} to plan")).into()),
            Err(failure) => Err(refused(asked, &failure).into()),
        }
    }

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

/// One entry, being asked about.
pub(super) struct Asked<'a> {
    pub order: &'a OrderName,
    pub key: &'a Key,
    pub offer: &'a Offer,
    pub id: &'a ResourceId,
    pub existing: Option<&'a Resource>,
    /// It is one of several, which are asked about by as many processors as there are.
    pub apart: bool,
}

impl Asked<'_> {
    async fn run(&self, attempt: Attempt) -> Result<Report, Refusal> {
        if !self.apart {
            return Ok(self.offer.driver.run(attempt).await);
        }
        let driver = self.offer.driver.clone();
        let running = AbortOnDropHandle::new(tokio::spawn(async move { driver.run(attempt).await }));
        let failed = |error| Refusal::new(Reason::Internal, format!("an attempt of a driver was broken off: {error}"));
        running.await.map_err(failed)
    }

    fn pin(&self) -> crate::domain::resource::Pin {
        self.existing.map_or_else(|| self.offer.pin(), |it| it.pin.clone())
    }

    fn input(&self, engine: &Engine, params: Value, config: Value, existing: Option<&Resource>) -> Input {
        let incarnation = self.existing.map_or(1, |it| it.incarnation);
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
            context: context(self.order, self.key, self.existing.and_then(|it| it.class.as_ref()), generation),
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

pub(super) fn order_name(manifest: &OrderManifest) -> Result<OrderName, Refusal> {
    let missing = |what: &str| {
        Refusal::new(Reason::DocumentInvalid, format!("order `{}` says no {what}", manifest.meta.name))
            .hint(format!("write `{what}: NAME` into it, or give `--{what}`"))
    };
    Ok(OrderName {
        project: manifest.project.clone().ok_or_else(|| missing("project"))?,
        environment: manifest.environment.clone().ok_or_else(|| missing("environment"))?,
        order: manifest.meta.name.clone(),
    })
}

fn same_kind(key: &Key, entry: &ResourceEntry, existing: &Resource) -> Result<(), Refusal> {
    if entry.resource_type == existing.resource_type && entry.class == existing.class {
        return Ok(());
    }
    let class = |class: &Option<Name>| class.as_ref().map_or(String::new(), |class| format!(" of class `{class}`"));
    let message = format!(
        "`{key}` is a `{}`{}, and cannot become a `{}`{}",
        existing.resource_type,
        class(&existing.class),
        entry.resource_type,
        class(&entry.class)
    );
    Err(Refusal::new(Reason::ReplacementRefused, message).hint("give the new one a key of its own"))
}

fn params_invalid(key: &Key, resource_type: &Name, violations: Vec<crate::domain::contract::Violation>) -> Refusal {
    let count = violations.len();
    let things = if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") };
    Refusal::new(Reason::ParamsInvalid, format!("{things} wrong with the params of `{key}`"))
        .hint(format!("`vend explain {resource_type}` tells what may be set"))
        .violations(under(key, violations))
}

/// Pointers into params become pointers into the order.
fn under(key: &Key, violations: Vec<crate::domain::contract::Violation>) -> Vec<crate::domain::contract::Violation> {
    let move_pointer = |mut it: crate::domain::contract::Violation| {
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

fn read_made(entry: &Entry, grants: &Grants) -> Option<PlanRead> {
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

/// The manifest is kept with handles where secrets were written.
fn replace_hidden(written: &mut Value, secrets: &[Fresh]) {
    for secret in secrets {
        let pointer = secret.name.trim_start_matches("params");
        if let Some(value @ Value::String(_)) = written.pointer_mut(pointer) {
            *value = Value::String(secret.handle.to_string());
        }
    }
}
