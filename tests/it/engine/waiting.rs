//! Operations that wait: what holds meanwhile, and what ends them.

use vend::domain::operation::{OperationState, Stage};
use vend::domain::reason::Reason;

use crate::support::bench::{Bench, admin};

const STOCK: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: slow-database
params:
  type: object
  required: [name]
  additionalProperties: false
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

fn slow(seconds: u32) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: slow, resources: {{ db: {{ type: slow-database, \
         params: {{ name: snail, seconds: {seconds} }} }} }} }}"
    )
}

async fn waiting() -> (Bench, vend::domain::operation::Operation) {
    let bench = Bench::new(&["slow"]).await;
    bench.documents(STOCK).await;
    let order = bench.apply(&slow(3_600)).await.expect("accepted");
    let child = bench.children(&order).await.remove(0);
    let child = bench.until(&child, |it| it.state == OperationState::Waiting).await;
    assert_eq!((child.stage, child.attempts, child.step), (Stage::Create, 0, 1), "pending, not failing");
    assert!(child.continuation.is_some());
    assert_eq!(bench.databases(), ["snail"]);
    (bench, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_go_is_not_finished_first() {
    let (bench, order) = waiting().await;
    let deleted = bench.settled(&bench.delete("slow").await).await;
    assert_eq!(deleted.state, OperationState::Succeeded, "{:?}", bench.children(&deleted).await);
    assert!(bench.databases().is_empty() && bench.resources().await.is_empty());
    assert_eq!(bench.settled(&order).await.state, OperationState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_create_is_completed_by_the_next_apply() {
    let (bench, order) = waiting().await;
    bench.core.engine.cancel(&order.id, &admin()).await.expect("accepted");
    let ended = bench.settled(&order).await;
    assert_eq!((ended.state, ended.reason), (OperationState::Cancelled, Some(Reason::Cancelled)));
    let again = bench.apply(&slow(0)).await.expect("accepted");
    let again = bench.settled(&again).await;
    assert_eq!(again.state, OperationState::Succeeded, "{:?}", bench.children(&again).await);
    assert_eq!(bench.databases(), ["snail"], "the same one, not another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_generation_takes_the_place_of_what_has_not_begun() {
    let (bench, first) = waiting().await;
    let second = bench.apply(&slow(1_800)).await.expect("accepted");
    let third = bench.apply(&slow(0)).await.expect("accepted");
    let superseded = bench.settled(&second).await;
    assert_eq!(superseded.state, OperationState::Superseded);
    let successor = bench.children(&third).await.remove(0);
    assert_eq!(bench.children(&second).await[0].superseded_by, Some(successor.id.clone()));
    assert_eq!(successor.state, OperationState::Queued, "one at a time: the first is still at it");
    bench.core.engine.cancel(&first.id, &admin()).await.expect("accepted");
    assert_eq!(bench.settled(&third).await.state, OperationState::Succeeded);
}
