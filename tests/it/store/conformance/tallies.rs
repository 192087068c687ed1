//! Parents settle as their children do.

use vend::domain::operation::{Operation, OperationState as State, Tally};
use vend::domain::reason::Reason;
use vend::domain::time::Timestamp;
use vend::store::Write;

use super::{Home, operation, put, scene, try_put};
use crate::support::records::Records;

fn tally(parent: &Operation, from: State, to: State, time: Timestamp) -> Write {
    Write::Tally { parent: parent.id.clone(), from, to, time }
}

pub async fn settles_the_parent(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let steps = [
        (State::Queued, State::Running, State::Running, 2),
        (State::Queued, State::Running, State::Running, 2),
        (State::Running, State::Succeeded, State::Running, 2),
        (State::Running, State::Failed, State::Failed, 3),
        (State::Failed, State::Queued, State::Running, 4),
        (State::Queued, State::Succeeded, State::Succeeded, 5),
    ];
    for (from, to, state, version) in steps {
        let time = records.tick();
        put(&*store, vec![tally(&scene.parent, from, to, time)]).await;
        let parent = store.operation(&scene.parent.id).await.expect("read").expect("is there");
        assert_eq!((parent.state, parent.version), (state, version), "{from:?} to {to:?}");
        assert_eq!(parent.tally.total(), 2);
        assert_eq!(parent.end_time, state.is_terminal().then_some(time));
        assert_eq!(parent.reason, (state == State::Failed).then_some(Reason::ChildrenFailed));
        if state == State::Failed {
            assert_eq!(parent.message, "1 of 2 resources failed");
        }
    }
}

pub async fn counts_without_an_event(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let before = store.revision("shop").await.expect("read");
    put(&*store, vec![tally(&scene.parent, State::Queued, State::Running, records.tick())]).await;
    assert_eq!(store.revision("shop").await.expect("read"), before + 1, "queued to running is told");
    put(&*store, vec![tally(&scene.parent, State::Queued, State::Running, records.tick())]).await;
    assert_eq!(store.revision("shop").await.expect("read"), before + 1, "the parent still runs");
    let parent = store.operation(&scene.parent.id).await.expect("read").expect("is there");
    assert_eq!(parent.tally, Tally { running: 2, ..Tally::default() });
}

/// Who puts a parent has read its counters some time ago: they must not come back.
pub async fn survives_a_put_of_the_parent(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    put(&*store, vec![tally(&scene.parent, State::Queued, State::Running, records.tick())]).await;
    let read = store.operation(&scene.parent.id).await.expect("read").expect("is there");
    put(&*store, vec![tally(&scene.parent, State::Queued, State::Running, records.tick())]).await;
    let cancelled = Operation { cancel_requested: true, version: read.version + 1, ..read };
    put(&*store, vec![operation(&cancelled)]).await;
    let parent = store.operation(&scene.parent.id).await.expect("read").expect("is there");
    assert!(parent.cancel_requested);
    assert_eq!(parent.tally, Tally { running: 2, ..Tally::default() });
}

pub async fn needs_a_parent(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let scene = scene(&*store, &records, "checkout", &["a"]).await;
    let unknown = records.child(&scene.parent, &scene.resources[0]);
    try_put(&*store, vec![tally(&unknown, State::Queued, State::Running, records.tick())])
        .await
        .expect_err("no such parent");
}
