//! What the operations of one apply wait for, and keep others waiting for. Pure, and linear in resources and references.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{OperationId, ResourceId};
use crate::domain::operation::{Operation, Stage};
use crate::domain::resource::Resource;
use crate::engine::accept::{Standing, Work};
use crate::store::{Related, Relation};

/// What each of them has to do with others. What is made or changed needs what it refers to; and what it was made with is there until it
/// has moved, also where that is replaced. What is deleted follows what was made with it. `elsewhere`: what a resource comes after in
/// other orders.
pub(in crate::engine) fn waits(
    work: &[Work<'_>],
    standing: &Standing,
    elsewhere: &BTreeMap<ResourceId, Vec<OperationId>>,
) -> Vec<Vec<Related>> {
    let at_work: BTreeMap<&ResourceId, &Work<'_>> = work.iter().map(|it| (&it.resource.id, it)).collect();
    let open = |id: &ResourceId| standing.open_of(id).last();
    // What comes to its last step only when all that refer to it have moved has made what they need.
    let unmade = |it: &&Operation| it.stage != Stage::DeleteFormer || it.verb.removes();
    let leaving: BTreeSet<&ResourceId> =
        work.iter().filter(|it| it.planned.action.removes()).map(|it| &it.resource.id).collect();
    let circular = circular(standing.resources.values());
    let referrers = referrers(standing, &leaving, &circular);
    let related = |it: &Work<'_>| {
        let id = &it.resource.id;
        // What was made in a circle, by applies that were not carried out, cannot wait for one another.
        let entangled = |other: &ResourceId| circular.contains(id) && circular.contains(other);
        let leant_on: BTreeSet<&ResourceId> = standing
            .resources
            .get(&it.planned.key)
            .map_or_else(BTreeSet::new, |it| it.leans_on().iter().filter(|other| !entangled(other)).collect());
        let mut related = Vec::new();
        let mut add = |operation: &OperationId, relation| {
            related.push(Related { operation: operation.clone(), relation });
        };
        let leaves = leaving.contains(id);
        let needed: BTreeSet<&ResourceId> = it.resource.edges.iter().filter(|_| !leaves).collect();
        for other in &needed {
            let operation = at_work.get(*other).map(|it| &it.child).or_else(|| open(other).filter(unmade));
            let relation = if leant_on.contains(other) { Relation::Moves } else { Relation::Needs };
            operation.into_iter().for_each(|it| add(&it.id, relation));
        }
        for other in leant_on.into_iter().filter(|it| !needed.contains(it) && !leaving.contains(it)) {
            let operation = at_work.get(other).map(|it| &it.child).or_else(|| open(other));
            operation.into_iter().for_each(|it| add(&it.id, Relation::Leaves));
        }
        for other in referrers.get(id).into_iter().flatten() {
            let operation = at_work.get(other).map(|it| &it.child).or_else(|| open(other));
            operation.into_iter().for_each(|it| add(&it.id, Relation::Follows));
        }
        let relation = if leaves { Relation::Follows } else { Relation::Moves };
        elsewhere.get(id).into_iter().flatten().for_each(|it| add(it, relation));
        related
    };
    work.iter().map(related).collect()
}

/// Who was made with what is leaving.
fn referrers<'a>(
    standing: &'a Standing,
    leaving: &BTreeSet<&'a ResourceId>,
    circular: &BTreeSet<&'a ResourceId>,
) -> BTreeMap<&'a ResourceId, Vec<&'a ResourceId>> {
    let mut referrers: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
    if leaving.is_empty() {
        return referrers;
    }
    for resource in standing.resources.values() {
        let entangled = leaving.contains(&resource.id) && circular.contains(&resource.id);
        let kept = |other: &&ResourceId| leaving.contains(other) && !(entangled && circular.contains(other));
        for other in resource.leans_on().iter().filter(kept) {
            referrers.entry(other).or_default().push(&resource.id);
        }
    }
    referrers
}

/// Those that lean on one another in a circle, or are leant on from one.
fn circular<'a>(resources: impl Iterator<Item = &'a Resource> + Clone) -> BTreeSet<&'a ResourceId> {
    let mut left: BTreeMap<&ResourceId, (&Resource, usize)> = resources.clone().map(|it| (&it.id, (it, 0))).collect();
    for other in resources.flat_map(Resource::leans_on) {
        if let Some((_, referrers)) = left.get_mut(other) {
            *referrers += 1;
        }
    }
    let mut free: Vec<&Resource> = left.values().filter(|(_, referrers)| *referrers == 0).map(|(it, _)| *it).collect();
    while let Some(resource) = free.pop() {
        left.remove(&resource.id);
        for other in resource.leans_on() {
            if let Some((it, referrers)) = left.get_mut(other) {
                *referrers -= 1;
                if *referrers == 0 {
                    free.push(it);
                }
            }
        }
    }
    left.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::Key;
    use crate::domain::time::Timestamp;
    use crate::engine::testing::{Counting, resource};

    /// Who leans on each, of resources that are counted from 0, each with those that it leans on.
    fn referring(of: &[&[usize]], leaving: &[usize]) -> Vec<Vec<usize>> {
        let entropy = Counting::default();
        let ids: Vec<ResourceId> = of.iter().map(|_| ResourceId::new(Timestamp::ZERO, &entropy)).collect();
        let standing = of.iter().enumerate().map(|(at, ties)| {
            let ties = ties.iter().map(|at| ids[*at].clone()).collect();
            let key = Key::parse(&format!("r{at}")).expect("a key");
            (key, Resource { id: ids[at].clone(), ties, ..resource() })
        });
        let standing = Standing { resources: standing.collect(), ..Standing::default() };
        let leaving: BTreeSet<&ResourceId> = leaving.iter().map(|at| &ids[*at]).collect();
        let found = referrers(&standing, &leaving, &circular(standing.resources.values()));
        let number = |id: &&ResourceId| ids.iter().position(|it| it == *id).expect("one of them");
        ids.iter().map(|id| found.get(id).map_or_else(Vec::new, |them| them.iter().map(number).collect())).collect()
    }

    #[test]
    fn what_leaves_follows_what_was_made_with_it() {
        const NONE: Vec<usize> = Vec::new();
        assert_eq!(referring(&[&[], &[0]], &[0]), [vec![1], NONE]);
        assert_eq!(referring(&[&[], &[0]], &[0, 1]), [vec![1], NONE]);
        assert_eq!(referring(&[&[], &[0]], &[1]), [NONE, NONE]);
    }

    #[test]
    fn what_was_made_in_a_circle_does_not_wait_for_one_another() {
        const NONE: Vec<usize> = Vec::new();
        let circle: [&[usize]; 4] = [&[1], &[2], &[0], &[0]];
        assert_eq!(referring(&circle, &[0, 1, 2, 3]), [vec![3], NONE, NONE, NONE]);
        assert_eq!(referring(&circle, &[0]), [vec![2, 3], NONE, NONE, NONE], "2 stays, and moves");
    }
}
