//! Events: what the store tells of each change, and where a watcher goes on.

use vend::domain::document::Kind;
use vend::domain::event::{Change, Event, Subject};
use vend::domain::operation::{Operation, OperationState};
use vend::store::{Error, Write};

use super::{Home, operation, put, scene, try_put};
use crate::support::records::{Records, order_name};

pub async fn one_for_each_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let expected = [
        Event::from(&scene.order),
        Event::from(&scene.parent),
        Event::from(&scene.resources[0]),
        Event::from(&scene.children[0]),
    ];
    let (events, until) = store.events("shop", 0, 100).await.expect("read");
    assert_eq!(until, 4);
    assert_eq!(events.iter().map(|it| it.revision).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(events.into_iter().map(|it| it.event).collect::<Vec<_>>(), expected);
    assert_eq!(store.revision("shop").await.expect("read"), 4);

    let failed = Operation {
        state: OperationState::Failed,
        message: "the backend said no".into(),
        version: 2,
        ..scene.children[0].clone()
    };
    put(&*store, vec![operation(&failed)]).await;
    let (events, _) = store.events("shop", 4, 100).await.expect("read");
    assert_eq!(events[0].event, Event::from(&failed));
    assert_eq!((events[0].revision, events[0].event.change), (5, Change::Updated));

    // What has no event leaves the revision.
    let secret = records.resource_secret(&scene.resources[0], "password");
    put(&*store, vec![Write::Journal(records.journal(&failed, 0, 0, 0)), Write::Secret(Box::new(secret))]).await;
    assert_eq!(store.revision("shop").await.expect("read"), 5);

    let platform = store.revision("").await.expect("read");
    let named = records.named_secret("pg-admin");
    put(&*store, vec![Write::Secret(Box::new(named)), Write::Driver(Box::new(records.driver("dns", "1.0.0")))]).await;
    let (events, _) = store.events("", platform, 100).await.expect("read");
    let told: Vec<_> = events.iter().map(|it| (it.event.subject, it.event.name.as_str())).collect();
    assert_eq!(told, [(Subject::Secret, "secrets/pg-admin"), (Subject::Driver, "drivers/dns")]);
}

pub async fn deletes_tell_what_was(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let document = records.environment("shop", "dev");
    put(&*store, vec![Write::Document(Box::new(document.clone()))]).await;
    let before = store.revision("shop").await.expect("read");
    let (it, time) = (&scene.resources[0], records.tick());
    let (project, name) = ("shop".to_owned(), "dev".to_owned());
    put(
        &*store,
        vec![
            Write::DeleteResource { id: it.id.clone(), version: 1, time },
            Write::DeleteOrder { name: scene.order.name.clone(), id: scene.order.id.clone(), version: 1, time },
            Write::DeleteDocument { kind: Kind::Environment, project, name, version: 1, time },
        ],
    )
    .await;
    let (events, _) = store.events("shop", before, 100).await.expect("read");
    let expected =
        [Event::from(it).deleted(time), Event::from(&scene.order).deleted(time), Event::from(&document).deleted(time)];
    assert_eq!(events.into_iter().map(|it| it.event).collect::<Vec<_>>(), expected);
}

pub async fn resume_behind_a_revision(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    for key in ["a", "b", "c"] {
        put(&*store, vec![super::order(&records.order(&order_name("shop", "dev", key)))]).await;
        put(&*store, vec![super::order(&records.order(&order_name("blog", "dev", key)))]).await;
    }
    // Page by page, each behind the last revision that was complete, as a watcher does.
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let (events, until) = store.events("shop", after, 2).await.expect("read");
        assert!(events.iter().all(|it| it.event.project == "shop" && it.revision > after && it.revision <= until));
        seen.extend(events.into_iter().map(|it| it.event.name));
        if until == after {
            break;
        }
        after = until;
    }
    assert_eq!(seen, ["a", "b", "c"].map(|key| order_name("shop", "dev", key).to_string()));
    assert_eq!(after, store.revision("shop").await.expect("read"));
}

pub async fn refuse_what_is_not_there_yet(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(4));
    scene(&*store, &records, "checkout", &["db"]).await;
    let refused = store.events("shop", 5, 10).await;
    assert!(matches!(refused, Err(Error::Compacted { revision: 5, oldest: 1 })), "{refused:?}");
    assert_eq!(store.events("shop", 4, 10).await.expect("up to date"), (vec![], 4));
    // A refused commit takes no revision.
    try_put(
        &*store,
        vec![
            operation(&records.operation(&records.order(&order_name("shop", "dev", "x")), 1)),
            Write::ReleaseKeys { resource: vend::domain::id::ResourceId::new(records.tick(), &records.chance) },
            Write::DeleteDriver { digest: "sha256:00".into(), time: records.tick() },
        ],
    )
    .await
    .expect_err("no such driver");
    assert_eq!(store.revision("shop").await.expect("read"), 4);
}
