//! A plan accepted: the records that make it durable. Pure but for ids and nonces, which come from the entropy given.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::domain::document::{Manifest, OrderManifest};
use crate::domain::effect::Effect;
use crate::domain::event::Audit;
use crate::domain::id::{AuditId, OperationId, OrderId, ResourceId};
use crate::domain::name::{Key, OrderName};
use crate::domain::operation::{Budget, Operation, OperationState, OperationVerb, Stage, Tally};
use crate::domain::order::Order;
use crate::domain::plan::{Plan, PlannedAction, PlannedResource};
use crate::domain::principal::Principal;
use crate::domain::resource::Resource;
use crate::domain::secret::Fresh;
use crate::domain::time::Timestamp;
use crate::secret::Sealer;
use crate::store::{Commit, Move, NaturalKey, Request, Site, Write};
use crate::telemetry::trace;

use super::graph::waits::waits;
use super::history;
use super::keep::adopt::Adopting;
use super::keep::moving::Moving;
use super::keep::{grace, owner};
use super::overtake::{gives_way, hurry, supersede};
use super::record::{recorded, resource_after};
use super::share::Sharing;
use super::upgrade::Upgraded;

/// Who asks, when, and how it is to be remembered.
pub struct Asking<'a> {
    pub principal: &'a Principal,
    pub request_id: &'a str,
    pub content_hash: &'a str,
    /// Where the order is applied from; empty if nobody says.
    pub source: &'a str,
    /// Of the order's operation.
    pub verb: OperationVerb,
    pub trace: &'a str,
    pub now: Timestamp,
    pub sealer: Sealer<'a>,
}

/// What stands already.
#[derive(Default)]
pub struct Standing {
    pub order: Option<Order>,
    pub resources: BTreeMap<Key, Resource>,
    /// Children that are not terminal, by the resource they work on; oldest generation first.
    pub open: BTreeMap<ResourceId, Vec<Operation>>,
    /// No generation up to this one is used for a change of what exists: the store was restored.
    pub generations_before: u64,
}

impl Standing {
    pub(super) fn open_of(&self, resource: &ResourceId) -> &[Operation] {
        self.open.get(resource).map_or(&[], Vec::as_slice)
    }
}

/// What comes in with the plan.
#[derive(Default)]
pub struct Bringing {
    pub ids: BTreeMap<Key, ResourceId>,
    pub secrets: BTreeMap<Key, Vec<Fresh>>,
    pub keys: BTreeMap<Key, NaturalKey>,
    /// What is not touched otherwise, and refers to others in another way than before.
    pub rewired: BTreeSet<Key>,
    pub moving: Moving,
    pub sharing: Sharing,
    pub adopting: BTreeMap<Key, Adopting>,
    pub upgraded: BTreeMap<Key, Upgraded>,
}

pub struct Accepted {
    pub commit: Commit,
    pub operation: Operation,
    pub order: Order,
    /// Children that nothing stands in the way of, with the resources they work on.
    pub ready: Vec<(OperationId, ResourceId)>,
    /// Something else may be due now: what was under way was told to end, or a child takes the place of another.
    pub moved: bool,
}

