//! What is shared: one resource for each type, class and id of an environment, and the entries of other orders that it is.

use vend::domain::name::SharedId;
use vend::domain::resource::{Alias, Resource, ResourceState};
use vend::store::{Store, Write};

use super::{Home, assert_conflict, order, put, resource, scene, try_put};
use crate::support::records::{Records, name, order_name};

fn id(text: &str) -> SharedId {
    SharedId::new(text).expect("an id")
}

fn shared(it: &Resource, as_id: &str) -> Resource {
    Resource { shared: Some(id(as_id)), version: it.version + 1, ..it.clone() }
}

async fn found(store: &dyn Store, it: &Resource) -> Option<Resource> {
    let place = it.name.order.environment_name();
    store.shared(&place, &it.resource_type, it.class.as_ref(), &id("company.db")).await.expect("read")
}

pub async fn an_id_has_one_holder(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(41));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c"]).await;
    let [a, b, c] = &scene.resources[..] else { panic!("three resources") };
    assert_eq!(found(&*store, a).await, None);
    let first = shared(a, "company.db");
    put(&*store, vec![resource(&first)]).await;
    assert_eq!(found(&*store, a).await.as_ref(), Some(&first));
    assert_conflict(try_put(&*store, vec![resource(&shared(b, "company.db"))]).await, "resources/b");
    let new = Resource { shared: first.shared.clone(), ..records.resource(&scene.order, "d") };
    assert_conflict(try_put(&*store, vec![resource(&new)]).await, "resources/d");
    // Another class is another one, and so is another environment.
    let classy = Resource { class: Some(name("small")), ..shared(c, "company.db") };
    put(&*store, vec![resource(&classy)]).await;
    assert_eq!(found(&*store, &classy).await.as_ref(), Some(&classy));
    let elsewhere = records.order(&order_name("shop", "live", "checkout"));
    let there = Resource { shared: first.shared.clone(), ..records.resource(&elsewhere, "a") };
    put(&*store, vec![order(&elsewhere), resource(&there)]).await;
    assert_eq!(found(&*store, &there).await.as_ref(), Some(&there));
    // It is given back.
    put(&*store, vec![resource(&Resource { shared: None, version: 3, ..first })]).await;
    assert_eq!(found(&*store, a).await, None);
    put(&*store, vec![resource(&shared(b, "company.db"))]).await;
}

pub async fn aliases_are_names_of_what_is_there(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(42));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let [a, b] = &scene.resources[..] else { panic!("two resources") };
    let others = ["billing", "carts"].map(|it| records.order(&order_name("shop", "dev", it)));
    put(&*store, others.iter().map(order).collect()).await;
    let alias = |at: usize, key: &str, of: &Resource| Alias {
        name: others[at].name.resource(name(key)),
        resource: of.id.clone(),
    };
    let (first, second, third) = (alias(0, "z", a), alias(0, "m", b), alias(1, "a", a));
    put(&*store, [&third, &first, &second].map(|it| Write::Alias(it.clone())).into()).await;
    assert_eq!(store.aliases(&others[0].name).await.expect("read"), [second.clone(), first.clone()], "by key");
    assert_eq!(store.aliases(&scene.order.name).await.expect("read"), []);
    assert_eq!(store.aliases_of(&a.id, 10).await.expect("read"), [first.clone(), third.clone()], "by order");
    assert_eq!(store.aliases_of(&a.id, 1).await.expect("read"), std::slice::from_ref(&first));
    let count = store.count_resources(&others[0].name).await.expect("counted");
    assert_eq!(count, [(ResourceState::Pending, 2)], "each entry counts");

    assert_conflict(try_put(&*store, vec![Write::Alias(alias(0, "z", b))]).await, "billing/resources/z");
    let taken = Alias { name: a.name.clone(), resource: b.id.clone() };
    assert_conflict(try_put(&*store, vec![Write::Alias(taken)]).await, "checkout/resources/a");
    let of_nothing = alias(1, "b", &records.resource(&scene.order, "never"));
    assert_conflict(try_put(&*store, vec![Write::Alias(of_nothing)]).await, "carts/resources/b");

    let deleted = Write::DeleteResource { id: a.id.clone(), version: 1, time: records.tick() };
    assert_conflict(try_put(&*store, vec![deleted.clone()]).await, "resources/a");
    let other = Write::DropAlias(Alias { resource: b.id.clone(), ..first.clone() });
    assert_conflict(try_put(&*store, vec![other]).await, "billing/resources/z");
    put(&*store, [first.clone(), third].map(Write::DropAlias).into()).await;
    assert_conflict(try_put(&*store, vec![Write::DropAlias(first)]).await, "billing/resources/z");
    put(&*store, vec![deleted]).await;
    assert_eq!(store.aliases(&others[0].name).await.expect("read"), [second]);
}

pub async fn tells_what_refers_to_it_elsewhere(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(43));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let a = &scene.resources[0];
    let referring = |place: &str, of: &str, key: &str| {
        let order = records.order(&order_name("shop", place, of));
        let edges = vec![scene.resources[1].id.clone(), a.id.clone()];
        let it = Resource { edges, ..records.resource(&order, key) };
        (order, it)
    };
    // Of the order itself, and of another environment, are no concern of others.
    let own = Resource { edges: vec![a.id.clone()], version: 2, ..scene.resources[1].clone() };
    let mut writes = vec![resource(&own)];
    let all = [referring("dev", "carts", "y"), referring("dev", "billing", "x"), referring("live", "billing", "x")];
    for (of, it) in &all {
        writes.extend([order(of), resource(it)]);
    }
    put(&*store, writes).await;
    let [(_, y), (_, x), _] = &all;
    assert_eq!(store.referrers(a, 10).await.expect("read"), [x.clone(), y.clone()]);
    assert_eq!(store.referrers(a, 1).await.expect("read"), std::slice::from_ref(x));
    assert_eq!(store.referrers(x, 10).await.expect("read"), []);
}
