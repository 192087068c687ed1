//! Accepting what is asked of orders: plan, check, one commit; the work itself is the queue's.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::domain::document::{Manifest, OrderManifest};
use crate::domain::id::ResourceId;
use crate::domain::json::canonical;
use crate::domain::name::{Key, OrderName};
use crate::domain::operation::{Operation, OperationVerb};
use crate::domain::order::Order;
use crate::domain::plan::{Plan, PlannedAction};
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::domain::secret::Fresh;
use crate::secret::Sealer;
use crate::store::{self, NaturalKey};
use crate::telemetry::metrics::metrics;

use super::accept::{Accepted, Asking, Bringing, Standing, accept};
use super::digest::hex;
use super::keep::{adopt, owner};
use super::overtake::gives_way;
use super::plan::plan;
use super::survey::{Survey, order_name};
use super::upgrade::{self, Upgrading};
use super::{Engine, Error};

/// How often a plan is made again because a record changed between plan and commit.
const CONFLICT_TRIES: u32 = 5;

#[derive(Debug, Clone)]
pub struct Apply {
    /// With project and environment.
    pub manifest: OrderManifest,
    /// What of it is to be made with something else than it is made with.
    pub upgrading: Upgrading,
    /// What a request id stands for; if absent, the manifest.
    pub content: Option<Value>,
    pub principal: Principal,
    pub plan_digest: Option<String>,
    pub allow_destroy: bool,
    /// Empty: none.
    pub request_id: String,
    /// The order's version as last seen.
    pub etag: Option<u64>,
    pub validate_only: bool,
    /// Where the manifest is kept: another place than that of the last apply is refused. Empty: nobody says.
    pub source: String,
    /// The order belongs to `source` from now on.
    pub take_over: bool,
    pub trace: String,
}

#[derive(Debug, Clone)]
pub struct Applied {
    pub order: Option<Order>,
    /// What carries it out; absent if there is nothing to do.
    pub operation: Option<Operation>,
    pub plan: Plan,
}

#[derive(Debug, Clone)]
pub struct Delete {
    pub name: OrderName,
    pub principal: Principal,
    pub etag: Option<u64>,
    pub request_id: String,
    pub allow_missing: bool,
    pub allow_destroy: bool,
    pub trace: String,
}

