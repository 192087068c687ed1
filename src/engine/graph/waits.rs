//! What the operations of one apply wait for. Pure, and linear in resources and references.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{OperationId, ResourceId};
use crate::domain::operation::{Operation, Stage};
use crate::engine::accept::{Standing, Work};

/// What each of them waits for: what is made or changed, for what it refers to; what is deleted, for what referred to it to be gone or to
/// refer to something else. `elsewhere`: what a resource comes after in other orders.
pub(in crate::engine) fn waits(
    work: &[Work<'_>],
    standing: &Standing,
    elsewhere: &BTreeMap<ResourceId, Vec<OperationId>>,
) -> Vec<Vec<OperationId>> {
    let at_work: BTreeMap<&ResourceId, &OperationId> = work.iter().map(|it| (&it.resource.id, &it.child.id)).collect();
    // What comes to its last step only when all that refer to it have moved has made what they need.
    let unmade = |it: &&Operation| it.stage != Stage::DeleteFormer || it.verb.removes();
    let open = |id: &ResourceId| standing.open_of(id).last().filter(unmade).map(|it| &it.id);
    let doing = |id: &ResourceId| at_work.get(id).copied().or_else(|| open(id));
    let deleted = |it: &&Work<'_>| it.planned.action.removes();
    let leaving: BTreeSet<&ResourceId> = work.iter().filter(deleted).map(|it| &it.resource.id).collect();
    let mut referrers: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
    if !leaving.is_empty() {
        for resource in standing.resources.values() {
            for needed in resource.edges.iter().filter(|it| leaving.contains(it)) {
                referrers.entry(needed).or_default().push(&resource.id);
            }
        }
    }
    let waits = |it: &Work<'_>| {
        let others: Vec<&ResourceId> = match it.planned.action {
            action if action.removes() => referrers.get(&it.resource.id).cloned().unwrap_or_default(),
            _ => it.resource.edges.iter().collect(),
        };
        let elsewhere = elsewhere.get(&it.resource.id).into_iter().flatten();
        others.into_iter().filter_map(doing).chain(elsewhere).cloned().collect()
    };
    work.iter().map(waits).collect()
}
