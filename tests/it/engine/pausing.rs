//! What is paused waits, spends nothing, and goes on when it is let.

use std::time::{Duration, Instant};

use vend::domain::hold::Target;
use vend::domain::id::{OperationId, ResourceId};
use vend::domain::operation::{Budget, Operation, OperationState};
use vend::domain::reason::Reason;
use vend::domain::resource::Resource;
use vend::domain::time::{Clock as _, Timestamp};
use vend::engine::Error;
use vend::store::{Commit, Site, Write};

use crate::support::bench::{Bench, DATABASES, admin, name};
use crate::support::chance::Chance;
use crate::support::clock::Real;

const STOCK: &str = r#"
apiVersion: vend/v1
kind: Connection
name: others
type: sqlite
endpoint: databases
allow: { databases: ["*"] }
"#;

/// More specific than `files`.
const OTHERS: &str = r#"
apiVersion: vend/v1
kind: Recipe
name: others
type: sqlite-database
match: [{ environment-type: development }]
driver: sqlite@^0.1
connections: { server: others }
"#;

async fn bench() -> Bench {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(DATABASES).await;
    bench.documents(STOCK).await;
    bench
}

fn order(called: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {called}, resources: {{ db: {{ type: sqlite-database, \
         params: {{ name: {called} }} }} }} }}"
    )
}

fn target(text: &str) -> Target {
    Target::parse(text).unwrap_or_else(|| panic!("{text}"))
}

async fn pause(bench: &Bench, text: &str) {
    let (hold, unchanged) = bench.core.engine.pause(target(text), "new disks", &admin()).await.expect("paused");
    assert!(!unchanged && hold.target == target(text));
}

async fn resume(bench: &Bench, text: &str) {
    assert!(bench.core.engine.resume(&target(text), &admin()).await.expect("resumed").is_some(), "{text}");
}

async fn child(bench: &Bench, operation: &Operation) -> Operation {
    bench.children(operation).await.remove(0)
}

