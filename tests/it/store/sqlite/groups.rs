//! Group commit: who asks while the disk is busy shares the next barrier.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use futures::future::join_all;
use vend::domain::name::OrderName;
use vend::store::sqlite::Phase;
use vend::store::{Commit, Site, Store};

use super::Directory;
use crate::store::conformance::{order, put};
use crate::support::records::{Records, order_name};

const COMMITS: usize = 200;

fn names() -> Vec<OrderName> {
    (0..COMMITS).map(|i| order_name("shop", "dev", &format!("order-{i}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_share_a_barrier() {
    let (directory, records) = (Directory::new(), Records::new(1));
    let barriers = Arc::new(AtomicU64::new(0));
    // The first COMMIT waits until all the others are asked for.
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (count, closed) = (Arc::clone(&barriers), Arc::clone(&gate));
    let store: Arc<dyn Store> = Arc::new(directory.open().with_hook(Box::new(move |site, phase| {
        assert_eq!(site, Site::Accept);
        if phase == Phase::Before && count.fetch_add(1, Ordering::SeqCst) == 0 {
            let (open, opened) = &*closed;
            drop(opened.wait_while(open.lock().expect("lock"), |open| !*open).expect("lock"));
        }
    })));
    let tasks: Vec<_> = names()
        .iter()
        .map(|name| {
            let (it, store) = (records.order(name), Arc::clone(&store));
            tokio::spawn(async move { put(&*store, vec![order(&it)]).await })
        })
        .collect();
    let opener = tokio::task::spawn_blocking(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        *gate.0.lock().expect("lock") = true;
        gate.1.notify_all();
    });
    for task in join_all(tasks).await {
        task.expect("acknowledged");
    }
    opener.await.expect("opened");
    let barriers = barriers.load(Ordering::SeqCst);
    assert!(barriers <= 20, "{COMMITS} commits took {barriers} barriers");
    assert_eq!(store.revision("shop").await.expect("read"), COMMITS as u64);
}

#[tokio::test]
async fn the_hook_tells_each_site_on_both_sides() {
    let (directory, records) = (Directory::new(), Records::new(2));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let store = directory.open().with_hook(Box::new(move |site, phase| told.lock().expect("lock").push((site, phase))));
    for (at, site) in Site::ALL.into_iter().enumerate() {
        let it = records.order(&names()[at]);
        store.commit(Commit { writes: vec![order(&it)], ..Commit::new(site) }).await.expect("taken");
    }
    let expected: Vec<_> =
        Site::ALL.into_iter().flat_map(|site| [(site, Phase::Before), (site, Phase::After)]).collect();
    assert_eq!(*seen.lock().expect("lock"), expected);
}