/// `manifest`: the order's new one, or `None` if it is to be deleted.
pub fn accept(
    plan: &Plan,
    manifest: Option<&OrderManifest>,
    standing: &Standing,
    bringing: &Bringing,
    asking: &Asking<'_>,
) -> Accepted {
    let now = asking.now;
    let entropy = asking.sealer.entropy;
    let mut commit = Commit::new(Site::Accept);
    let mut parent = operation(&plan.order, OperationId::new(now, entropy), asking);
    let order = order_after(plan, manifest, standing, &parent.id, asking);
    parent.generation = order.generation;
    parent.plan_digest = plan.digest.clone();
    commit.writes.extend(bringing.sharing.leaving(now));
    commit.writes.extend(bringing.sharing.heirs(&bringing.moving.left, now));
    let moves = renamed(&order, standing, bringing);
    if !moves.is_empty() {
        commit.writes.push(Write::Rename(moves));
        commit.writes.extend(bringing.moving.left.iter().map(|left| Write::Order(Box::new(left.clone()))));
    }
    let mut work = Vec::new();
    for planned in &plan.resources {
        if matches!(planned.action, PlannedAction::None | PlannedAction::Record) {
            commit.writes.extend(recorded(planned, &order, standing, bringing, asking));
            continue;
        }
        let resource = resource_after(planned, &order, standing, bringing, asking);
        let child = child(planned, &resource, &parent, asking);
        work.push(Work { planned, resource, child });
    }
    let waits = waits(&work, standing, &bringing.sharing.comes_after);
    let mut children = Vec::with_capacity(work.len());
    let mut ready = Vec::new();
    for (Work { planned, resource, mut child }, related) in work.into_iter().zip(waits) {
        let open = standing.open_of(&resource.id);
        for open in open {
            if gives_way(open) {
                supersede(open, &child.id, &mut commit, now);
            } else if open.state == OperationState::NeedsAttention {
                child.status = format!("waits for {0}, which needs a person; `vend cancel {0}` gives it up", open.id);
            } else if planned.action.removes() {
                hurry(open, &mut commit, now);
            }
        }
        for fresh in bringing.secrets.get(&planned.key).into_iter().flatten() {
            let record = asking.sealer.secret(fresh, &resource.id, &asking.principal.name, now);
            commit.writes.push(Write::Secret(Box::new(record)));
        }
        grace::keep(&mut child, planned.grace_ms, open, now);
        let mut resource = resource;
        if grace::is_kept(&child) {
            resource.message = child.message.clone();
        }
        let waits = related.iter().any(|it| it.relation.waits());
        if open.is_empty() && !waits && child.due <= now {
            ready.push((child.id.clone(), resource.id.clone()));
        }
        commit.writes.push(Write::Resource(Box::new(resource)));
        // After the record: of two that would make what they share, the second one is told that there is one.
        commit.writes.extend(bringing.keys.get(&planned.key).cloned().map(Write::ReserveKey));
        children.push((child, related));
    }
    commit.writes.extend(bringing.sharing.coming(&plan.order, &bringing.ids, now));
    let moved = ready.len() < children.len();
    for (child, _) in &children {
        *parent.tally.count(child.state) += 1;
    }
    parent.settle(now);
    commit.writes.push(Write::Generation(Box::new(history::generation(plan, &order, &parent, asking))));
    commit.writes.push(Write::Order(Box::new(order.clone())));
    commit.writes.push(Write::Operation(Box::new(parent.clone())));
    commit.writes.extend(children.iter().map(|(child, _)| Write::Operation(Box::new(child.clone()))));
    for (child, related) in children.into_iter().filter(|(_, related)| !related.is_empty()) {
        commit.writes.push(Write::Await { operation: Box::new(child), related });
    }
    if manifest.is_none() {
        commit.writes.push(Write::SweepOrder { name: plan.order.clone(), time: now });
    }
    if !asking.request_id.is_empty() {
        commit.writes.push(Write::Request(Request {
            project: plan.order.project.to_string(),
            request_id: asking.request_id.to_owned(),
            content_hash: asking.content_hash.to_owned(),
            operation: parent.id.clone(),
            time: now,
        }));
    }
    commit.audit.push(Audit {
        id: AuditId::new(now, entropy),
        project: plan.order.project.to_string(),
        principal: asking.principal.name.clone(),
        action: format!("orders.{}", parent.verb.as_str()),
        name: plan.order.to_string(),
        decision: "allowed".into(),
        reason: format!("plan {}", plan.digest),
        time: now,
    });
    Accepted { commit, operation: parent, order, ready, moved }
}

/// A resource that something is to be done to, and the operation that does it.
pub(super) struct Work<'a> {
    pub planned: &'a PlannedResource,
    pub resource: Resource,
    pub child: Operation,
}

/// Under their new names, in the order in which these become free.
fn renamed(order: &Order, standing: &Standing, bringing: &Bringing) -> Vec<Move> {
    let renamed = |it: &super::keep::moving::Moved| Move {
        id: it.id.clone(),
        version: standing.resources.get(&it.key).map_or(0, |it| it.version),
        name: order.name.resource(it.key.clone()),
        order: order.id.clone(),
    };
    bringing.moving.moves.iter().map(renamed).collect()
}

