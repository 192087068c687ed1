//! The records of what is shared, for the commit that makes it so. Pure.
//!
//! Whoever adds an alias to another order's resource, or takes one away, writes that resource too: of two orders that decide about one
//! resource at the same time the second meets a conflict, and decides again. So does an order that is changed while it inherits one.

use std::collections::BTreeMap;

use crate::domain::id::ResourceId;
use crate::domain::name::{Key, OrderName};
use crate::domain::order::Order;
use crate::domain::resource::{Alias, Resource};
use crate::domain::time::Timestamp;
use crate::store::{Move, Write};

use super::{Handed, Home, Sharing};

impl Sharing {
    /// Before the order's own names are taken: what leaves them.
    pub fn leaving(&self, now: Timestamp) -> Vec<Write> {
        let left = self.left.iter().map(|(alias, _)| alias);
        let inherited = self.handed.iter().map(|it| &it.to);
        let mut writes: Vec<Write> = left.chain(inherited).cloned().map(Write::DropAlias).collect();
        for handed in &self.handed {
            writes.push(Write::Rename(
                handed.resources.iter().map(|(resource, key)| moved(handed, resource, key)).collect(),
            ));
            let after = |(resource, key): &(Resource, Key)| Resource {
                name: handed.to.name.order.resource(key.clone()),
                order: handed.order.id.clone(),
                labels: handed.order.labels.clone(),
                ..changed(resource, now)
            };
            writes.extend(handed.resources.iter().map(after).map(|it| Write::Resource(Box::new(it))));
        }
        writes
    }

    /// The orders that inherit something, `but` for those that are written anyway.
    pub fn heirs(&self, but: &[Order], now: Timestamp) -> Vec<Write> {
        let heirs: BTreeMap<&OrderName, &Order> = self.handed.iter().map(|it| (&it.order.name, &it.order)).collect();
        let after = |it: &Order| Order { version: it.version + 1, update_time: now, ..it.clone() };
        let heirs = heirs.into_values().filter(|heir| !but.iter().any(|it| it.name == heir.name));
        heirs.map(|it| Write::Order(Box::new(after(it)))).collect()
    }

    /// When all of the order's own are written: new aliases, and the resources of other orders that are concerned.
    pub fn coming(&self, order: &OrderName, own: &BTreeMap<Key, ResourceId>, now: Timestamp) -> Vec<Write> {
        let mut writes = Vec::new();
        let mut concerned: BTreeMap<&ResourceId, &Resource> = BTreeMap::new();
        for (key, it) in self.aliases.iter().filter(|(_, it)| it.is_new) {
            let resource = match &it.home {
                Home::Elsewhere(home, _) => {
                    concerned.insert(&home.id, home);
                    &home.id
                }
                Home::Here(home) => match own.get(home) {
                    Some(id) => id,
                    None => continue,
                },
            };
            writes.push(Write::Alias(Alias { name: order.resource(key.clone()), resource: resource.clone() }));
        }
        concerned.extend(self.left.iter().filter_map(|(_, elsewhere)| elsewhere.as_ref()).map(|it| (&it.id, it)));
        writes.extend(concerned.into_values().map(|it| Write::Resource(Box::new(changed(it, now)))));
        writes
    }
}

fn moved(handed: &Handed, resource: &Resource, key: &Key) -> Move {
    Move {
        id: resource.id.clone(),
        version: resource.version,
        name: handed.to.name.order.resource(key.clone()),
        order: handed.order.id.clone(),
    }
}

fn changed(resource: &Resource, now: Timestamp) -> Resource {
    Resource { version: resource.version + 1, update_time: now, ..resource.clone() }
}
