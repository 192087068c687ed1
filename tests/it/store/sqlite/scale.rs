//! A hundred thousand operations that wait for their turn: found page by page, whatever stands before them.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::time::Clock as _;
use vend::store::Store;

use super::Directory;
use crate::store::conformance::{operation, put, scene};
use crate::support::records::Records;

const MANY: usize = 100_000;
const PAGE: u32 = 500;

/// Rows like the one child there is, each of a resource of its own; `set` says what else is different.
fn multiply(directory: &Path, count: usize, prefix: char, set: &str) {
    let connection = Connection::open(directory.join("store.db")).expect("the database opens");
    let like = |table: &str, own: &[(&str, String)]| {
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .and_then(|mut it| it.query_map([], |row| row.get(0))?.collect())
            .expect("its columns");
        let value = |column: &String| {
            let own = own.iter().find(|(name, _)| name == column);
            own.map_or_else(|| format!("pattern.{column}"), |(_, value)| value.clone())
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let sql = format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
             INSERT INTO {table} ({}) SELECT {} FROM n, {table} AS pattern WHERE pattern.rowid = 1",
            columns.join(", "),
            values.join(", ")
        );
        connection.execute_batch(&sql).expect("rows are made");
    };
    let id = |kind: &str| format!("printf('{kind}_{prefix}%025d', n)");
    like("resource", &[("id", id("res")), ("key", format!("printf('{prefix}%d', n)"))]);
    // The child is the second row of its table.
    connection
        .execute_batch(
            "UPDATE operation SET rowid = 1000001 WHERE rowid = 1; UPDATE operation SET rowid = 1 WHERE rowid = 2",
        )
        .expect("moved");
    like("operation", &[("id", id("op")), ("resource", id("res"))]);
    connection
        .execute_batch(
            "UPDATE operation SET rowid = 2 WHERE rowid = 1; UPDATE operation SET rowid = 1 WHERE rowid = 1000001",
        )
        .expect("moved back");
    if !set.is_empty() {
        let sql = format!("UPDATE operation SET {set} WHERE id GLOB 'op_{prefix}0*'");
        connection.execute_batch(&sql).expect("rows are set");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_are_picked_up_page_by_page() {
    let (directory, records) = (Directory::new(), Records::new(1));
    scene(&directory.open(), &records, "checkout", &["db"]).await;
    multiply(directory.path(), MANY, '1', "");
    let now = records.clock.now();
    let begun = Instant::now();
    let store = directory.open();
    let (mut found, mut slowest) = (0, std::time::Duration::ZERO);
    loop {
        let asked = Instant::now();
        let page = store.due(now, PAGE).await.expect("scanned");
        slowest = slowest.max(asked.elapsed());
        assert!(page.len() <= PAGE as usize);
        if page.is_empty() {
            break;
        }
        found += page.len();
        let done = |it: Operation| Operation { state: OperationState::Succeeded, version: it.version + 1, ..it };
        put(&store, page.into_iter().map(|it| operation(&done(it))).collect()).await;
    }
    eprintln!("{found} operations in {:?}, a page of {PAGE} in at most {slowest:?}", begun.elapsed());
    assert_eq!(found, MANY + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_are_held_are_not_looked_at() {
    let (directory, records) = (Directory::new(), Records::new(2));
    scene(&directory.open(), &records, "checkout", &["db"]).await;
    multiply(directory.path(), MANY, '1', "held = 'pause:core', held_since = 1, state = 'waiting', due = 1");
    let store = directory.open();
    let now = records.clock.now();
    let asked = Instant::now();
    for _ in 0..100 {
        assert_eq!(store.due(now, 1).await.expect("scanned").len(), 1, "the one behind them");
    }
    eprintln!("{:?} for a look past {MANY} that are held", asked.elapsed() / 100);
    let asked = Instant::now();
    assert_eq!(store.next_held_key("").await.expect("read").as_deref(), Some("pause:core"));
    assert_eq!(store.next_held_key("pause:core").await.expect("read"), None);
    assert_eq!(store.held("pause:core", PAGE).await.expect("read").len(), PAGE as usize);
    eprintln!("{:?} for a page of them", asked.elapsed());
}

/// Behind an operation that needs a person its successor waits: also ten thousand such pairs leave room for others.
#[tokio::test(flavor = "multi_thread")]
async fn those_that_wait_for_an_earlier_one_do_not_stand_in_the_way() {
    const PAIRS: usize = 10_000;
    let (directory, records) = (Directory::new(), Records::new(3));
    let scene = scene(&directory.open(), &records, "checkout", &["db"]).await;
    multiply(directory.path(), PAIRS, '1', "state = 'needs-attention'");
    let connection = Connection::open(directory.path().join("store.db")).expect("the database opens");
    let columns: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info('operation')")
        .and_then(|mut it| it.query_map([], |row| row.get(0))?.collect())
        .expect("its columns");
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            "id" => "'op_2' || substr(id, 5)".into(),
            "generation" => "generation + 1".into(),
            "state" => "'queued'".into(),
            "due" => "1".into(),
            other => other.to_owned(),
        })
        .collect();
    let sql = format!(
        "INSERT INTO operation ({}) SELECT {} FROM operation WHERE id GLOB 'op_10*'",
        columns.join(", "),
        values.join(", ")
    );
    connection.execute_batch(&sql).expect("rows are made");
    drop(connection);
    let store = directory.open();
    let asked = Instant::now();
    let due = store.due(records.clock.now(), 8).await.expect("scanned");
    eprintln!("{:?} for a look past {PAIRS} that wait for an earlier one", asked.elapsed());
    assert_eq!(due, std::slice::from_ref(&scene.children[0]));
}
