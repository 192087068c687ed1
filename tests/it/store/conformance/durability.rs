//! Closed and opened again: all is as it was.

use vend::store::{Commit, Site, Write};

use super::{Home, order, put, scene};
use crate::support::records::{Records, order_name};

pub async fn reopens_with_everything(home: &impl Home) {
    let records = Records::new(1);
    let store = home.open().await;
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let it = &scene.resources[0];
    let (secret, key) = (records.resource_secret(it, "password"), records.natural_key(it, "shop_db"));
    let (driver, token) = (records.driver("postgres", "0.1.0"), records.token("anna"));
    let (row, request) = (records.journal(&scene.children[0], 0, 0, 0), records.request(&scene.parent, "r-1"));
    let (document, audit) = (records.environment("shop", "dev"), records.audit("shop", "orders.apply"));
    let writes = vec![
        Write::Document(Box::new(document.clone())),
        Write::Secret(Box::new(secret.clone())),
        Write::ReserveKey(key),
        Write::Driver(Box::new(driver.clone())),
        Write::Component { digest: driver.digest.clone(), bytes: vec![1, 2, 3] },
        Write::Token(token.clone()),
        Write::Journal(row.clone()),
        Write::Request(request.clone()),
    ];
    store.commit(Commit { site: Site::Accept, writes, audit: vec![audit.clone()] }).await.expect("taken");
    let events = store.events("shop", 0, 100).await.expect("read");
    drop(store);

    let store = home.open().await;
    assert_eq!(store.order(&scene.order.name).await.expect("read"), Some(scene.order.clone()));
    assert_eq!(store.resource(&it.id).await.expect("read").as_ref(), Some(it));
    assert_eq!(store.operation(&scene.parent.id).await.expect("read"), Some(scene.parent.clone()));
    assert_eq!(store.due(scene.children[0].due, 9).await.expect("read"), scene.children);
    assert_eq!(store.secret(&secret.key).await.expect("read"), Some(secret));
    assert_eq!(store.drivers().await.expect("read"), std::slice::from_ref(&driver));
    assert_eq!(store.component(&driver.digest).await.expect("read"), Some(vec![1, 2, 3]));
    assert_eq!(store.token(&token.hash).await.expect("read"), Some(token));
    assert_eq!(store.journal(&row.operation).await.expect("read"), [row]);
    assert_eq!(store.request("shop", "r-1").await.expect("read"), Some(request));
    assert_eq!(store.document(document.manifest.kind(), "shop", "dev").await.expect("read"), Some(document));
    assert_eq!(store.audit(Some("shop"), &vend::store::Paging::all()).await.expect("read").items, [audit]);
    assert_eq!(store.events("shop", 0, 100).await.expect("read"), events);
}

pub async fn keeps_its_core_id(home: &impl Home) {
    let store = home.open().await;
    let core_id = store.core_id().clone();
    drop(store);
    assert_eq!(home.open().await.core_id(), &core_id);
}

pub async fn goes_on_counting(home: &impl Home) {
    let records = Records::new(2);
    for round in 1..=3 {
        let store = home.open().await;
        put(&*store, vec![order(&records.order(&order_name("shop", "dev", &format!("order-{round}"))))]).await;
        assert_eq!(store.revision("shop").await.expect("read"), round);
    }
}
