//! What every store must do. A backend runs all of it with `conformance!`, each check as a test of its own.

pub mod concurrency;
pub mod documents;
pub mod drivers;
pub mod durability;
pub mod events;
pub mod holds;
pub mod journals;
pub mod observations;
pub mod operations;
pub mod orders;
pub mod pruning;
pub mod queue;
pub mod resources;
pub mod secrets;
pub mod sharing;
pub mod tallies;
pub mod tokens;

use std::sync::Arc;

use async_trait::async_trait;
use vend::domain::operation::Operation;
use vend::domain::order::Order;
use vend::domain::resource::Resource;
use vend::store::{Commit, Error, Paging, Site, Store, Write};

use crate::support::records::{Records, order_name};

/// A place for one store, empty at first. Its store can be dropped and opened again.
#[async_trait]
pub trait Home: Send + Sync {
    async fn open(&self) -> Arc<dyn Store>;
}

/// All checks, as tests in modules named by concern.
macro_rules! conformance {
    ($home:expr) => {
        conformance! { @tests $home;
            documents: reads_what_was_put, keeps_every_version, deletes_with_its_versions, lists_by_name;
            orders: reads_what_was_put, deletes_what_was_read, goes_with_its_last_resource, lists_by_filter;
            resources: reads_what_was_put, a_name_has_one_holder, deletes_with_secrets_and_keys, names_are_left_and_taken,
                lists_by_filter, tells_who_uses_what;
            sharing: an_id_has_one_holder, aliases_are_names_of_what_is_there, tells_what_refers_to_it_elsewhere;
            operations: reads_what_was_put, lists_newest_first, opens_are_those_that_are_not_terminal;
            queue: gives_what_is_due, gives_what_waits_when_the_clock_is_set_back, holds_back_later_generations, tells_when_next;
            holds: reads_what_was_put, an_order_takes_its_pause_along, what_is_held_is_not_due;
            observations: reads_what_was_put, goes_with_its_resource, tells_watchers_only_what_has_changed,
                a_change_of_the_resource_forgets_what_was_seen, gives_those_whose_turn_it_is,
                gives_those_that_have_drifted,
                a_type_says_when_all_of_it_is_looked_at;
            pruning: lists_what_has_ended, reduces_rows_in_their_places, takes_what_has_ended_with_all_that_is_its,
                takes_the_oldest_events;
            tallies: settles_the_parent, counts_without_an_event, survives_a_put_of_the_parent, needs_a_parent;
            journals: reads_in_order, a_place_is_written_once, belongs_to_an_operation;
            secrets: reads_what_was_put, lists_those_with_names, replaces_a_value;
            drivers: reads_what_was_put, deletes_with_the_component, lists_by_version;
            tokens: reads_by_hash, revokes, a_request_is_answered_once, audit_newest_first;
            events: one_for_each_put, deletes_tell_what_was, resume_behind_a_revision, refuse_what_is_not_there_yet;
            concurrency: conflicts_do_not_void_others, one_of_many_wins, revisions_have_no_gaps, a_commit_is_whole,
                keys_have_one_holder, acknowledged_is_visible;
            durability: reopens_with_everything, keeps_its_core_id, goes_on_counting;
        }
    };
    (@tests $home:expr; $($concern:ident: $($check:ident),+;)+) => {
        $(mod $concern {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                crate::store::conformance::$concern::$check(&$home).await;
            })+
        })+
    };
}

pub async fn put(store: &dyn Store, writes: Vec<Write>) {
    try_put(store, writes).await.expect("the commit is taken");
}

pub async fn try_put(store: &dyn Store, writes: Vec<Write>) -> Result<(), Error> {
    store.commit(Commit { writes, ..Commit::new(Site::Accept) }).await.map(drop)
}

#[track_caller]
pub fn assert_conflict(result: Result<(), Error>, record: &str) {
    match result {
        Err(Error::Conflict { record: told }) => assert!(told.contains(record), "{told} names {record}"),
        other => panic!("expected a conflict of {record}, got {other:?}"),
    }
}

pub fn pages_of(limit: u32) -> Paging {
    Paging { limit, after: None }
}

pub fn order(it: &Order) -> Write {
    Write::Order(Box::new(it.clone()))
}

pub fn resource(it: &Resource) -> Write {
    Write::Resource(Box::new(it.clone()))
}

pub fn operation(it: &Operation) -> Write {
    Write::Operation(Box::new(it.clone()))
}

/// An order in `shop/dev` with its operation, and one resource with one child for each key; stored.
pub struct Scene {
    pub order: Order,
    pub parent: Operation,
    pub resources: Vec<Resource>,
    pub children: Vec<Operation>,
}

pub async fn scene(store: &dyn Store, records: &Records, order_key: &str, keys: &[&str]) -> Scene {
    let mut it = records.order(&order_name("shop", "dev", order_key));
    let parent = records.operation(&it, u32::try_from(keys.len()).expect("a few"));
    it.operation = parent.id.clone();
    let resources: Vec<Resource> = keys.iter().map(|key| records.resource(&it, key)).collect();
    let children: Vec<Operation> = resources.iter().map(|it| records.child(&parent, it)).collect();
    let mut writes = vec![order(&it), operation(&parent)];
    writes.extend(resources.iter().map(resource));
    writes.extend(children.iter().map(operation));
    put(store, writes).await;
    Scene { order: it, parent, resources, children }
}