impl Engine {
    pub async fn apply(&self, request: Apply) -> Result<Applied, Error> {
        let name = order_name(&request.manifest)?;
        let content = request.content.clone().or_else(|| serde_json::to_value(&request.manifest).ok());
        let content = content_hash(&content.unwrap_or(Value::Null));
        if let Some(operation) = self.repeated(&name, &request.request_id, &content).await? {
            let plan = Plan {
                order: name.clone(),
                digest: operation.plan_digest.clone(),
                resources: Vec::new(),
                warnings: Vec::new(),
            };
            return Ok(Applied { order: self.store.order(&name).await?, operation: Some(operation), plan });
        }
        for _ in 0..CONFLICT_TRIES {
            let survey = self.survey(request.manifest.clone(), &request.upgrading).await?;
            let standing = self.standing(&name, &survey).await?;
            check_etag(&name, standing.order.as_ref(), request.etag)?;
            if !survey.followed.iter().all(|id| standing.open_of(id).last().is_some_and(gives_way)) {
                // It has begun in between: those that wait for it are not told what comes after.
                continue;
            }
            let known = standing.order.as_ref();
            let changes = survey.plan.has_work() || !self.says_the_same(known, &survey.manifest)?;
            if changes {
                owner::check(known, &request.source, &request.principal, request.take_over)?;
            }
            adopt::may(&request.principal, &survey.plan)?;
            upgrade::at_rest(&survey, &standing)?;
            allowed(&survey.plan, &request)?;
            if request.validate_only {
                return Ok(Applied { order: standing.order, operation: None, plan: survey.plan });
            }
            let moves_in =
                request.take_over && known.is_some_and(|it| it.source != owner::after(known, &request.source));
            if !changes && !moves_in {
                let operation = match request.upgrading.is_empty() {
                    true => self.under_way(standing.order.as_ref()).await?,
                    false => None,
                };
                return Ok(Applied { order: standing.order, operation, plan: survey.plan });
            }
            let asking = Asking {
                principal: &request.principal,
                request_id: &request.request_id,
                content_hash: &content,
                source: &request.source,
                verb: if request.upgrading.is_empty() { OperationVerb::Apply } else { OperationVerb::Upgrade },
                trace: &request.trace,
                now: self.clock.now(),
                sealer: Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: name.project.as_str() },
            };
            let Survey { plan, ids, mut secrets, keys, rewired, moving, sharing, adopting, upgraded, manifest, .. } =
                survey;
            for fresh in secrets.values_mut() {
                self.drop_known(fresh).await?;
            }
            let keys = created(&plan, keys);
            let bringing = Bringing { ids, secrets, keys, rewired, moving, sharing, adopting, upgraded };
            let accepted = accept(&plan, Some(&manifest), &standing, &bringing, &asking);
            if let Some((order, operation)) = self.commit(accepted).await? {
                return Ok(Applied { order: Some(order), operation: Some(operation), plan });
            }
        }
        Err(Refusal::new(Reason::ConcurrentOperation, format!("{name} keeps changing: try again")).into())
    }

    /// `None` only with `allow_missing`.
    pub async fn delete(&self, request: Delete) -> Result<Option<Operation>, Error> {
        let name = &request.name;
        let content = content_hash(&serde_json::json!({ "delete": name.to_string() }));
        if let Some(operation) = self.repeated(name, &request.request_id, &content).await? {
            return Ok(Some(operation));
        }
        for _ in 0..CONFLICT_TRIES {
            let Some(order) = self.store.order(name).await? else {
                if request.allow_missing {
                    return Ok(None);
                }
                return Err(Refusal::new(Reason::NotFound, format!("there is no order {name}")).into());
            };
            check_etag(name, Some(&order), request.etag)?;
            let mut resources = self.existing(name).await?;
            if order.deleting && self.under_way(Some(&order)).await?.is_some() {
                return self.under_way(Some(&order)).await;
            }
            let sharing = self.all_go(name, &mut resources).await;
            let Some(mut sharing) = unless_changed(sharing)? else { continue };
            let leaving = self.leaving(resources.values()).await?;
            self.comes_after(&leaving, &mut sharing).await?;
            let plan = plan(name, Vec::new(), leaving, sharing.planned(name, &[]))?;
            if !request.allow_destroy && plan.destroys() {
                let hint = "destruction is asked for: `--allow-destroy`";
                return Err(plan_required(&plan).hint(hint).into());
            }
            let mut standing = self.standing_on(Some(order), resources);
            standing.open = self.open(&standing).await?;
            let asking = Asking {
                principal: &request.principal,
                request_id: &request.request_id,
                content_hash: &content,
                source: "",
                verb: OperationVerb::Delete,
                trace: &request.trace,
                now: self.clock.now(),
                sealer: Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: name.project.as_str() },
            };
            let accepted = accept(&plan, None, &standing, &Bringing { sharing, ..Bringing::default() }, &asking);
            if let Some((_, operation)) = self.commit(accepted).await? {
                return Ok(Some(operation));
            }
        }
        Err(Refusal::new(Reason::ConcurrentOperation, format!("{name} keeps changing: try again")).into())
    }

    /// A secret that was given before, with the same value, is in the store already.
    async fn drop_known(&self, secrets: &mut Vec<Fresh>) -> Result<(), Error> {
        for fresh in std::mem::take(secrets) {
            if self.store.secret(fresh.handle.as_str()).await?.is_none() {
                secrets.push(fresh);
            }
        }
        Ok(())
    }

    /// `None`: a record changed meanwhile.
    async fn commit(&self, accepted: Accepted) -> Result<Option<(Order, Operation)>, Error> {
        match self.put(accepted.commit).await {
            Ok(()) => {
                metrics().accepted(accepted.operation.verb.as_str());
                self.begin(accepted.ready, accepted.moved);
                Ok(Some((accepted.order, accepted.operation)))
            }
            Err(store::Error::Conflict { .. }) => Ok(None),
            Err(store::Error::KeyTaken { family, key, holder }) => {
                // Perhaps by somebody who has applied the same order in between.
                let now = self.store.order(&accepted.order.name).await?;
                if now.map_or(0, |order| order.version) + 1 != accepted.order.version {
                    return Ok(None);
                }
                let message = format!("{key} ({family}) is taken by {holder}");
                Err(Refusal::new(Reason::AlreadyExists, message).hint("choose another name").into())
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn repeated(&self, name: &OrderName, request_id: &str, content: &str) -> Result<Option<Operation>, Error> {
        if request_id.is_empty() {
            return Ok(None);
        }
        let Some(known) = self.store.request(name.project.as_str(), request_id).await? else { return Ok(None) };
        if known.content_hash != content {
            let message = format!("request id `{request_id}` was used for something else");
            return Err(Refusal::new(Reason::RequestIdReused, message).hint("a new request needs a new id").into());
        }
        Ok(self.store.operation(&known.operation).await?)
    }

    async fn standing(&self, name: &OrderName, survey: &Survey) -> Result<Standing, Error> {
        let order = survey.order.clone();
        if order.as_ref().is_some_and(|it| it.deleting) {
            return Err(Refusal::new(Reason::ConcurrentOperation, format!("{name} is being deleted"))
                .hint("wait until it is gone, then apply again")
                .into());
        }
        let mut standing = self.standing_on(order, survey.existing.clone());
        standing.open = self.open(&standing).await?;
        for resource in survey.sharing.elsewhere() {
            let open = self.store.open_operations(&resource.id).await?;
            standing.open.insert(resource.id.clone(), open);
        }
        Ok(standing)
    }

    pub(super) fn standing_on(&self, order: Option<Order>, resources: BTreeMap<Key, Resource>) -> Standing {
        let generations_before = self.store.restored().map_or(0, |restored| restored.generations_before());
        Standing { order, resources, open: BTreeMap::new(), generations_before }
    }

    async fn open(&self, standing: &Standing) -> Result<BTreeMap<ResourceId, Vec<Operation>>, Error> {
        let mut open = BTreeMap::new();
        for resource in standing.resources.values() {
            let of = self.store.open_operations(&resource.id).await?;
            if !of.is_empty() {
                open.insert(resource.id.clone(), of);
            }
        }
        Ok(open)
    }

    fn says_the_same(&self, order: Option<&Order>, manifest: &OrderManifest) -> Result<bool, Error> {
        let Some(order) = order else { return Ok(false) };
        Ok(self.open_manifest(order)? == serde_json::to_value(Manifest::Order(manifest.clone())).unwrap_or(Value::Null))
    }

    /// The order's operation, if it is not done yet.
    async fn under_way(&self, order: Option<&Order>) -> Result<Option<Operation>, Error> {
        let Some(order) = order else { return Ok(None) };
        Ok(self.store.operation(&order.operation).await?.filter(|it| !it.state.is_terminal()))
    }
}

/// `None`: a record changed meanwhile.
fn unless_changed<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Err(Error::Store(store::Error::Conflict { .. })) => Ok(None),
        other => other.map(Some),
    }
}

