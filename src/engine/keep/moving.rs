//! Resources that get another key, or go to another order of their environment. Nothing is done at a backend: labels name ids.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::care::Former;
use crate::domain::contract::Violation;
use crate::domain::document::{Manifest, OrderManifest};
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName, SharedId};
use crate::domain::order::Order;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::engine::{Engine, Error};

/// What moves, for the commit that makes it so.
#[derive(Debug, Clone, Default)]
pub struct Moving {
    /// In the order in which names become free.
    pub moves: Vec<Moved>,
    /// Orders that resources leave, without them.
    pub left: Vec<Order>,
}

/// One resource under its new key.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    pub id: ResourceId,
    pub key: Key,
    /// What it was called: `NAME`, or `ORDER/NAME`.
    pub was: String,
}

impl Moving {
    /// What `key` was called before.
    pub fn was(&self, key: &Key) -> Option<&str> {
        self.moves.iter().find(|it| it.key == *key).map(|it| it.was.as_str())
    }
}

/// What entries say they were, by key. Each former place once.
fn wishes(order: &Name, manifest: &OrderManifest) -> Result<BTreeMap<Name, Former>, Refusal> {
    let mut wishes = BTreeMap::new();
    let mut seen: BTreeMap<String, &Name> = BTreeMap::new();
    for (key, entry) in &manifest.resources {
        let Some(was) = &entry.was else { continue };
        let refuse =
            |message: String| Refusal::new(Reason::DocumentInvalid, message.clone()).violations(vec![at(key, message)]);
        let mut former = Former::parse(was)
            .map_err(|error| refuse(format!("`{key}` was `{was}`: {error}")).hint("write `was: [ORDER/]NAME`"))?;
        former.order = former.order.filter(|other| other != order);
        if let Some(other) = seen.insert(former.to_string(), key) {
            return Err(refuse(format!("`{key}` and `{other}` were both `{former}`")).hint("only one of them can be"));
        }
        if former.order.is_none() && former.key == Key::from(key) {
            return Err(refuse(format!("`{key}` was itself")).hint("leave `was` out"));
        }
        wishes.insert(key.clone(), former);
    }
    Ok(wishes)
}

fn at(key: &Name, message: String) -> Violation {
    Violation { pointer: format!("/resources/{key}/was"), message }
}

fn unresolved(key: &Name, message: String) -> Refusal {
    Refusal::new(Reason::UnresolvedReference, message.clone())
        .hint("mend the name, or leave `was` out where nothing is to be moved")
        .violations(vec![at(key, message)])
}

impl Engine {
    /// What is to move; `existing` has it under its new keys afterwards. `on_record`: the order exists.
    pub(in crate::engine) async fn moving(
        &self,
        order: &OrderName,
        manifest: &OrderManifest,
        on_record: bool,
        existing: &mut BTreeMap<Key, Resource>,
    ) -> Result<Moving, Error> {
        let mut wishes = wishes(&order.order, manifest)?;
        if wishes.is_empty() {
            return Ok(Moving::default());
        }
        let mut moving = Moving::default();
        let others = self.others(order, &wishes).await?;
        let mut elsewhere = others.resources;
        let mut fresh: BTreeSet<Key> = BTreeSet::new();
        // A key that one leaves may be another's new one.
        loop {
            let next = wishes.iter().find(|(key, former)| {
                let taken = holds(existing, &Key::from(*key));
                let there = match &former.order {
                    Some(other) => elsewhere.get(other).is_some_and(|it| holds(it, &former.key)),
                    None => holds(existing, &former.key) && !fresh.contains(&former.key),
                };
                !taken && there
            });
            let Some((key, former)) = next.map(|(key, former)| (key.clone(), former.clone())) else { break };
            wishes.remove(&key);
            let from = match &former.order {
                Some(other) => elsewhere.get_mut(other),
                None => Some(&mut *existing),
            };
            let taken = from.map(|from| take(from, &former.key)).unwrap_or_default();
            for (resource, new) in rekeyed(taken, &former.key, &Key::from(&key))? {
                if let Some(id) = &resource.shared {
                    return Err(shared(&key, &former, id).into());
                }
                self.at_rest(&resource).await?;
                let was = match &former.order {
                    Some(other) => format!("{other}/{}", resource.name.key),
                    None => resource.name.key.to_string(),
                };
                moving.moves.push(Moved { id: resource.id.clone(), key: new.clone(), was });
                existing.insert(new.clone(), Resource { name: order.resource(new), ..resource });
            }
            fresh.insert(Key::from(&key));
        }
        for (key, former) in &wishes {
            // It has happened already; or the order is new, and there is nothing of it yet.
            let happened = holds(existing, &Key::from(key)) || (former.order.is_none() && !on_record);
            if !happened {
                let message = format!("`{key}` was `{former}`, and there is neither");
                return Err(unresolved(key, message).into());
            }
        }
        for (name, resources) in &elsewhere {
            let gone: BTreeSet<&ResourceId> = moving.moves.iter().map(|it| &it.id).collect();
            let needed = resources.values().find_map(|it| {
                it.edges
                    .iter()
                    .chain(it.leans_on())
                    .find(|needed| gone.contains(needed))
                    .map(|needed| (&it.name.key, needed))
            });
            if let Some((referrer, needed)) = needed {
                let was = moving.moves.iter().find(|it| it.id == *needed).map_or("", |it| it.was.as_str());
                let message = format!("`{was}` cannot leave order `{name}`: `{referrer}` there refers to it");
                return Err(Refusal::new(Reason::ResourceHasDependants, message)
                    .hint(format!("take that reference out of `{name}`, or move both"))
                    .into());
            }
        }
        for it in others.orders {
            let prefix = format!("{}/", it.name.order);
            let gone: BTreeSet<&str> =
                moving.moves.iter().filter_map(|moved| moved.was.strip_prefix(&prefix)).collect();
            if !gone.is_empty() {
                moving.left.push(self.without(it, &gone)?);
            }
        }
        Ok(moving)
    }

