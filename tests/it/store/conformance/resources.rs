//! Resources: put, deleted with what is theirs, listed, and who uses what.

use vend::domain::care::{Care, OnRemove};
use vend::domain::document::Kind;
use vend::domain::id::ResourceId;
use vend::domain::reason::Reason;
use vend::domain::resource::{Pin, Resource, ResourceState};
use vend::store::{Filter, Move, Paging, Write};

use super::{Home, assert_conflict, order, pages_of, put, resource, scene, try_put};
use crate::support::records::{DIGEST, Records, name, order_name};

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let it = records.order(&order_name("shop", "dev", "checkout"));
    let bare = records.resource(&it, "db");
    put(&*store, vec![order(&it), resource(&bare)]).await;
    assert_eq!(store.resource(&bare.id).await.expect("read"), Some(bare.clone()));

    let full = Resource {
        class: Some(name("small")),
        generation: 4,
        observed_generation: 3,
        desired: records.sealed("more"),
        care: Care { protect: true, on_remove: OnRemove::Retain, observe_only: true, adopted: Some("db-1".into()) },
        edges: vec![ResourceId::new(records.tick(), &records.chance)],
        ties: vec![ResourceId::new(records.tick(), &records.chance)],
        incarnation: 3,
        object: Some(records.object(3)),
        former: Some(records.object(2)),
        state: ResourceState::AttentionRequired,
        reason: Some(Reason::OutcomeUnknown),
        message: "the answer was lost".into(),
        version: 2,
        update_time: records.tick(),
        ..bare.clone()
    };
    put(&*store, vec![resource(&full)]).await;
    assert_eq!(store.resource(&bare.id).await.expect("read"), Some(full.clone()));
    assert_conflict(try_put(&*store, vec![resource(&full)]).await, "resources/db");

    // What was there may go again.
    let bare = Resource { version: 3, ..bare };
    put(&*store, vec![resource(&bare)]).await;
    assert_eq!(store.resource(&bare.id).await.expect("read"), Some(bare));
}

pub async fn a_name_has_one_holder(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let it = records.order(&order_name("shop", "dev", "checkout"));
    put(&*store, vec![resource(&records.resource(&it, "db"))]).await;
    assert_conflict(try_put(&*store, vec![resource(&records.resource(&it, "db"))]).await, "resources/db");
}

pub async fn deletes_with_secrets_and_keys(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["db", "cache"]).await;
    let [db, cache] = &scene.resources[..] else { panic!("two resources") };
    let (secret, other) = (records.resource_secret(db, "password"), records.resource_secret(cache, "password"));
    let mut writes: Vec<Write> = [&secret, &other].map(|it| Write::Secret(Box::new(it.clone()))).into();
    writes.push(Write::ReserveKey(records.natural_key(db, "shop_db")));
    put(&*store, writes).await;

    let delete = |version| Write::DeleteResource { id: db.id.clone(), version, time: records.tick() };
    assert_conflict(try_put(&*store, vec![delete(2)]).await, "resources/db");
    assert_eq!(store.secret(&secret.key).await.expect("read"), Some(secret.clone()));
    put(&*store, vec![delete(1)]).await;
    assert_eq!(store.resource(&db.id).await.expect("read"), None);
    assert_eq!(store.secret(&secret.key).await.expect("read"), None);
    assert_eq!(store.resource_secrets(&db.id).await.expect("read"), []);
    assert_eq!(store.resource_secrets(&cache.id).await.expect("read"), [other]);
    put(&*store, vec![Write::ReserveKey(records.natural_key(cache, "shop_db"))]).await;
    assert_conflict(try_put(&*store, vec![delete(1)]).await, db.id.as_str());
}

pub async fn lists_by_filter(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    scene(&*store, &records, "b", &["x", "a"]).await;
    scene(&*store, &records, "a", &["z", "y"]).await;
    let filter = |order: Option<&str>| Filter {
        project: Some("shop".into()),
        environment: Some("dev".into()),
        order: order.map(Into::into),
        ..Filter::default()
    };
    let keys = |items: &[Resource]| -> Vec<String> {
        items.iter().map(|it| format!("{}/{}", it.name.order.order, it.name.key)).collect()
    };
    let all = store.resources(&filter(None), &Paging::all()).await.expect("list");
    assert_eq!(keys(&all.items), ["a/y", "a/z", "b/a", "b/x"]);
    let one = store.resources(&filter(Some("b")), &Paging::all()).await.expect("list");
    assert_eq!(keys(&one.items), ["b/a", "b/x"]);
    let first = store.resources(&filter(None), &pages_of(3)).await.expect("list");
    let rest = Paging { limit: 3, after: first.next };
    assert_eq!(keys(&store.resources(&filter(None), &rest).await.expect("list").items), ["b/x"]);
    let typed = |name: &str| Filter { resource_type: Some(name.into()), ..filter(None) };
    assert_eq!(store.resources(&typed("postgres-database"), &Paging::all()).await.expect("list").items.len(), 4);
    assert_eq!(store.resources(&typed("dns-record"), &Paging::all()).await.expect("list").items, []);
    let labels = [("tier".to_owned(), "a".to_owned())].into();
    let labelled = Filter { labels, ..Filter::default() };
    assert_eq!(keys(&store.resources(&labelled, &Paging::all()).await.expect("list").items), ["a/y", "a/z"]);
}

