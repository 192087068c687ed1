//! Orders: put, deleted, listed.

use std::collections::BTreeMap;

use vend::domain::event::{Change, Subject};
use vend::domain::id::OrderId;
use vend::domain::order::Order;
use vend::store::{Filter, Paging, Write};

use super::{Home, assert_conflict, order, pages_of, put, scene, try_put};
use crate::support::records::{Records, order_name};

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let first = records.order(&order_name("shop", "dev", "checkout"));
    put(&*store, vec![order(&first)]).await;
    assert_eq!(store.order(&first.name).await.expect("read"), Some(first.clone()));
    assert_eq!(store.order(&order_name("shop", "prod", "checkout")).await.expect("read"), None);
    assert_conflict(try_put(&*store, vec![order(&first)]).await, "orders/checkout");

    let second = Order {
        version: 2,
        generation: 2,
        deleting: true,
        labels: BTreeMap::new(),
        manifest: records.sealed("another"),
        operation: vend::domain::id::OperationId::new(records.tick(), &records.chance),
        principal: "token:bob".into(),
        source: "https://git.example.com/shop.git//checkout.yaml".into(),
        update_time: records.tick(),
        ..first
    };
    put(&*store, vec![order(&second)]).await;
    assert_eq!(store.order(&second.name).await.expect("read"), Some(second.clone()));
    assert_conflict(try_put(&*store, vec![order(&Order { version: 4, ..second })]).await, "orders/checkout");
}

pub async fn deletes_what_was_read(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let it = records.order(&order_name("shop", "dev", "checkout"));
    put(&*store, vec![order(&it)]).await;
    let other = OrderId::new(records.tick(), &records.chance);
    let delete = |id: &OrderId, version| Write::DeleteOrder {
        name: it.name.clone(),
        id: id.clone(),
        version,
        time: records.tick(),
    };
    assert_conflict(try_put(&*store, vec![delete(&other, 1)]).await, "orders/checkout");
    assert_conflict(try_put(&*store, vec![delete(&it.id, 2)]).await, "orders/checkout");
    put(&*store, vec![delete(&it.id, 1)]).await;
    assert_eq!(store.order(&it.name).await.expect("read"), None);
    assert_conflict(try_put(&*store, vec![delete(&it.id, 1)]).await, "orders/checkout");
}

/// An order that is being deleted goes with the last of its resources, in that very commit.
pub async fn goes_with_its_last_resource(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let scene = scene(&*store, &records, "checkout", &["db", "cache"]).await;
    let sweep = || Write::SweepOrder { name: scene.order.name.clone(), time: records.tick() };
    let delete = |at: usize| {
        let id = scene.resources[at].id.clone();
        vec![Write::DeleteResource { id, version: 1, time: records.tick() }, sweep()]
    };
    let there = || async { store.order(&scene.order.name).await.expect("read").is_some() };
    put(&*store, delete(0)).await;
    let deleting = Order { deleting: true, version: 2, ..scene.order.clone() };
    put(&*store, vec![order(&deleting), sweep()]).await;
    assert!(there().await, "one resource is left");
    let before = store.revision("shop").await.expect("read");
    put(&*store, delete(1)).await;
    assert!(!there().await);
    let (events, _) = store.events("shop", before, 10).await.expect("read");
    let told: Vec<_> = events.iter().map(|it| (it.event.subject, it.event.change)).collect();
    assert_eq!(told, [(Subject::Resource, Change::Deleted), (Subject::Order, Change::Deleted)]);
    put(&*store, vec![sweep()]).await;
    assert_eq!(store.revision("shop").await.expect("read"), before + 2, "a second sweep finds nothing");

    let kept = records.order(&order_name("shop", "dev", "kept"));
    let name = kept.name.clone();
    put(&*store, vec![order(&kept), Write::SweepOrder { name, time: records.tick() }]).await;
    assert_eq!(store.order(&kept.name).await.expect("read"), Some(kept), "nobody is deleting it");
}

pub async fn lists_by_filter(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let names = [("shop", "dev", "b"), ("shop", "dev", "a"), ("shop", "prod", "a"), ("blog", "dev", "a")];
    put(&*store, names.iter().map(|(p, e, o)| order(&records.order(&order_name(p, e, o)))).collect()).await;
    let filter = |project: Option<&str>, environment: Option<&str>| Filter {
        project: project.map(Into::into),
        environment: environment.map(Into::into),
        ..Filter::default()
    };
    let label = |key: &str, value: &str| Filter {
        labels: BTreeMap::from([("team".into(), "checkout".into()), (key.into(), value.into())]),
        ..Filter::default()
    };
    let cases = [
        (filter(None, None), vec!["blog/dev/a", "shop/dev/a", "shop/dev/b", "shop/prod/a"]),
        (filter(Some("shop"), None), vec!["shop/dev/a", "shop/dev/b", "shop/prod/a"]),
        (filter(Some("shop"), Some("dev")), vec!["shop/dev/a", "shop/dev/b"]),
        (filter(Some("none"), None), vec![]),
        (label("tier", "b"), vec!["shop/dev/b"]),
        (label("tier", "c"), vec![]),
        (label("a\"b'c", "b"), vec![]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(short(&store.orders(&filter, &Paging::all()).await.expect("list").items), expected, "{filter:?}");
        // The same in pages of one.
        let (mut paging, mut found) = (pages_of(1), Vec::new());
        loop {
            let page = store.orders(&filter, &paging).await.expect("list");
            found.extend(short(&page.items));
            paging.after = page.next;
            if paging.after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?} in pages");
    }
}

fn short(orders: &[Order]) -> Vec<String> {
    let short = |it: &Order| format!("{}/{}/{}", it.name.project, it.name.environment, it.name.order);
    orders.iter().map(short).collect()
}
