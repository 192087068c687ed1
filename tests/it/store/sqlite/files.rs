//! The data directory: whose it is, in which shape, and what is refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;
use vend::store::sqlite::FORMAT;
use vend::store::{Error, Store as _};

use super::{Directory, open};
use crate::store::conformance::{order, put, scene, try_put};
use crate::support::records::{Records, order_name};

fn refusal(directory: &Directory) -> String {
    match open(directory.path()) {
        Ok(_) => panic!("the directory must not open"),
        Err(error) => error.to_string(),
    }
}

fn database(directory: &Directory) -> Connection {
    Connection::open(directory.path().join("store.db")).expect("the database file")
}

#[test]
fn a_second_store_on_the_directory_is_refused() {
    let directory = Directory::new();
    let first = directory.open();
    let refusal = refusal(&directory);
    assert!(refusal.contains(&directory.path().display().to_string()), "{refusal}");
    assert!(refusal.contains("in use by another process"), "{refusal}");
    drop(first);
    directory.open();
}

#[test]
fn the_directory_is_its_owners_alone() {
    let outer = Directory::new();
    let made = outer.path().join("var").join("vend");
    drop(open(&made).expect("made with its parents"));
    let mode = |path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&made), 0o700);

    let exposed = Directory::new();
    fs::set_permissions(exposed.path(), Permissions::from_mode(0o755)).expect("ours");
    drop(exposed.open());
    assert_eq!(mode(&exposed.path().to_path_buf()), 0o700, "an empty one is made private");
    fs::set_permissions(exposed.path(), Permissions::from_mode(0o750)).expect("ours");
    let refusal = refusal(&exposed);
    assert!(refusal.contains("750") && refusal.contains("chmod 700"), "{refusal}");
}

#[test]
fn a_newer_format_is_refused() {
    let directory = Directory::new();
    drop(directory.open());
    let path = directory.path().join("format");
    assert_eq!(fs::read_to_string(&path).expect("is there"), format!("{FORMAT}\n"));
    fs::write(&path, format!("{}\n", FORMAT + 1)).expect("ours");
    let newer = refusal(&directory);
    assert!(newer.contains(&format!("format {}", FORMAT + 1)) && newer.contains(&format!("up to {FORMAT}")), "{newer}");
    fs::write(&path, "one\n").expect("ours");
    assert!(refusal(&directory).contains("holds no format number"));
}

#[test]
fn other_migrations_are_refused() {
    let directory = Directory::new();
    drop(directory.open());
    let set = |sql: &str| database(&directory).execute(sql, []).expect("the migration table");
    set("INSERT INTO migration (version, checksum, time) VALUES (999, 'ff', 0)");
    let newer = refusal(&directory);
    assert!(newer.contains("migrated to 999") && newer.contains("up to "), "{newer}");
    set("DELETE FROM migration WHERE version = 999");
    set("UPDATE migration SET checksum = 'ff' WHERE version = 1");
    assert!(refusal(&directory).contains("migration 1 was applied with another text"));
}

#[test]
fn every_start_takes_all_shards_in_the_next_epoch() {
    let directory = Directory::new();
    let shards = || {
        let sql =
            "SELECT count(*), min(epoch), max(epoch), count(DISTINCT owner), max(rev), min(lease_until) FROM shard";
        database(&directory)
            .query_row(sql, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, i64>(4)?]))
            .expect("the shards")
    };
    drop(directory.open());
    assert_eq!(shards(), [256, 1, 1, 1, 0]);
    drop(directory.open());
    assert_eq!(shards(), [256, 2, 2, 1, 0]);
}

/// Nobody can take a shard while the lock is held; the fence holds even so.
#[tokio::test]
async fn a_fenced_owner_writes_nothing() {
    let (directory, records) = (Directory::new(), Records::new(1));
    let store = directory.open();
    scene(&store, &records, "checkout", &["db"]).await;
    let shard = vend::domain::name::shard("shop");
    let raise = format!("UPDATE shard SET epoch = epoch + 1 WHERE id = {shard}");
    database(&directory).execute(&raise, []).expect("the shard");
    let it = records.order(&order_name("shop", "dev", "late"));
    let fenced = try_put(&store, vec![order(&it)]).await;
    assert!(matches!(fenced, Err(Error::Fenced { shard: id }) if id == shard), "{fenced:?}");
    assert_eq!(store.order(&it.name).await.expect("read"), None);
    assert_eq!(store.revision("shop").await.expect("read"), 4);
    put(&store, vec![order(&records.order(&order_name("blog", "dev", "posts")))]).await;
}

#[tokio::test]
async fn what_is_damaged_is_named() {
    let (directory, records) = (Directory::new(), Records::new(2));
    let store = directory.open();
    let scene = scene(&store, &records, "checkout", &["db"]).await;
    let cases = [
        ("UPDATE operation SET state = 'dreaming' WHERE parent IS NOT NULL", "state: unknown variant `dreaming`"),
        ("UPDATE operation SET state = 'queued', budget = '{' WHERE parent IS NOT NULL", "budget: "),
        (
            "UPDATE operation SET continuation = x'00' WHERE parent IS NOT NULL",
            "continuation: a sealed value of 1 bytes",
        ),
    ];
    for (sql, expected) in cases {
        database(&directory).execute(sql, []).expect("the operation");
        match store.operation(&scene.children[0].id).await {
            Err(Error::Damaged { what, detail }) => {
                assert!(what == "operation" && detail.starts_with(expected), "{what}: {detail}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}
