//! Documents: put, kept by version, deleted, listed.

use vend::domain::document::{Document, Kind};
use vend::store::{Error, Paging, Write};

use super::{Home, assert_conflict, pages_of, put, try_put};
use crate::support::records::Records;

fn document(it: &Document) -> Write {
    Write::Document(Box::new(it.clone()))
}

fn next(records: &Records, it: &Document) -> Document {
    Document { version: it.version + 1, update_time: records.tick(), principal: "token:bob".into(), ..it.clone() }
}

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let all = [records.project("shop"), records.environment("shop", "dev"), records.connection("main-db")];
    put(&*store, all.iter().map(document).collect()).await;
    for it in &all {
        let found = store.document(it.manifest.kind(), &it.project, it.manifest.name().as_str()).await;
        assert_eq!(found.expect("read").as_ref(), Some(it));
    }
    assert_eq!(store.document(Kind::Environment, "other", "dev").await.expect("read"), None);
    assert_eq!(store.document(Kind::Recipe, "", "main-db").await.expect("read"), None);
}

pub async fn keeps_every_version(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let first = records.connection("main-db");
    let second = next(&records, &first);
    put(&*store, vec![document(&first)]).await;
    assert_conflict(try_put(&*store, vec![document(&first)]).await, "connections/main-db");
    put(&*store, vec![document(&second)]).await;
    assert_conflict(try_put(&*store, vec![document(&second)]).await, "connections/main-db");
    for (version, expected) in [(1, Some(&first)), (2, Some(&second)), (3, None)] {
        let found = store.document_at(Kind::Connection, "", "main-db", version).await.expect("read");
        assert_eq!(found.as_ref(), expected, "version {version}");
    }
    assert_eq!(store.document(Kind::Connection, "", "main-db").await.expect("read"), Some(second));
}

pub async fn deletes_with_its_versions(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let first = records.connection("main-db");
    let second = next(&records, &first);
    put(&*store, vec![document(&first)]).await;
    put(&*store, vec![document(&second)]).await;
    let delete = |version| Write::DeleteDocument {
        kind: Kind::Connection,
        project: String::new(),
        name: "main-db".into(),
        version,
        time: records.tick(),
    };
    assert_conflict(try_put(&*store, vec![delete(1)]).await, "main-db");
    put(&*store, vec![delete(2)]).await;
    assert_eq!(store.document(Kind::Connection, "", "main-db").await.expect("read"), None);
    assert_eq!(store.document_at(Kind::Connection, "", "main-db", 1).await.expect("read"), None);
    assert_conflict(try_put(&*store, vec![delete(2)]).await, "main-db");
    // A namesake begins anew.
    put(&*store, vec![document(&records.connection("main-db"))]).await;
}

pub async fn lists_by_name(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let mut writes: Vec<Write> = ["d", "a", "c", "b"].map(|name| document(&records.connection(name))).into();
    for (project, environment) in [("shop", "dev"), ("blog", "prod"), ("shop", "prod"), ("blog", "dev")] {
        writes.push(document(&records.environment(project, environment)));
    }
    put(&*store, writes).await;

    let mut paging = pages_of(3);
    let first = store.documents(Kind::Connection, None, &paging).await.expect("list");
    paging.after = first.next.clone();
    let second = store.documents(Kind::Connection, None, &paging).await.expect("list");
    let names = |items: &[Document]| items.iter().map(|it| it.manifest.name().to_string()).collect::<Vec<_>>();
    assert_eq!(
        (names(&first.items), names(&second.items)),
        (vec!["a".into(), "b".into(), "c".into()], vec!["d".into()])
    );
    assert!(first.next.is_some() && second.next.is_none());

    let full = |items: &[Document]| items.iter().map(|it| it.manifest.resource_name()).collect::<Vec<_>>();
    let all = store.documents(Kind::Environment, None, &Paging::all()).await.expect("list");
    assert_eq!(
        full(&all.items),
        ["blog/environments/dev", "blog/environments/prod", "shop/environments/dev", "shop/environments/prod"]
            .map(|name| format!("projects/{name}"))
    );
    let shop = store.documents(Kind::Environment, Some("shop"), &pages_of(1)).await.expect("list");
    assert_eq!(full(&shop.items), ["projects/shop/environments/dev"]);

    for token in ["!", "AAAA", "YWJj"] {
        let paging = vend::store::Paging { limit: 3, after: Some(token.into()) };
        let refused = store.documents(Kind::Environment, None, &paging).await;
        assert!(matches!(&refused, Err(Error::Damaged { what, .. }) if what == "page token"), "{token}: {refused:?}");
    }
}
