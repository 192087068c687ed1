//! What orders were.

use serde_json::json;

use vend::domain::generation::KEPT;
use vend::domain::name::OrderName;
use vend::domain::operation::OperationState;
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::engine::Error;

use crate::support::bench::{Bench, applying, name};
use crate::support::shelf::{Shelf, platform};

fn document(size: u64) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: h, resources: {{ \
         a: {{ type: thing, params: {{ name: h-a-x, size: {size} }} }}, b: {{ type: thing, params: {{ name: h-b-x }} }} }} }}\n"
    )
}

fn order() -> OrderName {
    OrderName { project: name("default"), environment: name("dev"), order: name("h") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_latest_generations_are_kept_with_manifest_and_plan() {
    let (bench, shelf) = (Bench::new(&["shelf"]).await, Shelf::default());
    bench.documents(&platform(shelf.serve().await, 8)).await;
    let many = KEPT + 3;
    for size in 1..=many {
        let mut request = applying(&document(size));
        request.source = "git:shop".into();
        let operation = bench.core.engine.apply(request).await.expect("accepted").operation.expect("work");
        assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    }
    // What changes nothing is no generation.
    assert!(bench.core.engine.apply(applying(&document(many))).await.expect("accepted").operation.is_none());

    let all = bench.core.engine.generations(&order()).await.expect("told");
    let numbers: Vec<u64> = all.iter().map(|it| it.generation.generation).collect();
    assert_eq!(numbers, (many - KEPT + 1..=many).rev().collect::<Vec<_>>());
    let latest = &all[0];
    assert_eq!(latest.state, Some(OperationState::Succeeded));
    assert_eq!(latest.generation.counts, [("update".to_owned(), 1)].into());
    assert_eq!((latest.generation.source.as_str(), latest.generation.principal.as_str()), ("git:shop", "token:admin"));

    for generation in [many - KEPT + 1, many - 1, many] {
        let past = bench.core.engine.generation(&order(), generation).await.expect("kept");
        let manifest = past.manifest.expect("its manifest");
        assert_eq!(manifest["resources"]["a"]["params"]["size"], json!(generation), "{generation}");
        let plan = past.plan.expect("its plan");
        assert_eq!(plan.digest, past.generation.plan_digest);
        let planned: Vec<_> = plan.resources.iter().map(|it| (it.key.as_str(), it.action)).collect();
        assert_eq!(planned, [("a", PlannedAction::Update)], "what stayed is not kept");
        assert_eq!(plan.resources[0].changes[0].after, Some(json!(generation)));
    }
    let gone = bench.core.engine.generation(&order(), 2).await.expect_err("let go");
    let Error::Refused(refusal) = gone else { panic!("{gone:?}") };
    assert_eq!(refusal.reason, Reason::NotFound);
    assert!(refusal.hint.contains(&format!("{} to {many}", many - KEPT + 1)), "{}", refusal.hint);

    // It goes with its order.
    let deleted = bench.delete("h").await;
    assert_eq!(bench.settled(&deleted).await.state, OperationState::Succeeded);
    assert!(bench.core.engine.generations(&order()).await.expect("told").is_empty());
    let anew = bench.apply(&document(1)).await.expect("accepted");
    bench.settled(&anew).await;
    let all = bench.core.engine.generations(&order()).await.expect("told");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].generation.counts, [("create".to_owned(), 2)].into());
}
