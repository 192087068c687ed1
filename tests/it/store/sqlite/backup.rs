//! Copies of a store that is written to, and stores made of them.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::Connection;
use vend::domain::hold::Cause;
use vend::domain::suspect::{Finding, Restored, Suspect};
use vend::domain::time::{Clock as _, Timestamp};
use vend::store::backup::{self, Copy, Manifest};
use vend::store::sqlite::{Error, Sqlite, restore};
use vend::store::{Error as StoreError, Filter, Paging, Store, Write};

use super::Directory;
use crate::store::conformance::{assert_conflict, order, put, scene, try_put};
use crate::support::chance::Chance;
use crate::support::clock::Manual;
use crate::support::records::{Records, order_name};

fn written(store: &Sqlite, mut copy: Copy, to: &Path) -> PathBuf {
    let mut database = Vec::new();
    copy.file.read_to_end(&mut database).expect("read");
    let manifest = Manifest {
        vend: "0.1.0".into(),
        core_id: store.core_id().clone(),
        incarnation: store.restored().map_or(1, |it| it.incarnation),
        time: Timestamp::from_ms(5_000),
        schema: copy.schema,
        revisions: copy.revisions,
        size: copy.size,
        sha256: copy.sha256,
        key_check: String::new(),
    };
    file(&manifest, &database, to)
}

fn file(manifest: &Manifest, database: &[u8], to: &Path) -> PathBuf {
    let path = to.join("a.backup");
    fs::write(&path, [&manifest.head(), database].concat()).expect("written");
    path
}

fn restored(backup: &Path, directory: &Directory) -> Result<Restored, Error> {
    let clock = Manual::new();
    clock.advance_ms(1_000_000);
    restore(backup::open(backup).expect("a backup"), directory.path(), &|| Ok(()), &clock, &Chance::new(7))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_of_one_moment_while_commits_go_on() {
    let (directory, elsewhere) = (Directory::new(), tempfile::tempdir().expect("a folder"));
    let store = Arc::new(directory.open());
    let records = Arc::new(Records::new(1));
    let name = order_name("shop", "dev", "first");
    put(&*store, vec![order(&records.order(&name))]).await;
    let writing = {
        let (store, records) = (Arc::clone(&store), Arc::clone(&records));
        tokio::spawn(async move {
            for n in 0..400 {
                let pair = ["a", "b"].map(|half| order_name("shop", "dev", &format!("{half}-{n}")));
                put(&*store, pair.iter().map(|name| order(&records.order(name))).collect()).await;
            }
        })
    };
    let mut copies = Vec::new();
    while !writing.is_finished() && copies.len() < 20 {
        copies.push(store.copy().await.expect("copied"));
    }
    writing.await.expect("written");
    copies.push(store.copy().await.expect("copied"));
    let left: Vec<_> = fs::read_dir(directory.path()).expect("there").flatten().map(|it| it.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("copy")), "{left:?}");
    let mut counts = Vec::new();
    for copy in copies {
        let directory = Directory::new();
        let rev = copy.revisions.values().sum::<u64>();
        restored(&written(&store, copy, elsewhere.path()), &directory).expect("restored");
        let orders = directory.open().orders(&Filter::default(), &Paging::all()).await.expect("read").items;
        assert_eq!(orders.len() as u64, rev, "an event for each");
        assert_eq!(orders.len() % 2, 1, "both halves of a pair, or none");
        counts.push(orders.len());
    }
    assert_eq!(counts.last(), Some(&801));
}

