//! What is on record of an entry of an order, and what is being done to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::domain::id::ResourceId;
use crate::domain::name::{Key, OrderName};
use crate::domain::operation::Operation;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Resource, Wiring};
use crate::store::{Filter, Paging};

use super::graph::outputs::Known;
use super::keep::grace;
use super::overtake::{gives_way, has_handed_over};
use super::plan::Existing;
use super::{Engine, Error};

impl Engine {
    pub(super) async fn existing(&self, order: &OrderName) -> Result<BTreeMap<Key, Resource>, Error> {
        let filter = Filter {
            project: Some(order.project.to_string()),
            environment: Some(order.environment.to_string()),
            order: Some(order.order.to_string()),
            ..Filter::default()
        };
        let resources = self.store.resources(&filter, &Paging::all()).await?.items;
        Ok(resources.into_iter().map(|it| (it.name.key.clone(), it)).collect())
    }

    pub(super) async fn on_record(
        &self,
        existing: &Resource,
        desired: &Desired,
        others: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<Existing, Error> {
        let sealer = self.sealer_of(existing);
        let on_record: Desired = sealer.open_desired(&existing.id, &existing.desired)?;
        let open = self.store.open_operations(&existing.id).await?;
        if let Some(deletion) = open.iter().find(|it| it.verb.removes()) {
            let message = format!("`{}` is being deleted", existing.name.key);
            let hint = match grace::is_kept(deletion) {
                true => format!("it is kept until {}: `vend cancel {}`, then apply again", deletion.due, deletion.id),
                false => "wait until it is gone, then apply again".to_owned(),
            };
            return Err(Refusal::new(Reason::ConcurrentOperation, message).hint(hint).into());
        }
        // What was made of others as they were, or may be at any moment, does not serve when these change.
        let serves = on_record.asks_the_same(desired) && !others.values().any(|other| other.renewed);
        Ok(Existing {
            under_way: serves && open.iter().any(comes_about),
            // Nobody waits any more for one that has handed over.
            followed: open.last().is_some_and(|it| gives_way(it) && !has_handed_over(it)),
            rewired: on_record.wiring.as_ref().map(Wired::of) != desired.wiring.as_ref().map(Wired::of),
            complete: existing.object.as_ref().is_some_and(|object| object.complete),
            resource: existing.clone(),
        })
    }
}

/// Nobody has asked it to end, and nothing that it waited for has failed.
fn comes_about(open: &Operation) -> bool {
    open.state.is_runnable() && !open.cancel_requested && open.broken_by.is_none()
}

/// What of the wiring is on record, whatever stands behind it at the moment.
#[derive(PartialEq)]
struct Wired<'a>(&'a Value, &'a BTreeMap<Key, ResourceId>, &'a [ResourceId]);

impl<'a> Wired<'a> {
    fn of(wiring: &'a Wiring) -> Self {
        Self(&wiring.written, &wiring.needs, &wiring.wholes)
    }
}