    /// The other orders that are named, with what is in them.
    async fn others(&self, order: &OrderName, wishes: &BTreeMap<Name, Former>) -> Result<Others, Error> {
        let mut others = Others::default();
        for (key, former) in wishes {
            let Some(other) = &former.order else { continue };
            if others.resources.contains_key(other) {
                continue;
            }
            let name = OrderName { order: other.clone(), ..order.clone() };
            match self.store.order(&name).await? {
                Some(it) if it.deleting => {
                    let message = format!("order `{other}`, which `{key}` is to leave, is being deleted");
                    return Err(Refusal::new(Reason::ConcurrentOperation, message).into());
                }
                Some(it) => {
                    others.resources.insert(other.clone(), self.existing(&name).await?);
                    others.orders.push(it);
                }
                None => {}
            }
        }
        Ok(others)
    }

    /// What is worked on keeps its name.
    pub(in crate::engine) async fn at_rest(&self, resource: &Resource) -> Result<(), Error> {
        match self.store.open_operations(&resource.id).await?.first() {
            None => Ok(()),
            Some(open) => {
                let message =
                    format!("`{}` is worked on by {}, and cannot be renamed meanwhile", resource.name.key, open.id);
                Err(Refusal::new(Reason::ConcurrentOperation, message)
                    .hint("wait until that has ended, then apply again")
                    .into())
            }
        }
    }

    /// The order, with these entries out of its manifest.
    pub(in crate::engine) fn without(&self, order: Order, gone: &BTreeSet<&str>) -> Result<Order, Error> {
        let manifest = self.open_manifest(&order)?;
        let manifest = match serde_json::from_value(manifest) {
            Ok(Manifest::Order(mut manifest)) => {
                manifest.resources.retain(|key, _| !gone.contains(key.as_str()));
                Manifest::Order(manifest)
            }
            _ => return Ok(order),
        };
        let sealed = self.sealer(order.name.project.as_str()).manifest(&order.id, &manifest);
        Ok(Order { manifest: sealed, version: order.version + 1, update_time: self.clock.now(), ..order })
    }
}

#[derive(Default)]
struct Others {
    orders: Vec<Order>,
    resources: BTreeMap<Name, BTreeMap<Key, Resource>>,
}

fn shared(key: &Name, former: &Former, id: &SharedId) -> Refusal {
    let message = format!("`{key}` was `{former}`, which is shared under the id `{id}`");
    Refusal::new(Reason::DocumentInvalid, message.clone())
        .hint(format!("write `id: {id}` in the place of `was`: it is the same resource under any name"))
        .violations(vec![at(key, message)])
}

/// Resources under their new keys, which begin with `key` where the former ones begin with `former`.
pub(in crate::engine) fn rekeyed(
    taken: Vec<(Key, Resource)>,
    former: &Key,
    key: &Key,
) -> Result<Vec<(Resource, Key)>, Refusal> {
    let rekeyed = |(old, resource): (Key, Resource)| {
        let rest = old.as_str().strip_prefix(former.as_str()).unwrap_or_default();
        let new = Key::parse(&format!("{key}{rest}"));
        Ok((resource, new.map_err(|error| Refusal::new(Reason::DocumentInvalid, error.to_string()))?))
    };
    taken.into_iter().map(rekeyed).collect()
}

/// The key itself, or parts of it.
pub(in crate::engine) fn holds(resources: &BTreeMap<Key, Resource>, key: &Key) -> bool {
    resources.keys().any(|it| it.is_of(key))
}

pub(in crate::engine) fn take(resources: &mut BTreeMap<Key, Resource>, key: &Key) -> Vec<(Key, Resource)> {
    let keys: Vec<Key> = resources.keys().filter(|it| it.is_of(key)).cloned().collect();
    keys.into_iter().filter_map(|key| resources.remove_entry(&key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::name;

    fn manifest(entries: &[(&str, &str)]) -> OrderManifest {
        let resources: serde_json::Map<_, _> = entries
            .iter()
            .map(|(key, was)| ((*key).to_owned(), serde_json::json!({ "type": "thing", "was": was })))
            .collect();
        serde_json::from_value(serde_json::json!({ "name": "checkout", "resources": resources })).expect("a manifest")
    }

    #[test]
    fn each_former_place_is_left_once() {
        let order = name("checkout");
        let read = |entries: &[(&str, &str)]| wishes(&order, &manifest(entries));
        let one = read(&[("a", "checkout/b")]).expect("fine");
        assert_eq!(one[&name("a")].order, None, "it is this order");
        for (entries, words) in [
            (&[("a", "c"), ("b", "c")][..], "both `c`"),
            (&[("a", "c"), ("b", "checkout/c")], "both `c`"),
            (&[("a", "a")], "was itself"),
            (&[("a", "x/y/z")], "is no name"),
        ] {
            let refused = read(entries).expect_err(words);
            assert_eq!(refused.reason, Reason::DocumentInvalid);
            assert!(refused.message.contains(words), "{}", refused.message);
            assert!(refused.violations[0].pointer.ends_with("/was"), "{refused:?}");
        }
    }
}
