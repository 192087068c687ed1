//! The record of a resource as a plan that is accepted leaves it. Pure but for ids and nonces.

use std::collections::BTreeSet;

use crate::domain::id::ResourceId;
use crate::domain::order::Order;
use crate::domain::plan::{PlannedAction, PlannedResource};
use crate::domain::resource::{Desired, ExternalObject, Resource, ResourceState};
use crate::store::Write;

use super::accept::{Asking, Bringing, Standing};
use super::overtake::mark_parked;

/// Of a resource to which nothing is to be done, and which is named, treated, or refers to others in another way than before.
pub(super) fn recorded(
    planned: &PlannedResource,
    order: &Order,
    standing: &Standing,
    bringing: &Bringing,
    asking: &Asking<'_>,
) -> Option<Write> {
    if planned.action != PlannedAction::Record && !bringing.rewired.contains(&planned.key) {
        return None;
    }
    let (existing, desired) = (standing.resources.get(&planned.key)?, planned.desired.as_ref()?);
    Some(Write::Resource(Box::new(Resource {
        pin: planned.pin.clone(),
        object: object_after(existing, planned, bringing, asking),
        shared: planned.shared.clone(),
        desired: asking.sealer.desired(&existing.id, desired),
        edges: edges(Some(desired)),
        order: order.id.clone(),
        labels: order.labels.clone(),
        care: planned.care.clone(),
        version: existing.version + 1,
        update_time: asking.now,
        ..existing.clone()
    })))
}

fn edges(desired: Option<&Desired>) -> Vec<ResourceId> {
    let wiring = desired.and_then(|desired| desired.wiring.as_ref());
    let needs: BTreeSet<&ResourceId> = wiring.into_iter().flat_map(|wiring| wiring.needs.values()).collect();
    needs.into_iter().cloned().collect()
}

/// What it is made with, as far as it is known by now what that is; the rest takes its place just before it is made.
fn ties(desired: &Desired) -> Vec<ResourceId> {
    if desired.is_bound() { edges(Some(desired)) } else { Vec::new() }
}

/// Of a resource to which something is to be done.
pub(super) fn resource_after(
    planned: &PlannedResource,
    order: &Order,
    standing: &Standing,
    bringing: &Bringing,
    asking: &Asking<'_>,
) -> Resource {
    let now = asking.now;
    let state = match planned.action {
        PlannedAction::Delete | PlannedAction::Release => ResourceState::Deleting,
        _ => ResourceState::Pending,
    };
    match standing.resources.get(&planned.key) {
        Some(existing) => {
            let desired = planned.desired.as_ref();
            let generation = existing.generation.max(standing.generations_before) + 1;
            // What is kept for a while stays what it is, should that be taken back.
            let settled = planned.grace_ms > 0 && existing.observed_generation >= existing.generation;
            let mut resource = Resource {
                shared: planned.shared.clone(),
                generation,
                observed_generation: if settled { generation } else { existing.observed_generation },
                desired: desired.map_or_else(|| existing.desired.clone(), |it| asking.sealer.desired(&existing.id, it)),
                // What is deleted goes in the order in which it was made, whatever is left of its reasons.
                edges: desired.map_or_else(|| existing.edges.clone(), |it| edges(Some(it))),
                ties: existing.leaning_too(&desired.map_or_else(Vec::new, ties)),
                state,
                reason: None,
                message: String::new(),
                labels: order.labels.clone(),
                order: order.id.clone(),
                pin: planned.pin.clone(),
                object: object_after(existing, planned, bringing, asking),
                care: planned.care.clone(),
                version: existing.version + 1,
                update_time: now,
                ..existing.clone()
            };
            adopt(&mut resource, planned, bringing, asking);
            mark_parked(&mut resource, existing, standing.open_of(&existing.id), asking);
            resource
        }
        None => {
            let id = match bringing.ids.get(&planned.key) {
                Some(id) => id.clone(),
                None => ResourceId::new(now, asking.sealer.entropy),
            };
            let mut resource = Resource {
                desired: asking.sealer.desired(&id, &planned.desired),
                id,
                name: planned_name(planned, order),
                order: order.id.clone(),
                labels: order.labels.clone(),
                resource_type: planned.resource_type.clone(),
                class: planned.class.clone(),
                shared: planned.shared.clone(),
                generation: 1,
                observed_generation: 0,
                pin: planned.pin.clone(),
                care: planned.care.clone(),
                edges: edges(planned.desired.as_ref()),
                ties: planned.desired.as_ref().map_or_else(Vec::new, ties),
                incarnation: 1,
                object: None,
                former: None,
                state,
                reason: None,
                message: String::new(),
                principal: asking.principal.name.clone(),
                version: 1,
                create_time: now,
                update_time: now,
            };
            adopt(&mut resource, planned, bringing, asking);
            resource
        }
    }
}

/// As the driver remembers it that is at it from now on.
fn object_after(
    existing: &Resource,
    planned: &PlannedResource,
    bringing: &Bringing,
    asking: &Asking<'_>,
) -> Option<ExternalObject> {
    let mut object = existing.object.clone();
    let carried = bringing.upgraded.get(&planned.key).and_then(|it| it.state.as_ref());
    if let (Some(object), Some((state, version))) = (&mut object, carried) {
        object.state = asking.sealer.state(&existing.id, state);
        object.state_version = *version;
    }
    object
}

/// The object that is there already becomes the resource's own.
fn adopt(resource: &mut Resource, planned: &PlannedResource, bringing: &Bringing, asking: &Asking<'_>) {
    let adopting = bringing.adopting.get(&planned.key).filter(|_| planned.action == PlannedAction::Adopt);
    if let (Some(adopting), Some(desired)) = (adopting, &planned.desired) {
        resource.object = Some(adopting.object(resource, &desired.config, &asking.sealer));
    }
}

fn planned_name(planned: &PlannedResource, order: &Order) -> crate::domain::name::ResourceName {
    order.name.resource(planned.key.clone())
}
