//! Months go by: what is kept, what is not, and that it does not matter where pruning is interrupted.

use std::sync::Arc;

use vend::domain::hold::Target;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::reason::Reason;
use vend::domain::time::{Clock as _, Timestamp};
use vend::engine::prune::Pass;
use vend::engine::{Error, Presence};
use vend::store;

use crate::support::bench::{Bench, DATABASES, admin};
use crate::support::clock::Manual;

const STOCK: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: slow-database
params:
  type: object
  required: [name]
  properties: { name: { type: string }, seconds: { type: integer } }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: slow
type: slow-database
driver: slow@^0.1
connections: { server: files }
"#;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

struct Months {
    bench: Bench,
    clock: Arc<Manual>,
}

impl Months {
    async fn begin() -> Self {
        let clock = Arc::new(Manual::new());
        let bench = Bench::with_clock(&["sqlite", "slow"], clock.clone()).await;
        bench.documents(DATABASES).await;
        bench.documents(STOCK).await;
        Self { bench, clock }
    }

    async fn order(&self, called: &str, kind: &str, more: &str) -> Operation {
        let text = format!(
            "{{ apiVersion: vend/v1, kind: Order, name: {called}, resources: {{ db: {{ type: {kind}-database, \
             params: {{ name: {called}{more} }} }} }} }}"
        );
        self.bench.apply(&text).await.expect("accepted")
    }

    async fn pass(&self, days: u64) {
        self.clock.advance_ms(days * DAY_MS);
        let mut pass = Pass::default();
        while self.bench.core.engine.prune_step(&mut pass).await.expect("pruned") {}
    }

    async fn kept(&self, operation: &Operation) -> bool {
        self.bench.core.store.operation(&operation.id).await.expect("read").is_some()
    }

