//! Journals: in order, written once, of operations that exist.

use vend::store::{JournalRow, Write};

use super::{Home, assert_conflict, put, scene, try_put};
use crate::support::records::Records;

pub async fn reads_in_order(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["db", "cache"]).await;
    let [db, cache] = &scene.children[..] else { panic!("two children") };
    let mut rows: Vec<JournalRow> = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 0, 2), (1, 0, 10)]
        .map(|(s, a, p)| records.journal(db, s, a, p))
        .into();
    rows.reverse();
    put(&*store, rows.iter().cloned().map(Write::Journal).collect()).await;
    let other = records.journal(cache, 0, 0, 0);
    put(&*store, vec![Write::Journal(other.clone())]).await;
    rows.reverse();
    assert_eq!(store.journal(&db.id).await.expect("read"), rows);
    assert_eq!(store.journal(&cache.id).await.expect("read"), [other]);
    assert_eq!(store.journal(&scene.parent.id).await.expect("read"), []);
}

pub async fn a_place_is_written_once(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let row = records.journal(&scene.children[0], 0, 0, 0);
    put(&*store, vec![Write::Journal(row.clone())]).await;
    let second = records.journal(&scene.children[0], 0, 0, 0);
    assert_conflict(try_put(&*store, vec![Write::Journal(second)]).await, row.operation.as_str());
    assert_eq!(store.journal(&row.operation).await.expect("read"), [row]);
}

pub async fn belongs_to_an_operation(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let unknown = records.child(&scene.parent, &scene.resources[0]);
    let row = records.journal(&unknown, 0, 0, 0);
    try_put(&*store, vec![Write::Journal(row)]).await.expect_err("of no operation");
    // The store goes on.
    put(&*store, vec![Write::Journal(records.journal(&scene.children[0], 0, 0, 0))]).await;
}
