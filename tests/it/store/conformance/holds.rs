//! Holds, and the operations that wait for them.

use vend::domain::hold::{Cause, Hold, Target};
use vend::domain::operation::{Held, Operation, OperationState};
use vend::domain::reason::Reason;
use vend::domain::time::Clock as _;
use vend::store::Write;

use super::{Home, assert_conflict, operation, put, scene, try_put};
use crate::support::records::Records;

fn hold(records: &Records, cause: Cause, target: &str) -> Hold {
    Hold {
        cause,
        target: Target::parse(target).expect("a target"),
        reason: Reason::Paused,
        message: "new disks".into(),
        principal: "token:anna".into(),
        since: records.tick(),
    }
}

fn lift(records: &Records, it: &Hold) -> Write {
    Write::LiftHold { key: it.key(), time: records.tick() }
}

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let order = "projects/shop/environments/dev/orders/checkout";
    let all = [
        hold(&records, Cause::Breaker, "connections/pg-dev"),
        hold(&records, Cause::Pause, "connections/pg-dev"),
        hold(&records, Cause::Pause, "core"),
        hold(&records, Cause::Pause, order),
    ];
    put(&*store, all.iter().map(|it| Write::Hold(Box::new(it.clone()))).collect()).await;
    assert_eq!(store.holds().await.expect("read"), all);
    assert_conflict(try_put(&*store, vec![Write::Hold(Box::new(all[2].clone()))]).await, "pause:core");
    put(&*store, vec![lift(&records, &all[2])]).await;
    assert_conflict(try_put(&*store, vec![lift(&records, &all[2])]).await, "pause:core");
    assert_eq!(store.holds().await.expect("read").len(), 3);
    let (events, _) = store.events("shop", 0, 10).await.expect("read");
    assert_eq!((events.len(), events[0].event.name.as_str(), events[0].event.state.as_str()), (1, order, "paused"));
}

pub async fn an_order_takes_its_pause_along(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &[]).await;
    let pause = hold(&records, Cause::Pause, &scene.order.name.to_string());
    let gone = Write::DeleteOrder {
        name: scene.order.name.clone(),
        id: scene.order.id.clone(),
        version: 1,
        time: records.tick(),
    };
    put(&*store, vec![Write::Hold(Box::new(pause)), gone]).await;
    assert_eq!(store.holds().await.expect("read"), []);
}

pub async fn what_is_held_is_not_due(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c", "d"]).await;
    let now = records.clock.now();
    let by = |it: &Operation, by: &str, since: u64| Operation {
        state: OperationState::Waiting,
        held: Some(Held { by: by.into(), since: now.plus_ms(since) }),
        version: 2,
        update_time: now,
        ..it.clone()
    };
    let [a, b, c, d] = &scene.children[..] else { panic!("four children") };
    let held = [by(a, "pause:core", 2), by(b, "pause:core", 1), by(c, "breaker:connections/x", 0)];
    put(&*store, held.iter().map(operation).collect()).await;
    assert_eq!(store.due(now, 10).await.expect("read"), std::slice::from_ref(d));
    let set_back = store.due(vend::domain::time::Timestamp::ZERO, 10).await.expect("read");
    assert_eq!(set_back, std::slice::from_ref(d), "nor when the clock is set back");
    assert_eq!(store.held("pause:core", 10).await.expect("read"), [held[1].clone(), held[0].clone()]);
    assert_eq!(store.held("pause:core", 1).await.expect("read"), [held[1].clone()]);
    let mut keys = vec![String::new()];
    while let Some(next) = store.next_held_key(keys.last().expect("one")).await.expect("read") {
        keys.push(next);
    }
    assert_eq!(keys[1..], ["breaker:connections/x", "pause:core"]);
    let back = Operation { held: None, due: now, version: 3, ..held[0].clone() };
    let done = Operation { state: OperationState::Cancelled, version: 3, ..held[1].clone() };
    put(&*store, vec![operation(&back), operation(&done)]).await;
    assert_eq!(store.due(now, 10).await.expect("read").len(), 2);
    assert_eq!(store.next_held_key("breaker:connections/x").await.expect("read"), None);
}
