//! What may run now, and when to look again.

use vend::domain::operation::{Operation, OperationState};
use vend::domain::time::{Clock as _, Timestamp};
use vend::store::{AHEAD_MS, Store};

use super::{Home, operation, put, scene};
use crate::support::records::Records;

async fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    let due = store.due(now, 100).await.expect("scanned");
    due.into_iter().map(|it| format!("{}{}", it.resource_key, it.generation)).collect()
}

pub async fn gives_what_is_due(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c"]).await;
    let now = records.clock.now();
    assert_eq!(due(&*store, now).await, ["a1", "b1", "c1"]);
    assert_eq!(due(&*store, scene.children[1].due).await, ["a1", "b1"], "due at this very moment");
    assert_eq!(due(&*store, Timestamp::from_ms(scene.children[0].due.ms() - 1)).await, Vec::<String>::new());
    assert_eq!(store.due(now, 2).await.expect("scanned"), scene.children[..2]);

    let [a, b, c] = &scene.children[..] else { panic!("three children") };
    let later = Operation { state: OperationState::Waiting, due: now.plus_ms(50), version: 2, ..a.clone() };
    let done = Operation { state: OperationState::Succeeded, version: 2, ..b.clone() };
    let running = Operation { state: OperationState::Running, version: 2, ..c.clone() };
    put(&*store, [later, done, running].iter().map(operation).collect()).await;
    assert_eq!(due(&*store, now).await, ["c1"]);
    assert_eq!(due(&*store, now.plus_ms(50)).await, ["c1", "a1"], "by due time");
}

/// A clock that was set back leaves what waits with times of another day.
pub async fn gives_what_waits_when_the_clock_is_set_back(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c"]).await;
    let now = records.clock.now();
    let [a, b, c] = &scene.children[..] else { panic!("three children") };
    let waiting = |it: &Operation, due| Operation {
        state: OperationState::Waiting,
        due,
        version: 2,
        update_time: now,
        ..it.clone()
    };
    let done = Operation { state: OperationState::Succeeded, version: 2, ..c.clone() };
    let changed = [waiting(a, now.plus_ms(60_000)), waiting(b, now.plus_ms(1_000)), done];
    put(&*store, changed.iter().map(operation).collect()).await;
    assert_eq!(due(&*store, now).await, Vec::<String>::new());
    assert_eq!(due(&*store, Timestamp::from_ms(now.ms() - AHEAD_MS)).await, Vec::<String>::new(), "a jitter");
    for back in [AHEAD_MS + 1, 86_400_000, now.ms()] {
        let then = Timestamp::from_ms(now.ms() - back);
        assert_eq!(due(&*store, then).await, ["a1", "b1"], "{back} ms back");
        assert_eq!(store.due(then, 1).await.expect("scanned").len(), 1);
    }
    assert_eq!(due(&*store, now.plus_ms(1_000)).await, ["b1"]);
    let later =
        Operation { generation: 2, update_time: now, due: now, ..records.child(&scene.parent, &scene.resources[0]) };
    put(&*store, vec![operation(&later)]).await;
    assert_eq!(due(&*store, Timestamp::ZERO).await, ["a1", "b1"], "not before what it waits for");
}

pub async fn holds_back_later_generations(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["db", "cache"]).await;
    let first = &scene.children[0];
    let later = |generation| Operation { generation, ..records.child(&scene.parent, &scene.resources[0]) };
    put(&*store, vec![operation(&later(2)), operation(&later(3))]).await;
    let now = records.clock.now();
    for (version, state) in (2..).zip(OperationState::ALL) {
        put(&*store, vec![operation(&Operation { state, version, ..first.clone() })]).await;
        let expected = match state {
            _ if state.is_runnable() => vec!["db1", "cache1"],
            OperationState::NeedsAttention => vec!["cache1"],
            _ => vec!["cache1", "db2"],
        };
        assert_eq!(due(&*store, now).await, expected, "while the first is {}", state.as_str());
    }
}

pub async fn tells_when_next(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let now = records.clock.now();
    assert_eq!(store.next_due(now).await.expect("read"), None);
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    assert_eq!(store.next_due(now).await.expect("read"), Some(scene.children[0].due));
    assert_eq!(store.next_due(scene.children[0].due).await.expect("read"), Some(scene.children[1].due));
    assert_eq!(store.next_due(scene.children[1].due).await.expect("read"), None);
}