#[tokio::test]
async fn what_is_restored_is_paused_suspected_and_behind_what_was_lost() {
    let (directory, elsewhere) = (Directory::new(), tempfile::tempdir().expect("a folder"));
    let (store, records) = (directory.open(), Records::new(1));
    let scene = scene(&store, &records, "checkout", &["db", "cache"]).await;
    assert_eq!(store.restored(), None);
    let backup = written(&store, store.copy().await.expect("copied"), elsewhere.path());
    let (core, revision) = (store.core_id().clone(), store.revision("shop").await.expect("read"));

    let again = Directory::new();
    let life = restored(&backup, &again).expect("restored");
    assert_eq!((life.incarnation, life.backup_time.ms()), (2, 5_000));
    let store = again.open();
    assert_eq!((store.restored(), store.core_id()), (Some(life), &core));
    let causes: Vec<_> = store.holds().await.expect("read").iter().map(|it| it.cause).collect();
    assert_eq!(causes, [Cause::Pause, Cause::Suspect]);
    let now = store.revision("shop").await.expect("read");
    assert!(now > revision && now >= life.restore_time.ms(), "{now}");
    let behind = store.events("shop", revision + 1, 10).await;
    assert!(matches!(behind, Err(StoreError::Compacted { .. })), "{behind:?}");
    assert_eq!(store.events("shop", now, 10).await.expect("none yet").0, []);

    let suspects = store.suspects(None, 10).await.expect("read");
    assert_eq!(suspects.len(), 2);
    assert!(suspects.iter().all(|it| it.open && it.finding.is_none()));
    assert_eq!(store.suspects(Some(&suspects[0].resource), 10).await.expect("read"), suspects[1..]);
    let seen = Suspect { open: false, finding: Some(Finding::Gone), detail: "not there".into(), ..suspects[0].clone() };
    let write = |it: &Suspect| Write::Suspect { project: "shop".into(), suspect: Box::new(it.clone()) };
    put(&store, vec![write(&seen)]).await;
    assert_eq!(store.suspect(&seen.resource).await.expect("read"), Some(seen.clone()));
    let resource = scene.resources.iter().find(|it| it.id == seen.resource).expect("its resource");
    put(&store, vec![Write::DeleteResource { id: resource.id.clone(), version: 1, time: records.tick() }]).await;
    assert_eq!(store.suspect(&seen.resource).await.expect("read"), None);
    assert_conflict(try_put(&store, vec![write(&seen)]).await, "suspect");
}

#[tokio::test]
async fn a_backup_of_an_older_vend_is_migrated() {
    let (directory, elsewhere) = (Directory::new(), tempfile::tempdir().expect("a folder"));
    let (store, records) = (directory.open(), Records::new(1));
    scene(&store, &records, "checkout", &["db"]).await;
    let mut copy = store.copy().await.expect("copied");
    let older = elsewhere.path().join("older.db");
    let mut database = Vec::new();
    copy.file.read_to_end(&mut database).expect("read");
    fs::write(&older, &database).expect("written");
    let connection = Connection::open(&older).expect("a database");
    connection.execute_batch("DROP TABLE suspect; DELETE FROM migration WHERE version = 4;").expect("as it was");
    connection.close().expect("closed");
    let database = fs::read(&older).expect("read");
    let sha256 = backup::hex(digest(&SHA256, &database).as_ref());
    let backup = written(&store, copy, elsewhere.path());
    let manifest = backup::open(&backup).expect("a backup").manifest;
    let manifest = Manifest { schema: 3, size: database.len() as u64, sha256, ..manifest };
    let again = Directory::new();
    restored(&file(&manifest, &database, elsewhere.path()), &again).expect("restored");
    assert_eq!(again.open().suspects(None, 10).await.expect("read").len(), 1);
}

#[test]
fn what_is_no_sound_database_is_refused_and_leaves_nothing_to_serve() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let rubbish = vec![7; 10_000];
    let manifest = Manifest {
        vend: "0.1.0".into(),
        core_id: vend::domain::id::CoreId::new(Manual::new().now(), &Chance::new(1)),
        incarnation: 1,
        time: Timestamp::ZERO,
        schema: 1,
        revisions: Default::default(),
        size: rubbish.len() as u64,
        sha256: backup::hex(digest(&SHA256, &rubbish).as_ref()),
        key_check: String::new(),
    };
    let directory = Directory::new();
    let refusal = restored(&file(&manifest, &rubbish, elsewhere.path()), &directory).expect_err("rubbish").to_string();
    assert!(refusal.contains("is damaged"), "{refusal}");
    assert!(!directory.path().join("store.db").exists());

    // Killed in the middle of it.
    fs::write(directory.path().join("store.db.restoring"), &rubbish).expect("written");
    let refusal = match super::open(directory.path()) {
        Ok(_) => panic!("it must not open"),
        Err(error) => error.to_string(),
    };
    assert!(refusal.contains("half restored") && refusal.contains("vend restore"), "{refusal}");
}
