//! Entries that are one resource: those of an environment with the same type, class and `id`, of one order or of several.
//!
//! The resource stands under the name of one of them, its home, and that order makes, changes and deletes it; the others are aliases. Where
//! the home goes, the resource goes on under one of the others, in the same commit; with the last of them it goes itself.

mod leave;
mod plan;
mod say;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contract::Violation;
use crate::domain::document::{ResourceEntry, ResourceType};
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::{Key, Name, OrderName, SharedId};
use crate::domain::order::Order;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Alias, Resource};
use crate::store;

use super::keep::moving::{Moved, Moving, holds, rekeyed, take};
use super::{Engine, Error};

/// What the entries of an order share.
#[derive(Debug, Default)]
pub struct Sharing {
    /// Entries that are the resource of another one.
    pub aliases: BTreeMap<Key, Shared>,
    /// What was an alias of this order and is none any more, with its resource where that is another order's.
    pub left: Vec<(Alias, Option<Resource>)>,
    /// Resources that leave this order for an entry of another one.
    pub handed: Vec<Handed>,
    /// What has to be gone before a resource of this order can go.
    pub comes_after: BTreeMap<ResourceId, Vec<OperationId>>,
}

#[derive(Debug)]
pub struct Shared {
    pub id: SharedId,
    pub home: Home,
    /// It was none before.
    pub is_new: bool,
}

#[derive(Debug)]
pub enum Home {
    /// Another entry of the order.
    Here(Key),
    Elsewhere(Box<Resource>, Arc<ResourceType>),
}

/// A resource with its parts, which go on under another order's entry.
#[derive(Debug)]
pub struct Handed {
    pub to: Alias,
    pub order: Order,
    /// As they were, with their new keys.
    pub resources: Vec<(Resource, Key)>,
}

impl Sharing {
    /// Resources of other orders that its entries are.
    pub fn elsewhere(&self) -> impl Iterator<Item = &Resource> {
        self.aliases.values().filter_map(|it| match &it.home {
            Home::Elsewhere(resource, _) => Some(&**resource),
            Home::Here(_) => None,
        })
    }

    /// The aliases of an entry of the order.
    pub fn of<'a>(&'a self, home: &'a Key) -> impl Iterator<Item = &'a Key> {
        self.aliases
            .iter()
            .filter(move |(_, it)| matches!(&it.home, Home::Here(key) if key == home))
            .map(|(key, _)| key)
    }
}

/// What makes entries of an environment one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    resource_type: Name,
    class: Option<Name>,
    id: SharedId,
}

impl Identity {
    fn of_entry(entry: &ResourceEntry) -> Option<Self> {
        let id = entry.id.clone()?;
        Some(Self { resource_type: entry.resource_type.clone(), class: entry.class.clone(), id })
    }

    fn of(resource: &Resource) -> Option<Self> {
        let id = resource.shared.clone()?;
        Some(Self { resource_type: resource.resource_type.clone(), class: resource.class.clone(), id })
    }
}

impl Engine {
    /// What the entries of an order share, which then are no resources of their own. `existing` is without what goes on in other orders,
    /// and has under its new key what goes on in this one.
    pub(super) async fn sharing(
        &self,
        order: &OrderName,
        entries: &BTreeMap<Name, ResourceEntry>,
        on_record: bool,
        existing: &mut BTreeMap<Key, Resource>,
        moving: &mut Moving,
    ) -> Result<Sharing, Error> {
        let had = if on_record { self.store.aliases(order).await? } else { Vec::new() };
        let asked: BTreeMap<Key, Identity> =
            entries.iter().filter_map(|(key, entry)| Some((Key::from(key), Identity::of_entry(entry)?))).collect();
        let mut sharing = Sharing::default();
        if had.is_empty() && asked.is_empty() && existing.values().all(|it| it.shared.is_none()) {
            return Ok(sharing);
        }
        self.homes_that_go(order, &asked, existing, moving, &mut sharing).await?;
        self.aliases_asked_for(order, &asked, existing, &mut sharing).await?;
        for alias in had {
            let now = sharing.aliases.get_mut(&alias.name.key);
            let stays = now.filter(|it| match &it.home {
                Home::Here(home) => existing.get(home).is_some_and(|home| home.id == alias.resource),
                Home::Elsewhere(home, _) => home.id == alias.resource,
            });
            match stays {
                Some(it) => it.is_new = false,
                None => {
                    let resource = self.store.resource(&alias.resource).await?;
                    sharing.left.push((alias, resource.filter(|it| it.name.order != *order)));
                }
            }
        }
        Ok(sharing)
    }

