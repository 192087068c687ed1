//! How a plan tells what is shared.

use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::care::Care;
use crate::domain::contract::Change;
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName, SharedId};
use crate::domain::plan::{Plan, PlannedAction, PlannedResource};
use crate::domain::resource::{Alias, Pin, Resource};
use crate::engine::plan::Surveyed;
use crate::engine::{Engine, Error};

use super::{Home, Sharing};

/// Orders that are named in a warning.
const NAMED: u32 = 5;

impl Sharing {
    /// Its aliases, and what becomes of those that are none any more and of the homes that are handed on. `surveyed`: the resources of the
    /// order's own.
    pub fn planned(&self, order: &OrderName, surveyed: &[Surveyed]) -> Vec<PlannedResource> {
        let own: BTreeMap<&Key, &Surveyed> = surveyed.iter().map(|it| (&it.key, it)).collect();
        let mut planned = Vec::new();
        for (key, shared) in &self.aliases {
            let mut it = match &shared.home {
                Home::Elsewhere(home, _) => of(key, &home.name.short(), home),
                Home::Here(home) => {
                    let Some(found) = own.get(home) else { continue };
                    let name = order.resource(home.clone()).short();
                    let id = found.existing.as_ref().map(|it| it.resource.id.clone());
                    let kind = (&found.resource_type, &found.class, &found.shared);
                    entry(key, &name, id, kind, &found.pin, &found.care)
                }
            };
            if shared.is_new {
                it.action = PlannedAction::Record;
                it.changes.push(change("/id", None, Some(shared.id.as_str())));
            }
            planned.push(it);
        }
        let is_free = |key: &Key| !self.aliases.contains_key(key) && !own.contains_key(key);
        for (alias, resource) in self.left.iter().filter(|(alias, _)| is_free(&alias.name.key)) {
            planned.extend(self.forgotten(alias, resource.as_ref(), surveyed));
        }
        for handed in &self.handed {
            let heir = handed.to.name.short();
            for (resource, new) in handed.resources.iter().filter(|(resource, _)| is_free(&resource.name.key)) {
                let to = handed.to.name.order.resource(new.clone()).short();
                let mut it = of(&resource.name.key, &heir, resource);
                it.action = PlannedAction::Record;
                it.changes.push(change("/name", Some(&resource.name.short()), Some(&to)));
                planned.push(it);
            }
        }
        planned
    }

    fn forgotten(&self, alias: &Alias, elsewhere: Option<&Resource>, surveyed: &[Surveyed]) -> Option<PlannedResource> {
        let own = surveyed.iter().filter_map(|it| it.existing.as_ref().map(|it| &it.resource));
        let handed = self.handed.iter().flat_map(|it| &it.resources).map(|(resource, _)| resource);
        let resource = elsewhere.or_else(|| own.chain(handed).find(|it| it.id == alias.resource))?;
        let mut it = of(&alias.name.key, &resource.name.short(), resource);
        it.action = PlannedAction::Record;
        it.changes.push(change("/id", resource.shared.as_ref().map(SharedId::as_str), None));
        Some(it)
    }
}

impl Engine {
    /// Other orders change with what is shared when they are applied.
    pub(in crate::engine) async fn warn_of_sharers(
        &self,
        plan: &mut Plan,
        own: &BTreeMap<Key, Resource>,
    ) -> Result<(), Error> {
        for home in own.values().filter(|it| it.shared.is_some()) {
            let changes = |it: &&PlannedResource| {
                it.id.as_ref() == Some(&home.id)
                    && it.home.is_none()
                    && matches!(it.action, PlannedAction::Update | PlannedAction::Replace)
            };
            let Some(planned) = plan.resources.iter().find(changes) else { continue };
            let referrers = self.store.referrers(home, NAMED).await?;
            if let Some(last) = referrers.last() {
                let names: Vec<_> = referrers.iter().map(|it| format!("`{}`", it.name.short())).collect();
                let order = &last.name.order.order;
                let warning = format!(
                    "`{}` is shared: {} in other orders refer to it, and change when these are applied again, as with `vend get order {order} -o yaml | vend apply -f -`",
                    planned.key,
                    names.join(", ")
                );
                plan.warnings.push(warning);
            }
        }
        Ok(())
    }
}

fn change(pointer: &str, before: Option<&str>, after: Option<&str>) -> Change {
    let (before, after) = (before.map(|it| json!(it)), after.map(|it| json!(it)));
    Change { pointer: pointer.to_owned(), before, after, forces_replacement: false }
}

fn of(key: &Key, home: &str, it: &Resource) -> PlannedResource {
    entry(key, home, Some(it.id.clone()), (&it.resource_type, &it.class, &it.shared), &it.pin, &it.care)
}

fn entry(
    key: &Key,
    home: &str,
    id: Option<ResourceId>,
    (resource_type, class, shared): (&Name, &Option<Name>, &Option<SharedId>),
    pin: &Pin,
    care: &Care,
) -> PlannedResource {
    PlannedResource {
        id,
        class: class.clone(),
        shared: shared.clone(),
        home: Some(home.to_owned()),
        care: care.clone(),
        ..PlannedResource::bare(key.clone(), resource_type.clone(), pin.clone(), PlannedAction::None)
    }
}
