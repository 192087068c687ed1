//! One order, applied by many at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use vend::domain::operation::{Operation, OperationState};
use vend::domain::principal::{Principal, Role};
use vend::domain::reason::Reason;
use vend::domain::resource::ResourceState;
use vend::engine::Error;

use crate::support::bench::{Bench, applying};
use crate::support::shelf::{Shelf, Verb, platform};

const MANY: u64 = 100;

/// Three things in a row, of which the first says how large they all are.
fn document(size: u64) -> String {
    let reference = |key: &str| json!(format!("${{resources.{key}.outputs.size}}"));
    let thing =
        |key: &str, size| json!({ "type": "thing", "params": { "name": format!("many-{key}-x"), "size": size } });
    let resources =
        json!({ "a": thing("a", json!(size)), "b": thing("b", reference("a")), "c": thing("c", reference("b")) });
    json!({ "apiVersion": "vend/v1", "kind": "Order", "name": "many", "resources": resources }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_apply_at_once_the_newest_wins() {
    let (bench, shelf) = (Arc::new(Bench::new(&["shelf"]).await), Shelf::default());
    bench.documents(&platform(shelf.serve().await, 64)).await;
    let applies = (0..MANY).map(|number| {
        let bench = bench.clone();
        tokio::spawn(async move {
            let mut request = applying(&document(number));
            request.source = format!("git:team-{}", number % 2);
            request.take_over = true;
            request.principal = Principal { name: format!("token:p{}", number % 2), roles: vec![Role::Admin] };
            (number, bench.core.engine.apply(request).await)
        })
    });
    let mut accepted: Vec<(u64, Operation)> = Vec::new();
    for apply in applies.collect::<Vec<_>>() {
        match apply.await.expect("no panic") {
            (number, Ok(applied)) => accepted.extend(applied.operation.map(|operation| (number, operation))),
            (_, Err(Error::Refused(refusal))) => assert_eq!(refusal.reason, Reason::ConcurrentOperation, "{refusal:?}"),
            (_, Err(other)) => panic!("{other:?}"),
        }
    }
    accepted.sort_by_key(|(_, operation)| operation.generation);
    let generations: Vec<u64> = accepted.iter().map(|(_, operation)| operation.generation).collect();
    assert_eq!(generations, (1..=accepted.len() as u64).collect::<Vec<_>>(), "each was accepted once");
    let (mut known, mut successors) = (BTreeSet::new(), Vec::new());
    for (_, operation) in &accepted {
        let ended = bench.settled(operation).await;
        assert!(matches!(ended.state, OperationState::Succeeded | OperationState::Superseded), "{ended:?}");
        for child in bench.children(operation).await {
            let named = child.superseded_by.clone();
            assert_eq!(child.state == OperationState::Superseded, named.is_some(), "{child:?}");
            assert!(matches!(child.state, OperationState::Succeeded | OperationState::Superseded), "{child:?}");
            successors.extend(named.map(|successor| (child.generation, successor)));
            known.insert((child.id.clone(), child.generation));
        }
    }
    for (generation, successor) in successors {
        assert!(known.iter().any(|(id, newer)| *id == successor && *newer > generation), "{successor} is a newer one");
    }
    let (newest, _) = accepted.last().expect("one at least");
    let things = ["a", "b", "c"].map(|key| (format!("many-{key}-x"), *newest));
    assert_eq!(shelf.things("many"), things.into_iter().collect());
    assert!(bench.resources().await.iter().all(|it| it.state == ResourceState::Ready));
    let again = bench.core.engine.apply(applying(&document(*newest))).await.expect("accepted");
    assert!(again.operation.is_none(), "{:?}", again.plan);

    shelf.done("many");
    let deleted = bench.delete("many").await;
    assert_eq!(bench.settled(&deleted).await.state, OperationState::Succeeded);
    let gone = ["c", "b", "a"].map(|key| (Verb::Delete, format!("many-{key}-x")));
    assert_eq!(shelf.done("many"), gone);
    assert!(bench.resources().await.is_empty() && shelf.things("many").is_empty());
}