fn order_after(
    plan: &Plan,
    manifest: Option<&OrderManifest>,
    standing: &Standing,
    operation: &OperationId,
    asking: &Asking<'_>,
) -> Order {
    let now = asking.now;
    let id = standing.order.as_ref().map_or_else(|| OrderId::new(now, asking.sealer.entropy), |it| it.id.clone());
    let kept = |order: &Order| order.manifest.clone();
    let manifest_sealed = match (manifest, &standing.order) {
        (None, Some(order)) => kept(order),
        (None, None) => asking.sealer.manifest(&id, &json!({})),
        (Some(manifest), _) => asking.sealer.manifest(&id, &Manifest::Order(manifest.clone())),
    };
    let labels = match (manifest, &standing.order) {
        (Some(manifest), _) => manifest.meta.labels.clone(),
        (None, Some(order)) => order.labels.clone(),
        (None, None) => BTreeMap::new(),
    };
    Order {
        id,
        name: plan.order.clone(),
        labels,
        generation: standing.order.as_ref().map_or(0, |it| it.generation) + 1,
        manifest: manifest_sealed,
        operation: operation.clone(),
        deleting: manifest.is_none(),
        principal: asking.principal.name.clone(),
        source: owner::after(standing.order.as_ref(), asking.source),
        version: standing.order.as_ref().map_or(0, |it| it.version) + 1,
        create_time: standing.order.as_ref().map_or(now, |it| it.create_time),
        update_time: now,
    }
}

fn child(planned: &PlannedResource, resource: &Resource, parent: &Operation, asking: &Asking<'_>) -> Operation {
    let mut child = operation(&parent.order, OperationId::new(asking.now, asking.sealer.entropy), asking);
    child.parent = Some(parent.id.clone());
    // Its own place in the trace of what caused it, filled when it has ended.
    child.trace = trace::below(&parent.trace);
    child.resource = Some(resource.id.clone());
    child.resource_key = resource.name.key.to_string();
    child.generation = resource.generation;
    child.driver_digest = resource.pin.driver_digest.clone();
    child.plan_digest = parent.plan_digest.clone();
    if !planned.needs.is_empty() {
        let needs: Vec<_> = planned.needs.iter().take(5).map(Key::as_str).collect();
        let more = if planned.needs.len() > needs.len() { ", …" } else { "" };
        child.status = format!("comes after {}{more}", needs.join(", "));
    }
    if !planned.drifted.is_empty() {
        // Without another plan, which would compare with what was applied, and see nothing to do.
        child.stage = Stage::Update;
        let pointers: Vec<_> = planned.drifted.iter().take(5).map(String::as_str).collect();
        child.status = format!("corrects {}", pointers.join(", "));
    }
    child.verb = match planned.action {
        PlannedAction::Replace => OperationVerb::Replace,
        PlannedAction::Update => OperationVerb::Update,
        PlannedAction::Delete => OperationVerb::Delete,
        PlannedAction::Adopt => OperationVerb::Adopt,
        PlannedAction::Release => OperationVerb::Release,
        PlannedAction::Create | PlannedAction::None | PlannedAction::Record => OperationVerb::Create,
    };
    child
}

fn operation(order: &OrderName, id: OperationId, asking: &Asking<'_>) -> Operation {
    Operation {
        id,
        parent: None,
        order: order.clone(),
        resource: None,
        resource_key: String::new(),
        verb: asking.verb,
        generation: 0,
        state: OperationState::Queued,
        reason: None,
        message: String::new(),
        effect: Effect::None,
        status: String::new(),
        principal: asking.principal.name.clone(),
        request_id: asking.request_id.to_owned(),
        trace: asking.trace.to_owned(),
        stage: Stage::Decide,
        step: 0,
        continuation: None,
        attempts: 0,
        budget: Budget::default(),
        due: asking.now,
        held: None,
        awaits: 0,
        broken_by: None,
        cancel_requested: false,
        superseded_by: None,
        plan_digest: String::new(),
        tally: Tally::default(),
        driver_digest: String::new(),
        version: 1,
        create_time: asking.now,
        update_time: asking.now,
        end_time: None,
    }
}
