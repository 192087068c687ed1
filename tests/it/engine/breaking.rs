//! A connection that does not work is left alone, but for a probe now and then; and all goes on when it works.

use vend::domain::hold::Target;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::reason::Reason;

use crate::support::bench::{Bench, admin};

const STOCK: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: sqlite-database
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: files
type: sqlite-database
driver: sqlite@^0.1
connections: { server: far }
---
apiVersion: vend/v1
kind: Connection
name: far
type: sqlite
endpoint: away/databases
allow: { databases: ["*"] }
"#;

const MANY: usize = 40;

async fn broken() -> (Bench, Operation) {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(STOCK).await;
    let resources: Vec<_> =
        (0..MANY).map(|n| format!("r{n}: {{ type: sqlite-database, params: {{ name: db{n} }} }}")).collect();
    let order =
        format!("{{ apiVersion: vend/v1, kind: Order, name: many, resources: {{ {} }} }}", resources.join(", "));
    // Planning asks the backend too: it goes away between that and the first attempt.
    let away = bench.dir.path().join("away");
    std::fs::create_dir(&away).expect("a directory");
    let far = Target::parse("connections/far").expect("a connection");
    bench.core.engine.pause(far.clone(), "", &admin()).await.expect("paused");
    let operation = bench.apply(&order).await.expect("accepted");
    std::fs::remove_dir_all(away).expect("somebody removes it");
    bench.core.engine.resume(&far, &admin()).await.expect("resumed");
    for child in bench.children(&operation).await {
        let opened = |it: &Operation| it.held.as_ref().is_some_and(|held| held.by == "breaker:connections/far");
        bench.until(&child, opened).await;
    }
    (bench, operation)
}

/// Until then the directory of the connection cannot be made.
fn repair(bench: &Bench) {
    std::fs::create_dir(bench.dir.path().join("away")).expect("a directory");
}

fn open(bench: &Bench) -> bool {
    let far = Target::parse("connections/far").expect("a connection");
    bench.core.engine.held_conditions(&far).iter().any(|it| it.kind == "CircuitOpen")
}

async fn attempts(bench: &Bench, operation: &Operation) -> u32 {
    bench.children(operation).await.iter().map(|it| it.attempts).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_is_not_hammered_and_all_go_on_when_it_is_back() {
    let (bench, operation) = broken().await;
    assert!(open(&bench));
    // One of them may be trying it.
    let children = bench.children(&operation).await;
    let child = children.into_iter().find(|it| it.held.is_some()).expect("the others wait");
    assert_eq!((child.state, child.reason), (OperationState::Waiting, Some(Reason::BackendUnavailable)));
    assert!(child.message.contains("connection `far` is not used since"), "{}", child.message);
    let before = attempts(&bench, &operation).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let spent = attempts(&bench, &operation).await;
    // As many as were under way when it opened, and a few probes; each on its own would have tried several times by now.
    assert!(spent < u32::try_from(MANY).expect("few"), "{spent} attempts of {MANY} operations");
    assert!(spent - before <= 12, "{} attempts while it was open", spent - before);
    repair(&bench);
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    assert!(!open(&bench));
    let made = std::fs::read_dir(bench.dir.path().join("away/databases")).expect("made").flatten();
    assert_eq!(made.filter(|it| it.path().extension().is_some_and(|it| it == "db")).count(), MANY);
    let (events, _) = bench.core.store.events("", 0, 1_000).await.expect("read");
    let told: Vec<_> = events.iter().filter(|it| it.event.state == "circuit-open").collect();
    assert_eq!(told.len(), 2, "it opened once and closed once: {told:?}");
    assert_eq!(told[0].event.name, "connections/far");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_goes_well_or_a_change_has_it_tried_at_once() {
    let (bench, operation) = broken().await;
    // Until the next probe is some seconds off.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    bench.core.stock.check_connection("far").await.expect_err("still away");
    repair(&bench);
    bench.core.stock.check_connection("far").await.expect("it is back");
    let begun = std::time::Instant::now();
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