async fn held(bench: &Bench, operation: &Operation) -> Operation {
    let child = child(bench, operation).await;
    bench.until(&child, |it| it.held.is_some()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_paused_holds_back_what_has_to_do_with_it() {
    let bench = bench().await;
    for (at, paused) in ["core", "connections/files", "drivers/sqlite", "recipes/files"].into_iter().enumerate() {
        pause(&bench, paused).await;
        let called = format!("held-{at}");
        let operation = bench.apply(&order(&called)).await.expect("accepted");
        let waiting = held(&bench, &operation).await;
        assert_eq!((waiting.state, waiting.reason), (OperationState::Waiting, Some(Reason::Paused)), "{paused}");
        assert_eq!((waiting.attempts, waiting.budget), (0, Budget::default()));
        let words = target(paused).words();
        for part in ["token:admin", "new disks", " since 2", &format!("`vend resume {words}`")] {
            assert!(waiting.message.contains(part), "{}", waiting.message);
        }
        let resource = bench.resources().await.into_iter().find(|it| it.name.order.order.as_str() == called);
        let resource = resource.expect("ordered");
        let conditions = bench.core.engine.held_resource(&resource.name.order, &resource.pin).await.expect("read");
        assert_eq!(conditions[0].kind, "Paused");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!bench.databases().contains(&called), "{paused}");
        resume(&bench, paused).await;
        assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
        assert!(bench.databases().contains(&called));
        let after = child(&bench, &operation).await;
        assert!(after.budget.time_ms >= Budget::default().time_ms + 100, "the time it waited is given back");
        assert_eq!((after.held, after.attempts), (None, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_twice_and_resuming_what_is_not_paused_changes_nothing() {
    let bench = bench().await;
    let engine = &bench.core.engine;
    let (first, _) = engine.pause(Target::Core, "why", &admin()).await.expect("paused");
    let (again, unchanged) = engine.pause(Target::Core, "another why", &admin()).await.expect("paused");
    assert!(unchanged && again == first);
    assert_eq!(engine.holds(), [first]);
    assert!(engine.resume(&Target::Core, &admin()).await.expect("resumed").is_some());
    assert!(engine.resume(&Target::Core, &admin()).await.expect("nothing to do").is_none());
    for text in ["connections/none", "drivers/none", "recipes/none", "projects/default/environments/dev/orders/none"] {
        let refused = engine.pause(target(text), "", &admin()).await.expect_err(text);
        assert!(matches!(&refused, Error::Refused(it) if it.reason == Reason::NotFound), "{refused:?}");
        engine.resume(&target(text), &admin()).await.expect_err(text);
    }
    let audit = bench.core.store.audit(None, &vend::store::Paging::all()).await.expect("read").items;
    let mut done: Vec<_> = audit.iter().filter(|it| it.name == "core").map(|it| it.action.as_str()).collect();
    done.sort_unstable();
    assert_eq!(done, ["system.pause", "system.resume"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_order_is_changed_cancelled_and_deleted() {
    let bench = bench().await;
    let made = bench.apply(&order("shop")).await.expect("accepted");
    assert_eq!(bench.settled(&made).await.state, OperationState::Succeeded);
    let paused = "projects/default/environments/dev/orders/shop";
    pause(&bench, paused).await;
    let deleting = bench.delete("shop").await;
    held(&bench, &deleting).await;
    let other = bench.apply(&order("other")).await.expect("accepted");
    assert_eq!(bench.settled(&other).await.state, OperationState::Succeeded, "others go on");
    bench.core.engine.cancel(&deleting.id, &admin()).await.expect("accepted");
    assert_eq!(bench.settled(&deleting).await.state, OperationState::Cancelled, "which takes no attempt");
    assert!(bench.databases().contains(&"shop".to_owned()));
    let deleting = bench.delete("shop").await;
    held(&bench, &deleting).await;
    resume(&bench, paused).await;
    assert_eq!(bench.settled(&deleting).await.state, OperationState::Succeeded);
    assert_eq!(bench.databases(), ["other"]);

    // Its pause goes with an order, and is not that of the next one of its name.
    pause(&bench, "core").await;
    let waits = bench.apply(&order("next")).await.expect("accepted");
    held(&bench, &waits).await;
    let changed = order("next").replace("name: next }", "name: changed }");
    let newer = bench.apply(&changed).await.expect("accepted");
    assert_eq!(bench.settled(&waits).await.state, OperationState::Superseded, "it had not begun");
    held(&bench, &newer).await;
    resume(&bench, "core").await;
    assert_eq!(bench.settled(&newer).await.state, OperationState::Succeeded);
    assert!(bench.databases().contains(&"changed".to_owned()) && !bench.databases().contains(&"next".to_owned()));
}

/// Ten thousand that wait stand before one that need not: it is found, and nobody looks at them again.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_are_paused_do_not_stand_in_the_way() {
    const MANY: usize = 10_000;
    let bench = bench().await;
    bench.documents(OTHERS).await;
    let pattern = bench.apply(&order("pattern")).await.expect("accepted");
    assert_eq!(bench.settled(&pattern).await.state, OperationState::Succeeded);
    let resource = bench.resources().await.remove(0);
    let child = child(&bench, &pattern).await;
    // The pattern is made by `others`: the many are told to be made by `files`.
    pause(&bench, "connections/files").await;
    let chance = Chance::new(3);
    let mut before = Real.now().ms() - 3_600_000;
    let mut ids = Vec::with_capacity(MANY);
    for _ in 0..MANY / 1_000 {
        let mut commit = Commit::new(Site::Accept);
        for _ in 0..1_000 {
            before += 1;
            let now = Timestamp::from_ms(before);
            let mut it = Resource { id: ResourceId::new(now, &chance), version: 1, ..resource.clone() };
            it.name.key = name(&format!("r{before}")).into();
            it.pin.connections.values_mut().for_each(|connection| *connection = name("files"));
            let operation = Operation {
                id: OperationId::new(now, &chance),
                resource: Some(it.id.clone()),
                state: OperationState::Queued,
                due: now,
                version: 1,
                end_time: None,
                ..child.clone()
            };
            ids.push(operation.id.clone());
            commit.writes.push(Write::Resource(Box::new(it)));
            commit.writes.push(Write::Operation(Box::new(operation)));
        }
        bench.core.store.commit(commit).await.expect("written");
    }
    let begun = Instant::now();
    let one = bench.apply(&order("one")).await.expect("accepted");
    assert_eq!(bench.settled(&one).await.state, OperationState::Succeeded);
    eprintln!("the one behind {MANY} that wait took {:?}", begun.elapsed());
    // It may have been done before they were put aside.
    let mut left = 600;
    while !bench.core.store.due(Real.now(), 10).await.expect("read").is_empty() {
        assert!(left > 0, "nobody is looked at again");
        left -= 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for id in [&ids[0], &ids[MANY / 2], &ids[MANY - 1]] {
        let it = bench.core.store.operation(id).await.expect("read").expect("kept");
        assert_eq!(it.held.map(|held| held.by).as_deref(), Some("pause:connections/files"));
    }
}
