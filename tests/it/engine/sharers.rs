//! Orders that share things, changed by chance and all at once: there is one of each as long as somebody wants it, and none after that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;

use vend::domain::operation::{Operation, OperationState};
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::engine::{Apply, Delete, Error};

use crate::support::bench::{Bench, admin, applying, name, order};
use crate::support::chance::Chance;
use crate::support::shelf::{Shelf, platform};

const ORDERS: [&str; 4] = ["a", "b", "c", "d"];
const THINGS: [&str; 3] = ["x", "y", "z"];
const ROUNDS: u64 = 40;
/// How often a change is asked for again that was refused because of what others are at.
const TRIES: u32 = 500;

/// What an order asks for: things, and of which of them it has a user of its own.
type Asked = BTreeMap<&'static str, bool>;

/// `None`: the order is deleted.
fn made_up(dice: &Chance) -> Option<Asked> {
    let below = |bound: u64| dice.number() % bound;
    let asked = THINGS.iter().filter(|_| below(3) > 0).map(|thing| (*thing, below(2) == 0)).collect();
    (below(4) > 0).then_some(asked)
}

fn text(of: &str, asked: &Asked) -> String {
    let mut entries = Vec::new();
    for (thing, used) in asked {
        entries.push(format!("{thing}: {{ type: thing, id: company.{thing}, params: {{ name: s-{thing} }} }}"));
        if *used {
            entries.push(format!(
                r#"u{thing}: {{ type: thing, params: {{ name: "s-u{of}-${{resources.{thing}.outputs.name}}" }} }}"#
            ));
        }
    }
    format!("{{ apiVersion: vend/v1, kind: Order, name: {of}, resources: {{ {} }} }}", entries.join(", "))
}

/// Asked for until others are through.
async fn changed(bench: &Bench, of: &str, asked: Option<&Asked>) -> Option<Operation> {
    let mut last = None;
    for _ in 0..TRIES {
        let accepted = match asked {
            Some(asked) => {
                let request = Apply { allow_destroy: true, ..applying(&text(of, asked)) };
                bench.core.engine.apply(request).await.map(|applied| applied.operation)
            }
            None => bench.core.engine.delete(deletion(of)).await,
        };
        match accepted {
            Ok(operation) => return operation,
            Err(Error::Refused(refusal))
                if matches!(refusal.reason, Reason::ConcurrentOperation | Reason::ResourceHasDependants) =>
            {
                last = Some(refusal);
            }
            Err(other) => panic!("{of}: {asked:?}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{of}: {asked:?}: {last:?}");
}

fn deletion(of: &str) -> Delete {
    let name = vend::domain::name::OrderName { project: name("default"), environment: name("dev"), order: name(of) };
    Delete {
        name,
        principal: admin(),
        etag: None,
        request_id: String::new(),
        allow_missing: true,
        allow_destroy: true,
        trace: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn there_is_one_of_what_anybody_shares_and_none_when_nobody_does() {
    let (bench, shelf) = (Bench::new(&["shelf"]).await, Shelf::default());
    bench.documents(&platform(shelf.serve().await, 8)).await;
    for round in 0..ROUNDS {
        let dice = Chance::new(round);
        let asked: Vec<_> = ORDERS.iter().map(|of| (*of, made_up(&dice))).collect();
        let operations = join_all(asked.iter().map(|(of, asked)| changed(&bench, of, asked.as_ref()))).await;
        for operation in operations.iter().flatten() {
            let ended = bench.settled(operation).await;
            let children = bench.children(&ended).await;
            assert_eq!(ended.state, OperationState::Succeeded, "round {round}: {asked:?}: {children:?}");
        }
        let mut expected = BTreeSet::new();
        for (of, asked) in asked.iter().filter_map(|(of, asked)| Some((of, asked.as_ref()?))) {
            let plan = bench.core.engine.plan(order(&text(of, asked)), &admin()).await.expect("a plan");
            let work: Vec<_> = plan.resources.iter().filter(|it| it.action != PlannedAction::None).collect();
            assert!(work.is_empty(), "round {round}: {of}: {asked:?}: {work:?}");
            expected.extend(asked.keys().map(|thing| format!("s-{thing}")));
            expected.extend(asked.iter().filter(|(_, used)| **used).map(|(thing, _)| format!("s-u{of}-s-{thing}")));
        }
        let there: BTreeSet<String> = shelf.things("s").into_keys().collect();
        assert_eq!(there, expected, "round {round}: {asked:?}");
        assert_eq!(bench.resources().await.len(), expected.len(), "round {round}: {asked:?}");
        for (of, _) in asked.iter().filter(|(_, asked)| asked.is_none()) {
            let left = bench.core.store.order(&deletion(of).name).await.expect("read");
            assert!(left.is_none(), "round {round}: {of} is left: {asked:?}");
        }
    }
}
