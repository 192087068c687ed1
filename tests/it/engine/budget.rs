//! A step that cannot get past what it has done: half-way through its budget it looks at what is there, and begins afresh.

use vend::domain::effect::Effect;
use vend::domain::operation::{Operation, OperationState, Stage};
use vend::domain::reason::Reason;
use vend::engine::{Resolution, StoryKind};
use vend::store::{Commit, Site, Write};

use crate::support::bench::{Bench, admin};
use crate::support::drivers::{component, component_as};

const STOCK: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: probe
params: { type: object }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: probe
type: probe
driver: probe@^0.1
connections: { server: files }
"#;

/// It writes, and then is throttled for ever.
const STUCK: &str = "{ apiVersion: vend/v1, kind: Order, name: stuck, resources: { it: { type: probe, \
     params: { name: stuck, after-create: [write, { fail: { kind: throttled } }] } } } }";

async fn stuck() -> (Bench, Operation) {
    let bench = Bench::new(&["probe"]).await;
    bench.documents(STOCK).await;
    let order = bench.apply(STUCK).await.expect("accepted");
    let child = bench.children(&order).await.remove(0);
    let waits = |it: &Operation| it.state == OperationState::Waiting && it.attempts > 0;
    let child = bench.until(&child, waits).await;
    (bench, child)
}

/// As if it had failed so often.
async fn failed(bench: &Bench, operation: &Operation, attempts: u32) {
    for _ in 0..20 {
        let now = bench.core.store.operation(&operation.id).await.expect("answers").expect("kept");
        if now.state == OperationState::Waiting {
            let mut commit = Commit::new(Site::Operation);
            let due = now.create_time;
            commit.writes.push(Write::Operation(Box::new(Operation {
                attempts,
                due,
                version: now.version + 1,
                ..now
            })));
            if bench.core.store.commit(commit).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it never rests");
}

async fn attempts(bench: &Bench, operation: &Operation) -> Vec<(u32, String)> {
    let now = bench.core.store.operation(&operation.id).await.expect("answers").expect("kept");
    let story = bench.core.engine.story(&now).await.expect("told");
    story.into_iter().filter(|it| it.kind == StoryKind::Attempt).map(|it| (it.step, it.function)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_way_through_its_budget_a_step_begins_afresh() {
    let (bench, child) = stuck().await;
    failed(&bench, &child, child.budget.attempts / 2).await;
    // What is found is completed, in a step of its own.
    let afresh = bench.until(&child, |it| it.stage == Stage::Create && it.step > child.step && it.attempts > 0).await;
    assert_eq!(afresh.effect, Effect::Applied);
    assert_eq!(bench.databases(), ["stuck"]);
    let told = attempts(&bench, &child).await;
    let creates = |step: u32| told.iter().filter(|(of, verb)| *of == step && verb == "create").count();
    assert!(creates(child.step) > 0 && creates(afresh.step) > 0, "{told:?}");

    // Its whole budget spent, it stops for a person, and says so.
    failed(&bench, &child, child.budget.attempts - 1).await;
    let parked = bench.until(&child, |it| it.state == OperationState::NeedsAttention).await;
    assert_eq!((parked.reason, parked.effect), (Some(Reason::BackendThrottled), Effect::Applied));
    assert!(parked.message.contains("given up after 20 attempts"), "{}", parked.message);

    // Who says that the cause is mended gives it a new one.
    bench.core.engine.resolve(&child.id, &Resolution::GoOn, &admin()).await.expect("accepted");
    let again = bench.until(&child, |it| it.state == OperationState::Waiting && it.attempts > 0).await;
    assert!(again.attempts < 5, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_person_is_not_resolved_by_one() {
    let (bench, child) = stuck().await;
    for resolution in [Resolution::Afresh { driver: None }, Resolution::Adopt("x".into())] {
        let refused = bench.core.engine.resolve(&child.id, &resolution, &admin()).await.expect_err("refused");
        assert!(refused.to_string().contains("needs no person"), "{refused}");
    }
    bench.core.engine.cancel(&child.id, &admin()).await.expect("accepted");
    let ended = bench.until(&child, |it| it.state.is_terminal()).await;
    assert_eq!((ended.state, ended.effect), (OperationState::Cancelled, Effect::Applied));
    for resolution in [Resolution::GoOn, Resolution::Afresh { driver: None }] {
        let refused = bench.core.engine.resolve(&child.id, &resolution, &admin()).await.expect_err("refused");
        assert!(refused.to_string().contains("already"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_its_driver_can_begin_afresh() {
    let (bench, child) = stuck().await;
    failed(&bench, &child, child.budget.attempts - 1).await;
    let parked = bench.until(&child, |it| it.state == OperationState::NeedsAttention).await;
    bench.core.stock.install(component_as("probe", "0.1.1"), &admin()).await.expect("installed");
    bench.core.stock.install(component("slow"), &admin()).await.expect("installed");
    for (driver, why) in [("probe@=9.9.9", "9.9.9"), ("slow@*", "another driver"), ("probe@@", "requirement")] {
        let resolution = Resolution::Afresh { driver: Some(driver.into()) };
        let refused = bench.core.engine.resolve(&child.id, &resolution, &admin()).await.expect_err("refused");
        assert!(refused.to_string().contains(why), "{driver}: {refused}");
    }
    let resolution = Resolution::Afresh { driver: Some("probe@=0.1.1".into()) };
    let again = bench.core.engine.resolve(&child.id, &resolution, &admin()).await.expect("accepted");
    assert_ne!(again.driver_digest, parked.driver_digest);
    let tried = bench.until(&child, |it| it.state == OperationState::Waiting && it.attempts > 0).await;
    assert_eq!((tried.effect, tried.driver_digest), (Effect::Applied, again.driver_digest.clone()));
    assert_eq!(bench.resources().await[0].pin.driver_digest, again.driver_digest);
    assert_eq!(bench.databases(), ["stuck"]);
}