/// Of what is made: what exists has its key already.
fn created(plan: &Plan, mut keys: BTreeMap<Key, NaturalKey>) -> BTreeMap<Key, NaturalKey> {
    let makes = |action| matches!(action, PlannedAction::Create | PlannedAction::Replace | PlannedAction::Adopt);
    let made = plan.resources.iter().filter(|it| makes(it.action));
    made.filter_map(|it| keys.remove_entry(&it.key)).collect()
}

fn allowed(plan: &Plan, request: &Apply) -> Result<(), Refusal> {
    match &request.plan_digest {
        Some(digest) if *digest == plan.digest => Ok(()),
        Some(_) => Err(Refusal::new(Reason::PlanStale, format!("{} would not do what that plan said", plan.order))
            .hint("plan again, look, and apply with the new digest")),
        None if plan.destroys() && !request.allow_destroy && !request.validate_only => {
            let hint = format!(
                "destruction is asked for: give the plan's digest `--plan {}`, or `--allow-destroy`",
                plan.digest
            );
            Err(plan_required(plan).hint(hint))
        }
        None => Ok(()),
    }
}

fn plan_required(plan: &Plan) -> Refusal {
    let lost: Vec<_> = plan
        .resources
        .iter()
        .filter(|it| matches!(it.action, PlannedAction::Delete | PlannedAction::Replace))
        .map(|it| format!("{} {} ({})", it.action.as_str(), it.key, it.resource_type))
        .collect();
    Refusal::new(Reason::PlanRequired, format!("this destroys what {} has: {}", plan.order, lost.join(", ")))
}

fn check_etag(name: &OrderName, order: Option<&Order>, etag: Option<u64>) -> Result<(), Refusal> {
    let version = order.map_or(0, |it| it.version);
    match etag {
        Some(etag) if etag != version => {
            Err(Refusal::new(Reason::EtagMismatch, format!("{name} has changed: its etag is now \"{version}\""))
                .hint("get it again and decide anew"))
        }
        _ => Ok(()),
    }
}

fn content_hash(content: &Value) -> String {
    hex(digest(&SHA256, canonical(content).as_bytes()).as_ref())
}
