//! Observations: kept, told, forgotten, and whose turn is next.

use vend::domain::id::ResourceId;
use vend::domain::observation::{Inconclusive, Observation, Presence};
use vend::domain::reason::Reason;
use vend::domain::resource::Resource;
use vend::domain::time::Timestamp;
use vend::store::{Store, Write};

use super::{Home, assert_conflict, order, put, resource, scene, try_put};
use crate::support::records::{Records, name, order_name};

fn observation(it: &Observation, told: Option<&Resource>) -> Write {
    Write::Observation {
        project: "shop".into(),
        observation: Box::new(it.clone()),
        told: told.map(|it| Box::new(it.clone())),
    }
}

fn reset(resource: &Resource, generation: u64, due: Option<Timestamp>) -> Write {
    Write::ResetObservation { project: "shop".into(), resource: resource.id.clone(), generation, due }
}

async fn due(store: &dyn Store, now: Timestamp) -> Vec<ResourceId> {
    store.due_observations(None, now, 100).await.expect("read").into_iter().map(|it| it.resource).collect()
}

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let db = &scene.resources[0];
    assert_eq!(store.observation(&db.id).await.expect("read"), None);
    let bare = Observation { version: 1, ..Observation::new(db.id.clone(), 1) };
    put(&*store, vec![observation(&bare, None)]).await;
    assert_eq!(store.observation(&db.id).await.expect("read"), Some(bare.clone()));
    assert_conflict(try_put(&*store, vec![observation(&bare, None)]).await, db.id.as_str());
    let full = Observation {
        presence: Some(Presence::Unready),
        presence_since: Some(records.tick()),
        drift: Some(records.sealed("what differs")),
        drift_since: Some(records.tick()),
        inconclusive: Some(Inconclusive {
            reason: Reason::BackendUnavailable,
            message: "no answer".into(),
            since: records.tick(),
        }),
        time: Some(records.tick()),
        generation: 4,
        corrections: 3,
        correct_time: Some(records.tick()),
        due: Some(records.tick()),
        version: 2,
        ..bare.clone()
    };
    put(&*store, vec![observation(&full, None)]).await;
    assert_eq!(store.observation(&db.id).await.expect("read"), Some(full.clone()));
    assert_conflict(try_put(&*store, vec![observation(&full, None)]).await, db.id.as_str());
    put(&*store, vec![observation(&Observation { version: 3, ..bare.clone() }, None)]).await;
    assert_eq!(store.observation(&db.id).await.expect("read"), Some(Observation { version: 3, ..bare }));
}

pub async fn goes_with_its_resource(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["db", "cache"]).await;
    let [db, cache] = &scene.resources[..] else { panic!("two resources") };
    let now = records.tick();
    put(&*store, vec![reset(db, 1, Some(now)), reset(cache, 1, Some(now))]).await;
    put(&*store, vec![Write::DeleteResource { id: db.id.clone(), version: 1, time: now }]).await;
    assert_eq!(store.observation(&db.id).await.expect("read"), None);
    assert_eq!(due(&*store, now).await, std::slice::from_ref(&cache.id));
    // Whoever has looked at it in between comes too late.
    let late = Observation { version: 2, ..Observation::new(db.id.clone(), 1) };
    assert_conflict(try_put(&*store, vec![observation(&late, None)]).await, db.id.as_str());
    let first = Observation { version: 1, ..late };
    assert_conflict(try_put(&*store, vec![observation(&first, None)]).await, db.id.as_str());
}

pub async fn tells_watchers_only_what_has_changed(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let db = &scene.resources[0];
    let before = store.revision("shop").await.expect("read");
    let seen = Observation { version: 1, ..Observation::new(db.id.clone(), 1) };
    put(&*store, vec![observation(&seen, None)]).await;
    put(&*store, vec![reset(db, 2, None)]).await;
    assert_eq!(store.revision("shop").await.expect("read"), before);
    let told = Resource { message: "Drifted: /params/size".into(), ..db.clone() };
    put(&*store, vec![observation(&Observation { version: 3, ..seen }, Some(&told))]).await;
    let (events, _) = store.events("shop", before, 10).await.expect("read");
    let event = &events[0].event;
    assert_eq!((events.len(), event.subject.as_str(), event.change.as_str()), (1, "resource", "updated"));
    assert_eq!((event.id.as_str(), event.message.as_str()), (db.id.as_str(), "Drifted: /params/size"));
}

