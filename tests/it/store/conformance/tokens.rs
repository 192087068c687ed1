//! Who called before: tokens, requests, audit.

use vend::domain::event::Audit;
use vend::store::{Commit, Paging, Site, Token, Write};

use super::{Home, assert_conflict, operation, pages_of, put, scene, try_put};
use crate::support::records::Records;

pub async fn reads_by_hash(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let (anna, bob) = (records.token("anna"), Token { expire_time: None, ..records.token("bob") });
    put(&*store, vec![Write::Token(anna.clone()), Write::Token(bob.clone())]).await;
    assert_eq!(store.token("hash of anna").await.expect("read"), Some(anna));
    assert_eq!(store.token("hash of bob").await.expect("read"), Some(bob));
    assert_eq!(store.token("hash of nobody").await.expect("read"), None);
}

pub async fn revokes(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let token = records.token("anna");
    put(&*store, vec![Write::Token(token.clone())]).await;
    let revoked = Token { revoked: true, ..token };
    put(&*store, vec![Write::Token(revoked.clone())]).await;
    assert_eq!(store.token("hash of anna").await.expect("read"), Some(revoked));
}

pub async fn a_request_is_answered_once(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let request = records.request(&scene.parent, "r-1");
    put(&*store, vec![Write::Request(request.clone())]).await;
    assert_eq!(store.request("shop", "r-1").await.expect("read"), Some(request.clone()));
    assert_eq!(store.request("blog", "r-1").await.expect("read"), None);
    // The second with this id makes nothing.
    let other = records.operation(&scene.order, 1);
    let writes = vec![operation(&other), Write::Request(records.request(&other, "r-1"))];
    assert_conflict(try_put(&*store, writes).await, "r-1");
    assert_eq!(store.operation(&other.id).await.expect("read"), None);
    assert_eq!(store.request("shop", "r-1").await.expect("read"), Some(request));
}

pub async fn audit_newest_first(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let all: Vec<Audit> =
        ["shop", "blog", "shop"].iter().map(|project| records.audit(project, "orders.apply")).collect();
    for it in &all {
        store.commit(Commit { audit: vec![it.clone()], ..Commit::new(Site::Audit) }).await.expect("written");
    }
    let first = store.audit(None, &pages_of(2)).await.expect("list");
    assert_eq!(first.items, [all[2].clone(), all[1].clone()]);
    let rest = store.audit(None, &Paging { limit: 2, after: first.next }).await.expect("list");
    assert_eq!((rest.items, rest.next), (vec![all[0].clone()], None));
    let shop = store.audit(Some("shop"), &Paging::all()).await.expect("list");
    assert_eq!(shop.items, [all[2].clone(), all[0].clone()]);
}
