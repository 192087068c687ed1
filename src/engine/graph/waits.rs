//! What the operations of one apply wait for. Pure, and linear in resources and references.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{OperationId, ResourceId};
use crate::domain::operation::{Operation, Stage};
use crate::domain::resource::Resource;
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
    let referrers = referrers(standing, &leaving);
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
