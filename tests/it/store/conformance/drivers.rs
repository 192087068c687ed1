//! Installed drivers.

use vend::domain::driver::DriverRecord;
use vend::store::Write;

use super::{Home, assert_conflict, put, try_put};
use crate::support::records::Records;

fn driver(it: &DriverRecord) -> Write {
    Write::Driver(Box::new(it.clone()))
}

fn component(it: &DriverRecord) -> Write {
    Write::Component { digest: it.digest.clone(), bytes: vec![0, 97, 115] }
}

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let first = records.driver("postgres", "0.1.0");
    put(&*store, vec![driver(&first), component(&first)]).await;
    assert_eq!(store.driver(&first.digest).await.expect("read"), Some(first.clone()));
    assert_eq!(store.component(&first.digest).await.expect("read"), Some(vec![0, 97, 115]));
    assert_eq!(store.driver("sha256:00").await.expect("read"), None);
    assert_eq!(store.component("sha256:00").await.expect("read"), None);
    assert_conflict(try_put(&*store, vec![driver(&first)]).await, &first.digest);
    let second = DriverRecord { version: 2, imports: vec![], update_time: records.tick(), ..first };
    put(&*store, vec![driver(&second), component(&second)]).await;
    assert_eq!(store.driver(&second.digest).await.expect("read"), Some(second));
}

pub async fn deletes_with_the_component(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let it = records.driver("postgres", "0.1.0");
    put(&*store, vec![driver(&it), component(&it)]).await;
    let delete = || Write::DeleteDriver { digest: it.digest.clone(), time: records.tick() };
    put(&*store, vec![delete()]).await;
    assert_eq!(store.driver(&it.digest).await.expect("read"), None);
    assert_eq!(store.component(&it.digest).await.expect("read"), None);
    assert_conflict(try_put(&*store, vec![delete()]).await, &it.digest);
}

pub async fn lists_by_version(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let wanted = [("dns", "1.0.0"), ("postgres", "0.9.0"), ("postgres", "0.10.0"), ("postgres", "0.10.0")];
    let mut all: Vec<DriverRecord> = wanted.iter().rev().map(|(name, version)| records.driver(name, version)).collect();
    put(&*store, all.iter().map(driver).collect()).await;
    all.reverse();
    // Two of one version: the one that came later, the last made here, stands first.
    all.swap(2, 3);
    all[2..].sort_by_key(|it| std::cmp::Reverse(it.create_time));
    assert_eq!(store.drivers().await.expect("list"), all);
}