pub async fn tells_who_uses_what(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(5));
    scene(&*store, &records, "checkout", &["a", "b", "c", "d", "e", "f"]).await;
    let it = records.order(&order_name("blog", "dev", "posts"));
    let mut other = records.resource(&it, "db");
    other.pin = Pin { recipe: name("own-postgres"), driver_digest: "sha256:cc".into(), ..other.pin };
    put(&*store, vec![resource(&other)]).await;

    let users = |kind, name| {
        let store = store.clone();
        async move { store.users(kind, name).await.expect("counted") }
    };
    let (count, names) = users(Kind::Recipe, "shared-postgres").await;
    assert_eq!((count, names.len()), (6, 5));
    assert_eq!(names[0], "projects/shop/environments/dev/orders/checkout/resources/a");
    let own = vec!["projects/blog/environments/dev/orders/posts/resources/db".to_owned()];
    assert_eq!(users(Kind::Recipe, "own-postgres").await, (1, own.clone()));
    assert_eq!(store.driver_users("sha256:cc").await.expect("counted"), (1, own));
    assert_eq!(store.driver_users(DIGEST).await.expect("counted").0, 6);
    assert_eq!(users(Kind::Connection, "main-db").await.0, 7);
    assert_eq!(users(Kind::Connection, "server").await, (0, vec![]), "a slot is no connection");
    assert_eq!(users(Kind::ResourceType, "postgres-database").await.0, 7);
    assert_eq!(users(Kind::ResourceType, "dns-record").await, (0, vec![]));

    let pinned = |kind, name, limit| {
        let store = store.clone();
        async move {
            let pinned = store.pinned(kind, name, limit).await.expect("counted");
            pinned.into_iter().map(|it| (it.recipe.to_string(), it.count)).collect::<Vec<_>>()
        }
    };
    let (shared, own) = (("shared-postgres".to_owned(), 6), ("own-postgres".to_owned(), 1));
    assert_eq!(pinned(Kind::Connection, "main-db", 1).await, std::slice::from_ref(&shared));
    assert_eq!(pinned(Kind::Connection, "main-db", 10).await, [shared, own.clone()]);
    assert_eq!(pinned(Kind::Recipe, "own-postgres", 10).await, [own]);
    assert_eq!(pinned(Kind::ResourceType, "dns-record", 10).await, []);
    assert_eq!(
        store.pinned(Kind::Recipe, "shared-postgres", 10).await.expect("counted")[0].revision,
        other.pin.recipe_revision
    );
}

/// One takes the name that another leaves in the same commit; keys tell the new holder.
pub async fn names_are_left_and_taken(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(9));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let other = records.order(&order_name("shop", "dev", "other"));
    put(&*store, vec![order(&other)]).await;
    let moved = |at: usize, to: &vend::domain::order::Order, key: &str| Move {
        id: scene.resources[at].id.clone(),
        version: 1,
        name: to.name.resource(name(key)),
        order: to.id.clone(),
    };
    let taken = Write::Rename(vec![moved(0, &scene.order, "b")]);
    assert_conflict(try_put(&*store, vec![taken]).await, "resources/b");
    let stale = Write::Rename(vec![Move { version: 2, ..moved(0, &scene.order, "c") }]);
    assert_conflict(try_put(&*store, vec![stale]).await, "resources/c");
    let moves = vec![moved(1, &other, "b"), moved(0, &scene.order, "b")];
    let renamed = |at: usize, to: &vend::domain::order::Order| Resource {
        name: to.name.resource(name("b")),
        order: to.id.clone(),
        version: 2,
        ..scene.resources[at].clone()
    };
    let (first, second) = (renamed(0, &scene.order), renamed(1, &other));
    put(&*store, vec![Write::Rename(moves), resource(&first), resource(&second)]).await;
    assert_eq!(store.resource(&first.id).await.expect("read"), Some(first));
    assert_eq!(store.resource(&second.id).await.expect("read"), Some(second));
}
