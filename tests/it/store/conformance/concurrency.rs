//! Many at once: conflicts stay with whom they concern, and the sequence has no gaps.

use futures::future::join_all;
use vend::domain::operation::Operation;
use vend::domain::order::Order;
use vend::store::{Error, Paging, Write};

use super::{Home, operation, order, put, resource, scene, try_put};
use crate::support::records::{Records, order_name};

pub async fn conflicts_do_not_void_others(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let taken = records.order(&order_name("shop", "dev", "taken"));
    put(&*store, vec![order(&taken)]).await;
    let orders: Vec<Order> = (0..60)
        .map(|i| match i % 3 {
            0 => records.order(&taken.name),
            _ => records.order(&order_name("shop", "dev", &format!("order-{i}"))),
        })
        .collect();
    let results = join_all(orders.iter().map(|it| try_put(&*store, vec![order(it)]))).await;
    for (it, result) in orders.iter().zip(results) {
        match it.name == taken.name {
            true => assert!(matches!(result, Err(Error::Conflict { .. })), "{result:?}"),
            false => assert_eq!(store.order(&it.name).await.expect("read").as_ref(), Some(it)),
        }
    }
    assert_eq!(store.order(&taken.name).await.expect("read"), Some(taken));
    assert_eq!(store.revision("shop").await.expect("read"), 41);
}

/// Everybody reads version 1 and puts version 2: one of them does.
pub async fn one_of_many_wins(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let puts = (0..32).map(|i| {
        let status = format!("writer {i}");
        let mine = Operation { status: status.clone(), version: 2, ..scene.children[0].clone() };
        let store = &store;
        async move { try_put(&**store, vec![operation(&mine)]).await.is_ok().then_some(status) }
    });
    let winners: Vec<String> = join_all(puts).await.into_iter().flatten().collect();
    let stored = store.operation(&scene.children[0].id).await.expect("read").expect("is there");
    assert_eq!(winners, [stored.status]);
}

pub async fn revisions_have_no_gaps(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let taken = records.order(&order_name("shop", "dev", "taken"));
    put(&*store, vec![order(&taken)]).await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let names = (0..25).map(|i| records.order(&order_name("shop", "dev", &format!("o-{task}-{i}"))));
            let (orders, store) = (names.collect::<Vec<_>>(), store.clone());
            let conflict = records.order(&taken.name);
            tokio::spawn(async move {
                for it in &orders {
                    put(&*store, vec![order(it)]).await;
                    try_put(&*store, vec![order(&conflict)]).await.expect_err("taken");
                }
            })
        })
        .collect();
    // A watcher beside them sees each revision once and in order, whenever it looks.
    let (mut after, mut finished) = (0, false);
    loop {
        let (events, until) = store.events("shop", after, 10).await.expect("read");
        for it in &events {
            assert_eq!(it.revision, after + 1);
            after = it.revision;
        }
        assert_eq!(after, until, "the shard holds nobody else's events");
        if finished && events.is_empty() {
            break;
        }
        finished = tasks.iter().all(|task| task.is_finished());
    }
    for task in join_all(tasks).await {
        task.expect("no writer panicked");
    }
    assert_eq!(after, 201);
    assert_eq!(store.revision("shop").await.expect("read"), 201);
}

pub async fn a_commit_is_whole(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let before = store.revision("shop").await.expect("read");
    let other = records.order(&order_name("shop", "dev", "other"));
    let another = records.resource(&other, "db");
    let writes = vec![
        order(&other),
        resource(&another),
        Write::Secret(Box::new(records.resource_secret(&another, "password"))),
        Write::ReserveKey(records.natural_key(&another, "other_db")),
        operation(&Operation { version: 7, ..scene.children[0].clone() }),
    ];
    try_put(&*store, writes).await.expect_err("the last write conflicts");
    assert_eq!(store.order(&other.name).await.expect("read"), None);
    assert_eq!(store.resource(&another.id).await.expect("read"), None);
    assert_eq!(store.resource_secrets(&another.id).await.expect("read"), []);
    assert_eq!(store.revision("shop").await.expect("read"), before);
    put(&*store, vec![Write::ReserveKey(records.natural_key(&scene.resources[0], "other_db"))]).await;
}

pub async fn keys_have_one_holder(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(5));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c", "d"]).await;
    let reserve = |it| vec![Write::ReserveKey(records.natural_key(it, "shop_db"))];
    let results = join_all(scene.resources.iter().map(|it| try_put(&*store, reserve(it)))).await;
    let winner = results.iter().position(Result::is_ok).expect("one got it");
    let holder = &scene.resources[winner];
    for (at, result) in results.into_iter().enumerate() {
        match result {
            Ok(()) => assert_eq!(at, winner),
            Err(Error::KeyTaken { family, key, holder: told }) => {
                assert_eq!((family.as_str(), key.as_str(), told), ("database", "shop_db", holder.name.to_string()));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    put(&*store, reserve(holder)).await;
    put(&*store, vec![Write::ReleaseKeys { resource: holder.id.clone() }]).await;
    put(&*store, reserve(&scene.resources[(winner + 1) % 4])).await;
    try_put(&*store, reserve(holder)).await.expect_err("another's now");
}

/// Whoever is told that a commit is done finds it, and is woken for it.
pub async fn acknowledged_is_visible(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(6));
    let mut changes = store.changes();
    changes.mark_unchanged();
    for i in 0..50 {
        let it = records.order(&order_name("shop", "dev", &format!("order-{i}")));
        put(&*store, vec![order(&it)]).await;
        assert_eq!(store.order(&it.name).await.expect("read"), Some(it));
    }
    changes.changed().await.expect("woken");
    let all = store.orders(&Default::default(), &Paging::all()).await.expect("list");
    assert_eq!(all.items.len(), 50);
}
