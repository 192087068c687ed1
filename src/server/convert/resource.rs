//! Resources.

use crate::domain::resource::{Alias, Resource};
use crate::domain::time::Timestamp;
use crate::engine::view::mask;
use crate::engine::{Discovery, Refreshed, ResourceView, Whose};
use crate::pb;

use super::{etag, hold, int, long, text, time};

pub fn refreshed(it: &Refreshed, now: Timestamp) -> pb::RefreshResourceResponse {
    let shown = |value: &Option<serde_json::Value>| value.as_ref().map_or_else(String::new, |it| mask(it).to_string());
    let drift = it.drift.iter().map(|change| pb::Drift {
        pointer: change.pointer.clone(),
        applied_json: shown(&change.before),
        observed_json: shown(&change.after),
    });
    pb::RefreshResourceResponse {
        presence: it.presence.as_str().into(),
        drift: drift.collect(),
        observe_time: Some(time(now)),
    }
}

pub fn discovered(it: Discovery, next_page_token: String) -> pb::DiscoverObjectsResponse {
    let objects = it.objects.into_iter().map(|it| {
        let bare = pb::DiscoveredObject { external_id: it.external_id, summary: it.summary, ..Default::default() };
        match it.whose {
            Whose::Free(params) => pb::DiscoveredObject { params_json: params.to_string(), ..bare },
            Whose::Ours(resource) => pb::DiscoveredObject { resource, ..bare },
            Whose::Refused(refusal) => {
                pb::DiscoveredObject { reason: refusal.reason.to_string(), message: refusal.message, ..bare }
            }
        }
    });
    pb::DiscoverObjectsResponse {
        objects: objects.collect(),
        next_page_token,
        recipe: it.recipe.to_string(),
        connections: it.connections.into_iter().map(|(slot, name)| (slot, name.to_string())).collect(),
    }
}

/// `view` is what the record seals, masked.
pub fn resource(it: Resource, view: ResourceView, aliases: Vec<Alias>) -> pb::Resource {
    let external_id = it.object.as_ref().and_then(|object| object.external_id.clone()).unwrap_or_default();
    let conditions = view.conditions.into_iter().map(hold::condition);
    pb::Resource {
        name: it.name.to_string(),
        id: it.id.to_string(),
        resource_type: it.resource_type.to_string(),
        class: text(it.class.as_ref()),
        generation: long(it.generation),
        observed_generation: long(it.observed_generation),
        incarnation: int(it.incarnation),
        external_id,
        state: it.state.as_str().into(),
        reason: it.reason.map_or_else(String::new, |reason| reason.to_string()),
        message: it.message,
        conditions: conditions.collect(),
        params_json: view.params.to_string(),
        outputs_json: view.outputs.to_string(),
        recipe: it.pin.recipe.to_string(),
        recipe_revision: long(it.pin.recipe_revision),
        driver_digest: it.pin.driver_digest,
        connections: it.pin.connections.into_iter().map(|(slot, name)| (slot, name.to_string())).collect(),
        labels: it.labels.into_iter().collect(),
        principal: it.principal,
        create_time: Some(time(it.create_time)),
        update_time: Some(time(it.update_time)),
        etag: etag(it.version),
        needs: it.edges.iter().map(ToString::to_string).collect(),
        recipe_criteria: String::new(),
        on_remove: it.care.on_remove.as_str().into(),
        observe_only: it.care.observe_only,
        adopted: it.care.adopted.unwrap_or_default(),
        observe_time: view.observe_time.map(time),
        shared_id: it.shared.map_or_else(String::new, String::from),
        shared_with: aliases.into_iter().map(|it| it.name.to_string()).collect(),
    }
}