    /// What the entries of an order have shared, all of which go.
    pub(super) async fn all_go(
        &self,
        order: &OrderName,
        existing: &mut BTreeMap<Key, Resource>,
    ) -> Result<Sharing, Error> {
        self.sharing(order, &BTreeMap::new(), true, existing, &mut Moving::default()).await
    }

    /// The homes that are none any more go on under another entry, if there is one.
    async fn homes_that_go(
        &self,
        order: &OrderName,
        asked: &BTreeMap<Key, Identity>,
        existing: &mut BTreeMap<Key, Resource>,
        moving: &mut Moving,
        sharing: &mut Sharing,
    ) -> Result<(), Error> {
        let homes: Vec<Resource> = existing.values().filter(|it| it.shared.is_some()).cloned().collect();
        for home in homes {
            let (key, identity) = (&home.name.key, Identity::of(&home));
            if asked.get(key) == identity.as_ref() {
                continue;
            }
            let heir = asked.iter().find(|(heir, it)| Some(*it) == identity.as_ref() && !holds(existing, heir));
            if let Some((heir, _)) = heir {
                for (resource, new) in rekeyed(take(existing, key), key, heir)? {
                    self.at_rest(&resource).await?;
                    let was = resource.name.key.to_string();
                    moving.moves.push(Moved { id: resource.id.clone(), key: new.clone(), was });
                    existing.insert(new.clone(), Resource { name: order.resource(new), ..resource });
                }
                continue;
            }
            let heirs = self.store.aliases_of(&home.id, u32::MAX).await?;
            let Some(to) = heirs.into_iter().find(|it| it.name.order != *order) else { continue };
            let Some(other) = self.store.order(&to.name.order).await? else {
                return Err(store::Error::Conflict { record: to.name.order.to_string() }.into());
            };
            let resources = rekeyed(take(existing, key), key, &to.name.key)?;
            for (resource, _) in &resources {
                self.at_rest(resource).await?;
            }
            sharing.handed.push(Handed { to, order: other, resources });
        }
        Ok(())
    }

    async fn aliases_asked_for(
        &self,
        order: &OrderName,
        asked: &BTreeMap<Key, Identity>,
        existing: &BTreeMap<Key, Resource>,
        sharing: &mut Sharing,
    ) -> Result<(), Error> {
        let is_home = |(key, it): &(&Key, &Identity)| existing.get(*key).and_then(Identity::of).as_ref() == Some(*it);
        let mut homes: BTreeMap<&Identity, &Key> = asked.iter().filter(is_home).map(|(key, it)| (it, key)).collect();
        // Of entries that are new together that one is the home which has a resource.
        let mut all: Vec<(&Key, &Identity)> = asked.iter().collect();
        all.sort_by_key(|(key, _)| !holds(existing, key));
        for (key, identity) in all {
            let home = match homes.get(identity) {
                Some(home) if *home == key => continue,
                Some(home) => Home::Here((*home).clone()),
                None => {
                    let Identity { resource_type, class, id } = identity;
                    let place = order.environment_name();
                    match self.store.shared(&place, resource_type, class.as_ref(), id).await? {
                        None => {
                            homes.insert(identity, key);
                            continue;
                        }
                        // It has come to this order since that was read.
                        Some(it) if it.name.order == *order && !existing.values().any(|known| known.id == it.id) => {
                            return Err(store::Error::Conflict { record: it.name.to_string() }.into());
                        }
                        Some(it) => {
                            let of = self.stock.pinned_match(&it.resource_type, &it.pin).await?.resource_type;
                            Home::Elsewhere(Box::new(it), of)
                        }
                    }
                }
            };
            if holds(existing, key) {
                let other = match &home {
                    Home::Here(home) => order.resource(home.clone()).short(),
                    Home::Elsewhere(home, _) => home.name.short(),
                };
                return Err(has_its_own(key, &identity.id, &other).into());
            }
            sharing.aliases.insert(key.clone(), Shared { id: identity.id.clone(), home, is_new: true });
        }
        Ok(())
    }
}

fn has_its_own(key: &Key, id: &SharedId, other: &str) -> Refusal {
    let message = format!("`{key}` has a resource of its own, and the one with the id `{id}` is `{other}`");
    Refusal::new(Reason::ReplacementRefused, message.clone())
        .hint("give the entry another name: the resource that it has then leaves the order under its old one")
        .violations(vec![at(key, "id", message)])
}

fn at(key: &Key, member: &str, message: String) -> Violation {
    Violation { pointer: format!("/resources/{key}/{member}"), message }
}
