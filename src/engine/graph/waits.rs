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
    let referrers = referrers(standing, &leaving);
    let circular = circular(&standing.resources.values().collect::<Vec<_>>());
    let related = |it: &Work<'_>| {
        let id = &it.resource.id;
        // What was made with it in a circle, in applies that came to nothing, cannot all wait for one another.
        let entangled = |other: &ResourceId| circular.contains(id) && circular.contains(other);
        let leant_on: BTreeSet<&ResourceId> = standing
            .resources
            .get(&it.planned.key)
            .map_or_else(BTreeSet::new, |it| it.leans_on().filter(|other| !entangled(other)).collect());
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
            at_work.get(other).into_iter().for_each(|it| add(&it.child.id, Relation::Leaves));
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

/// Who may have been made with what is leaving. Of those that leave themselves, as of applies that came to nothing, only what leads into no
/// circle: what they depend on now comes first.
fn referrers<'a>(
    standing: &'a Standing,
    leaving: &BTreeSet<&'a ResourceId>,
) -> BTreeMap<&'a ResourceId, Vec<&'a ResourceId>> {
    let mut referrers: BTreeMap<&ResourceId, Vec<&ResourceId>> = BTreeMap::new();
    if leaving.is_empty() {
        return referrers;
    }
    let mut both: Vec<&Resource> = Vec::new();
    for resource in standing.resources.values() {
        if leaving.contains(&resource.id) {
            both.push(resource);
            continue;
        }
        for needed in resource.leans_on().filter(|it| leaving.contains(it)) {
            referrers.entry(needed).or_default().push(&resource.id);
        }
    }
    let circular = circular(&both);
    for resource in both {
        let entangled = |needed: &&ResourceId| circular.contains(&resource.id) && circular.contains(needed);
        let earlier = resource.leans_on().filter(|it| !resource.edges.contains(it) && !entangled(it));
        for needed in resource.edges.iter().chain(earlier).filter(|it| leaving.contains(it)) {
            referrers.entry(needed).or_default().push(&resource.id);
        }
    }
    referrers
}

/// Those of them that lean on one another in a circle, or are leant on from one.
fn circular<'a>(resources: &[&'a Resource]) -> BTreeSet<&'a ResourceId> {
    let mut left: BTreeMap<&ResourceId, (&Resource, usize)> = resources.iter().map(|it| (&it.id, (*it, 0))).collect();
    for needed in resources.iter().flat_map(|it| it.leans_on()) {
        if let Some((_, referrers)) = left.get_mut(needed) {
            *referrers += 1;
        }
    }
    let mut free: Vec<&Resource> = left.values().filter(|(_, referrers)| *referrers == 0).map(|(it, _)| *it).collect();
    while let Some(resource) = free.pop() {
        left.remove(&resource.id);
        for needed in resource.leans_on() {
            if let Some((it, referrers)) = left.get_mut(needed) {
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
    use crate::domain::id::ResourceId;
    use crate::domain::name::Key;
    use crate::domain::time::Timestamp;
    use crate::engine::testing::{Counting, resource};

    /// `edges` and `ties` of each, which are counted from 0.
    fn referring(of: &[(&[usize], &[usize])], leaving: &[usize]) -> Vec<Vec<usize>> {
        let entropy = Counting::default();
        let ids: Vec<ResourceId> = of.iter().map(|_| ResourceId::new(Timestamp::ZERO, &entropy)).collect();
        let some = |numbers: &[usize]| numbers.iter().map(|at| ids[*at].clone()).collect::<Vec<_>>();
        let standing = of.iter().enumerate().map(|(at, (edges, ties))| {
            let (edges, ties) = (some(edges), some(ties));
            let key = Key::parse(&format!("r{at}")).expect("a key");
            (key, Resource { id: ids[at].clone(), edges, ties, ..resource() })
        });
        let standing = Standing { resources: standing.collect(), ..Standing::default() };
        let leaving: BTreeSet<&ResourceId> = leaving.iter().map(|at| &ids[*at]).collect();
        let found = referrers(&standing, &leaving);
        let number = |id: &&ResourceId| ids.iter().position(|it| it == *id).expect("one of them");
        ids.iter().map(|id| found.get(id).map_or_else(Vec::new, |them| them.iter().map(number).collect())).collect()
    }

    #[test]
    fn what_leaves_waits_for_all_that_may_have_been_made_with_it() {
        // 1 was made with 0, and was to refer to nothing more.
        assert_eq!(referring(&[(&[], &[]), (&[], &[0])], &[0]), [vec![1], vec![]]);
        assert_eq!(referring(&[(&[], &[]), (&[], &[0])], &[0, 1]), [vec![1], vec![]]);
        assert_eq!(referring(&[(&[], &[]), (&[0], &[0])], &[0, 1]), [vec![1], vec![]], "each once");
        assert_eq!(referring(&[(&[], &[]), (&[0], &[])], &[1]), vec![Vec::<usize>::new(); 2]);
    }

    #[test]
    fn who_turns_round_what_refers_to_what_waits_in_no_circle() {
        let turned: [(&[usize], &[usize]); 3] = [(&[1], &[]), (&[], &[0]), (&[], &[1])];
        assert_eq!(referring(&turned, &[0, 1, 2]), [vec![], vec![0, 2], vec![]]);
        assert_eq!(referring(&turned, &[0]), [vec![1], vec![], vec![]], "1 stays, and moves");
    }
}