pub async fn a_change_of_the_resource_forgets_what_was_seen(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let db = &scene.resources[0];
    let seen = Observation {
        presence: Some(Presence::Absent),
        drift: Some(records.sealed("what differs")),
        corrections: 2,
        correct_time: Some(records.tick()),
        version: 1,
        ..Observation::new(db.id.clone(), 1)
    };
    put(&*store, vec![observation(&seen, None)]).await;
    let due = Some(records.tick());
    put(&*store, vec![reset(db, 2, due)]).await;
    let now = store.observation(&db.id).await.expect("read").expect("it is kept");
    let expected = Observation {
        due,
        corrections: 2,
        correct_time: seen.correct_time,
        version: 2,
        ..Observation::new(db.id.clone(), 2)
    };
    assert_eq!(now, expected);
    assert_conflict(
        try_put(&*store, vec![observation(&Observation { version: 2, ..seen }, None)]).await,
        db.id.as_str(),
    );
}

pub async fn gives_those_whose_turn_it_is(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(5));
    let scene = scene(&*store, &records, "checkout", &["a", "b", "c", "d"]).await;
    let [a, b, c, d] = &scene.resources[..] else { panic!("four resources") };
    assert_eq!(store.next_observation().await.expect("read"), None);
    let at = |ms| Some(Timestamp::from_ms(ms));
    put(&*store, vec![reset(a, 1, at(30)), reset(b, 1, at(10)), reset(c, 1, at(20)), reset(d, 1, None)]).await;
    let now = Timestamp::from_ms(20);
    assert_eq!(due(&*store, now).await, [b.id.clone(), c.id.clone()]);
    assert_eq!(store.next_observation().await.expect("read"), at(10));
    let first = store.due_observations(None, now, 1).await.expect("read").remove(0);
    assert_eq!((first.due, &first.pin), (Timestamp::from_ms(10), &b.pin));
    let behind = (first.due, first.resource);
    let rest = store.due_observations(Some(&behind), now, 10).await.expect("read");
    assert_eq!(rest.iter().map(|it| &it.resource).collect::<Vec<_>>(), [&c.id]);
}

pub async fn a_type_says_when_all_of_it_is_looked_at(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(6));
    let keys: Vec<String> = (0..40).map(|at| format!("r{at}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let scene = scene(&*store, &records, "checkout", &keys).await;
    let writes = scene.resources.iter().map(|it| reset(it, 1, None)).collect();
    put(&*store, writes).await;
    let schedule = |resource_type: &str, interval_ms| Write::ScheduleObservations {
        resource_type: name(resource_type),
        time: Timestamp::from_ms(1_000),
        interval_ms,
    };
    put(&*store, vec![schedule("dns-record", Some(100_000))]).await;
    assert_eq!(store.next_observation().await.expect("read"), None, "these are of another type");
    put(&*store, vec![schedule("postgres-database", Some(100_000))]).await;
    let all = store.due_observations(None, Timestamp::from_ms(101_000), 100).await.expect("read");
    assert_eq!(all.len(), 40);
    assert!(all[0].due >= Timestamp::from_ms(1_000));
    let times: std::collections::BTreeSet<_> = all.iter().map(|it| it.due).collect();
    assert!(times.len() > 20, "not all at once: {times:?}");
    put(&*store, vec![schedule("postgres-database", None)]).await;
    assert_eq!(store.next_observation().await.expect("read"), None);
}

pub async fn gives_those_that_have_drifted(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(9));
    let scene = scene(&*store, &records, "checkout", &["a", "b"]).await;
    let elsewhere = records.order(&order_name("shop", "live", "checkout"));
    let other = records.resource(&elsewhere, "a");
    put(&*store, vec![order(&elsewhere), resource(&other)]).await;
    let [a, b] = &scene.resources[..] else { panic!("two resources") };
    let seen = |of: &Resource, drift: Option<&str>| Observation {
        drift: drift.map(|it| records.sealed(it)),
        version: 1,
        ..Observation::new(of.id.clone(), 1)
    };
    let drifted = seen(a, Some("what differs"));
    let all = [&drifted, &seen(b, None), &seen(&other, Some("more"))];
    put(&*store, all.map(|it| observation(it, None)).into()).await;
    let found = store.drifted(&a.name.order.environment_name()).await.expect("read");
    assert_eq!(found, std::slice::from_ref(&drifted));
    put(&*store, vec![observation(&Observation { drift: None, version: 2, ..drifted }, None)]).await;
    assert_eq!(store.drifted(&a.name.order.environment_name()).await.expect("read"), []);
}
