//! The digest of a plan, by which an apply is bound to it.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use serde_json::Value;

use crate::domain::care::Care;
use crate::domain::contract::Change;
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName, SharedId};
use crate::domain::plan::{PlannedAction, PlannedResource};

/// What the digest of a plan says of a resource. Members in the order of their names: one text for one plan.
#[derive(Serialize)]
struct Line<'a> {
    action: PlannedAction,
    adopted: Option<Vec<&'a str>>,
    care: &'a Care,
    class: &'a Option<Name>,
    connections: &'a BTreeMap<String, Name>,
    desired: Option<[&'a Value; 2]>,
    driver: &'a str,
    forcing: Vec<&'a str>,
    id: &'a Option<ResourceId>,
    key: &'a Key,
    recipe: (&'a Name, u64),
    shared: [Option<&'a str>; 2],
    r#type: &'a Name,
    written: Option<&'a Value>,
}

impl<'a> Line<'a> {
    fn of(it: &'a PlannedResource) -> Self {
        let pointer = |it: &'a Change| it.pointer.as_str();
        Self {
            action: it.action,
            adopted: (it.action == PlannedAction::Adopt).then(|| it.changes.iter().map(pointer).collect()),
            care: &it.care,
            class: &it.class,
            connections: &it.pin.connections,
            desired: it.desired.as_ref().map(|it| [&it.params, &it.config]),
            driver: &it.pin.driver_digest,
            forcing: it.changes.iter().filter(|it| it.forces_replacement).map(pointer).collect(),
            id: &it.id,
            key: &it.key,
            recipe: (&it.pin.recipe, it.pin.recipe_revision),
            shared: [it.shared.as_ref().map(SharedId::as_str), it.home.as_deref()],
            r#type: &it.resource_type,
            written: it.desired.as_ref().and_then(|it| it.wiring.as_ref()).map(|it| &it.written),
        }
    }
}

/// Over what would be done, not over when, or what was read on the way.
pub(super) fn digest_of(order: &OrderName, resources: &[PlannedResource]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(order.to_string().as_bytes());
    for it in resources {
        // Texts, numbers and names of members that are texts: nothing that JSON has no words for.
        let line = serde_json::to_vec(&Line::of(it)).unwrap_or_default();
        context.update(b"\n");
        context.update(&line);
    }
    hex(context.finish().as_ref())
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