    async fn story(&self, operation: &Operation) -> String {
        format!("{:?}", self.bench.core.engine.story(operation).await.expect("told"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_goes_in_its_time_and_what_is_open_stays() {
    let months = Months::begin().await;
    let bench = &months.bench;
    let made = months.order("made", "sqlite", "").await;
    assert_eq!(bench.settled(&made).await.state, OperationState::Succeeded);
    let made_child = bench.children(&made).await.remove(0);
    let stopped = months.order("stopped", "slow", ", seconds: 3600").await;
    let stopped_child = bench.children(&stopped).await.remove(0);
    bench.until(&stopped_child, |it| it.state == OperationState::Waiting).await;
    bench.core.engine.cancel(&stopped.id, &admin()).await.expect("asked");
    assert_eq!(bench.settled(&stopped).await.state, OperationState::Cancelled);
    let open = months.order("open", "slow", ", seconds: 3600").await;
    let open_child = bench.children(&open).await.remove(0);
    bench.until(&open_child, |it| it.state == OperationState::Waiting).await;
    // Of months, nothing else is open for so long.
    let slow = Target::parse("recipes/slow").expect("a recipe");
    bench.core.engine.pause(slow.clone(), "", &admin()).await.expect("paused");
    let whole = [months.story(&made_child).await, months.story(&stopped_child).await, months.story(&open_child).await];
    assert!(whole[0].contains("CREATE DATABASE") && !whole[0].contains("sha256\""), "{}", whole[0]);

    months.pass(6).await;
    assert_eq!(months.story(&made_child).await, whole[0]);
    months.pass(2).await;
    let reduced = months.story(&made_child).await;
    assert!(!reduced.contains("CREATE DATABASE") && reduced.contains("sha256"), "{reduced}");
    assert!(reduced.contains("sql-write") && reduced.contains("applied"), "what was done is told: {reduced}");
    assert_eq!(months.story(&stopped_child).await, whole[1], "it did not succeed");
    assert_eq!(months.story(&open_child).await, whole[2], "it is open");
    let old = bench.core.store.events("default", 0, 10).await;
    assert!(matches!(old, Err(store::Error::Compacted { .. })), "{old:?}");

    months.pass(21).await;
    assert!(months.kept(&made).await && months.kept(&made_child).await);
    months.pass(2).await;
    assert!(!months.kept(&made).await && !months.kept(&made_child).await);
    assert!(bench.core.store.journal(&made_child.id).await.expect("read").is_empty());
    let gone = bench.core.engine.no_operation(&made.id);
    assert_eq!(gone.reason, Reason::NotFound);
    assert!(gone.hint.contains("kept for 30 days, others for 90"), "{gone:?}");
    let refused = bench.core.engine.cancel(&made.id, &admin()).await.expect_err("it is gone");
    assert!(matches!(&refused, Error::Refused(it) if it.reason == Reason::NotFound), "{refused:?}");
    assert!(months.kept(&stopped).await && months.kept(&open).await);

    // What was made is there, and can be looked at, changed and deleted.
    let resource = bench.resources().await.into_iter().find(|it| it.name.order.order.as_str() == "made");
    let resource = resource.expect("as long as it is there");
    let refreshed = bench.core.engine.refresh(&resource).await.expect("read");
    assert_eq!(refreshed.presence, Presence::Ready);
    assert!(bench.core.engine.view(&resource).expect("opened").outputs["name"].is_string());
    let deleted = bench.delete("made").await;
    assert_eq!(bench.settled(&deleted).await.state, OperationState::Succeeded);

    months.pass(60).await;
    assert!(!months.kept(&stopped).await && !months.kept(&stopped_child).await);
    assert!(months.kept(&open).await && months.kept(&open_child).await);
    assert!(!bench.core.store.journal(&open_child.id).await.expect("read").is_empty());
    assert!(!months.kept(&deleted).await);
    bench.core.engine.resume(&slow, &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&open).await.state, OperationState::Succeeded, "and it goes on as if nothing had been");
    let audit = bench.core.store.audit(None, &store::Paging::all()).await.expect("read").items;
    assert!(audit.iter().any(|it| it.action == "orders.apply" && it.name.ends_with("/made")), "the audit log is whole");
}

/// A process that ends between two commits leaves what the store holds, and the next begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_matter_where_it_is_interrupted() {
    let months = Months::begin().await;
    let mut all = Vec::new();
    for n in 0..5 {
        let operation = months.order(&format!("n{n}"), "sqlite", "").await;
        assert_eq!(months.bench.settled(&operation).await.state, OperationState::Succeeded);
        all.push(operation);
    }
    months.clock.advance_ms(8 * DAY_MS);
    let late = months.order("late", "sqlite", "").await;
    assert_eq!(months.bench.settled(&late).await.state, OperationState::Succeeded);
    months.clock.advance_ms(23 * DAY_MS);
    for steps in 1..40 {
        let mut pass = Pass::default();
        for _ in 0..steps {
            if !months.bench.core.engine.prune_step(&mut pass).await.expect("pruned") {
                break;
            }
        }
        for operation in &all {
            // With its children, or not at all, or about to go: never without its own row while they are there.
            let children = months.bench.children(operation).await;
            assert!(months.kept(operation).await || children.is_empty(), "after {steps} steps");
        }
        assert!(months.kept(&late).await);
    }
    for operation in &all {
        assert!(!months.kept(operation).await);
    }
    assert_eq!(months.bench.resources().await.len(), 6);
}

/// The machine's clock stood in 1970 for a while: what was done then is not fifty years old.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_under_a_wrong_clock_is_kept() {
    let months = Months::begin().await;
    let now = months.clock.now();
    months.clock.set(Timestamp::from_ms(DAY_MS));
    let then = months.order("then", "sqlite", "").await;
    assert_eq!(months.bench.settled(&then).await.state, OperationState::Succeeded);
    months.clock.set(now);
    let real = months.order("real", "sqlite", "").await;
    assert_eq!(months.bench.settled(&real).await.state, OperationState::Succeeded);
    months.pass(1).await;
    assert!(months.kept(&then).await && months.kept(&real).await);
    months.pass(30).await;
    assert!(months.kept(&then).await && !months.kept(&real).await);
}
