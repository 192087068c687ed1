//! What goes when it has been kept for long enough, and what never does.

use vend::domain::id::OperationId;
use vend::domain::name::shard;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::time::{Clock as _, Timestamp};
use vend::store::{Ended, Error, Paging, Write};

use super::{Home, operation, put, scene};
use crate::support::records::{Records, order_name};

const FAR: Timestamp = Timestamp::ZERO;

fn done(it: &Operation, state: OperationState, end_time: Timestamp) -> Operation {
    Operation { state, end_time: Some(end_time), version: it.version + 1, update_time: end_time, ..it.clone() }
}

fn prune(id: &OperationId, rows: u32) -> Write {
    Write::PruneOperation { id: id.clone(), rows }
}

pub async fn lists_what_has_ended(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c"]).await;
    let now = records.clock.now();
    let ends = [now.plus_ms(30), now.plus_ms(10), now.plus_ms(20)];
    let ended: Vec<_> = scene.children.iter().zip(ends).map(|(it, at)| done(it, OperationState::Failed, at)).collect();
    put(&*store, ended.iter().map(operation).collect()).await;
    let ids = |found: &[Ended]| found.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    let all = store.ended(None, now.plus_ms(30), 10).await.expect("read");
    assert_eq!(ids(&all), [1, 2, 0].map(|at: usize| ended[at].id.clone()));
    assert_eq!((all[0].parent.as_ref(), all[0].state), (Some(&scene.parent.id), OperationState::Failed));
    assert_eq!(store.ended(None, now.plus_ms(29), 10).await.expect("read"), all[..2]);
    assert_eq!(store.ended(Some(&all[0]), now.plus_ms(30), 1).await.expect("read"), all[1..2]);
    assert_eq!(store.reduced_until().await.expect("read"), None);
    for it in &all[..2] {
        put(&*store, vec![Write::ReducedUntil(it.clone())]).await;
    }
    let mark = store.reduced_until().await.expect("read").expect("kept");
    assert_eq!(store.ended(Some(&mark), now.plus_ms(30), 10).await.expect("read"), all[2..]);
    assert_eq!(store.ended(None, FAR, 10).await.expect("read"), []);
}

pub async fn reduces_rows_in_their_places(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["a"]).await;
    let it = &scene.children[0];
    let rows: Vec<_> = [(0, 1, 0), (0, 1, 1), (0, 2, 0), (1, 1, 0)]
        .into_iter()
        .map(|(step, attempt, position)| records.journal(it, step, attempt, position))
        .collect();
    put(&*store, rows.iter().cloned().map(Write::Journal).collect()).await;
    assert_eq!(store.journal_behind(&it.id, None, 2).await.expect("read"), rows[..2]);
    assert_eq!(store.journal_behind(&it.id, Some(&rows[1]), 9).await.expect("read"), rows[2..]);
    let mut reduced = rows[2].clone();
    reduced.payload = records.sealed("reduced");
    let nowhere = records.journal(it, 7, 7, 7);
    put(&*store, vec![Write::ReduceJournal(reduced.clone()), Write::ReduceJournal(nowhere)]).await;
    let expected = [rows[0].clone(), rows[1].clone(), reduced, rows[3].clone()];
    assert_eq!(store.journal(&it.id).await.expect("read"), expected);
}

pub async fn takes_what_has_ended_with_all_that_is_its(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let [a, b] = &scene.children[..] else { panic!("two children") };
    let rows = [0, 1, 2].map(|position| Write::Journal(records.journal(a, 0, 1, position)));
    let request = records.request(&scene.parent, &scene.parent.request_id);
    put(&*store, [&rows[..], &[Write::Request(request.clone())]].concat()).await;
    let now = records.tick();
    let ended = done(a, OperationState::Succeeded, now);
    let mut parent = done(&scene.parent, OperationState::Failed, now);
    put(&*store, vec![operation(&ended)]).await;
    let before = store.revision("shop").await.expect("read");
    // Open ones stay, and so does who has children.
    put(&*store, vec![prune(&b.id, 100), prune(&scene.parent.id, 100)]).await;
    assert!(store.operation(&b.id).await.expect("read").is_some());
    put(&*store, vec![operation(&parent)]).await;
    parent.version += 1;
    put(&*store, vec![prune(&scene.parent.id, 100), prune(&a.id, 2)]).await;
    assert!(store.operation(&scene.parent.id).await.expect("read").is_some());
    assert_eq!(store.journal(&a.id).await.expect("read").len(), 1, "as many rows as were asked");
    // A process that ends here goes on like this.
    drop(store);
    let store = home.open().await;
    put(&*store, vec![prune(&a.id, 2), operation(&done(b, OperationState::Cancelled, now))]).await;
    assert!(store.operation(&a.id).await.expect("read").is_none());
    put(&*store, vec![prune(&b.id, 2), prune(&scene.parent.id, 2), prune(&scene.parent.id, 2)]).await;
    let filter = vend::store::Filter { project: Some("shop".into()), ..Default::default() };
    assert_eq!(store.operations(&filter, &Paging::all()).await.expect("read").items, []);
    assert_eq!(store.request("shop", &request.request_id).await.expect("read"), None);
    assert!(store.order(&scene.order.name).await.expect("read").is_some());
    assert_eq!(store.resource(&scene.resources[0].id).await.expect("read"), Some(scene.resources[0].clone()));
    assert_eq!(store.revision("shop").await.expect("read"), before + 2, "pruning tells nobody");
}

pub async fn takes_the_oldest_events(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let mut times = Vec::new();
    for key in ["a", "b", "c", "d", "e", "f"] {
        put(&*store, vec![super::order(&records.order(&order_name("shop", "dev", key)))]).await;
        times.push(records.clock.now());
    }
    let shop = shard("shop");
    let stale = async |before, most| store.stale_events(before, most).await.expect("read");
    assert_eq!(stale(times[0], 6).await, Vec::<u16>::new());
    assert_eq!((stale(times[1], 6).await, stale(times[0], 5).await), (vec![shop], vec![shop]));
    let take = |before, most, limit| Write::PruneEvents { shard: shop, before, most, limit };
    // Two are old enough, one at a time.
    put(&*store, vec![take(times[2], 6, 1)]).await;
    put(&*store, vec![take(times[2], 6, 9), take(times[2], 6, 9)]).await;
    assert!(matches!(store.events("shop", 1, 9).await, Err(Error::Compacted { revision: 1, oldest: 3 })));
    let (events, until) = store.events("shop", 2, 9).await.expect("what is kept");
    assert_eq!((events.len(), until), (4, 6));
    put(&*store, vec![take(FAR, 3, 9)]).await;
    assert_eq!(store.events("shop", 3, 9).await.expect("read").0.len(), 3, "the newest three");
    put(&*store, vec![take(times[5].plus_ms(1), 9, 9)]).await;
    assert_eq!(store.events("shop", 6, 9).await.expect("up to date"), (vec![], 6));
    assert!(stale(times[5].plus_ms(1), 1).await.is_empty());
    put(&*store, vec![super::order(&records.order(&order_name("shop", "dev", "g")))]).await;
    assert_eq!(store.events("shop", 6, 9).await.expect("read").0[0].revision, 7);
}
