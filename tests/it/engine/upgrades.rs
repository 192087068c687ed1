//! What is live moves only when somebody says so, and back again.

use std::collections::BTreeSet;

use serde_json::json;

use vend::domain::hold::Target;
use vend::domain::name::{Key, OrderName};
use vend::domain::operation::{Operation, OperationState};
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::refusal::Refusal;
use vend::domain::resource::{Resource, ResourceState};
use vend::domain::upgrade::Towards;
use vend::engine::{Applied, Error, Upgrade, Upgrading, Which};
use vend::stock::AppliedDocument;

use crate::support::bench::{Bench, admin, applying, manifests, name};
use crate::support::drivers::component_as;
use crate::support::shelf::{Shelf, Verb, connection, platform};

/// So many things in each order, and so many orders.
const EACH: usize = 10;
const ORDERS: usize = 30;

fn recipe(more: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Recipe, name: thing, type: thing, driver: 'shelf-000@^0', \
         connections: {{ shelf: shelf }}, replace: delete-first, {more} }}\n"
    )
}

fn document(order: &str, things: usize) -> String {
    let thing =
        |key: char| (key.to_string(), json!({ "type": "thing", "params": { "name": format!("{order}-{key}-x") } }));
    let things = ('a'..).take(things).map(thing);
    let resources: serde_json::Map<_, _> = things.collect();
    json!({ "apiVersion": "vend/v1", "kind": "Order", "name": order, "resources": resources }).to_string()
}

async fn bench() -> (Bench, Shelf) {
    let (bench, shelf) = (Bench::new(&["shelf"]).await, Shelf::default());
    bench.documents(&platform(shelf.serve().await, 64)).await;
    (bench, shelf)
}

async fn ordered(bench: &Bench, order: &str, things: usize) {
    let operation = bench.apply(&document(order, things)).await.expect("accepted");
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
}

async fn documents(bench: &Bench, text: &str) -> Vec<AppliedDocument> {
    bench.core.stock.apply(manifests(text), &admin(), Default::default()).await.expect("applied")
}

fn upgrade(order: &str, keys: &[&str], to: &str) -> Upgrade {
    let keys: BTreeSet<Key> = keys.iter().map(|key| Key::parse(key).expect("a key")).collect();
    Upgrade {
        name: OrderName { project: name("default"), environment: name("dev"), order: name(order) },
        upgrading: Upgrading {
            which: if keys.is_empty() { Which::All } else { Which::Of(keys) },
            to: Towards::parse(to).expect("a target"),
        },
        principal: admin(),
        plan_digest: None,
        allow_destroy: false,
        request_id: String::new(),
        validate_only: false,
        trace: String::new(),
    }
}

async fn upgraded(bench: &Bench, request: Upgrade) -> (Applied, Operation) {
    let applied = bench.core.engine.upgrade(request).await.unwrap_or_else(|error| panic!("{error}"));
    let operation = bench.settled(applied.operation.as_ref().expect("there is work to do")).await;
    (applied, operation)
}

async fn refused(bench: &Bench, request: Upgrade) -> Refusal {
    match bench.core.engine.upgrade(request).await {
        Err(Error::Refused(refusal)) => refusal,
        Err(Error::Stock(vend::stock::Error::Refused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn resource(bench: &Bench, order: &str, key: &str) -> Resource {
    let mut found = bench.resources().await.into_iter();
    found.find(|it| it.name.order.order.as_str() == order && it.name.key.as_str() == key).expect("it is there")
}

/// What upgrading all that the recipe has made would do.
async fn foretold(bench: &Bench) -> String {
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    bench.core.engine.foretell(&name("thing"), until).await.expect("told")
}

async fn maintenance(bench: &Bench, resource: &Resource) -> Option<String> {
    let mut view = bench.core.engine.view(resource).expect("a view");
    bench.core.engine.maintained(resource, &mut view).await.expect("told");
    view.conditions.into_iter().find(|it| it.kind == "MaintenanceAvailable").map(|it| it.message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_changed_recipe_moves_none_of_three_hundred_and_an_upgrade_those_that_it_names() {
    let (bench, shelf) = bench().await;
    for number in 0..ORDERS {
        ordered(&bench, &format!("o{number}"), EACH).await;
        assert_eq!(shelf.done(&format!("o{number}")).len(), EACH);
    }
    assert_eq!(bench.resources().await.len(), 300);

    let applied = documents(&bench, &recipe("params: { defaults: { size: 2 } }")).await;
    assert_eq!(applied[0].concerns, "300 resources stay pinned to revision 1");
    let told = foretold(&bench).await;
    assert_eq!(told, "upgrading would update 300");
    for number in 0..ORDERS {
        let again = bench.core.engine.apply(applying(&document(&format!("o{number}"), EACH))).await.expect("accepted");
        assert!(again.operation.is_none(), "{:?}", again.plan);
        assert_eq!(shelf.done(&format!("o{number}")), []);
    }
    let one = resource(&bench, "o1", "d").await;
    let news = maintenance(&bench, &one).await.expect("something newer");
    assert_eq!(news, "recipe `thing` is at revision 2, and this was made by 1");

    let five = ["a", "b", "c", "d", "e"];
    let plan = Upgrade { validate_only: true, ..upgrade("o1", &five, "") };
    let planned = bench.core.engine.upgrade(plan).await.expect("planned").plan;
    assert_eq!(shelf.done("o1"), [], "a plan writes nothing");
    let (applied, ended) =
        upgraded(&bench, Upgrade { plan_digest: Some(planned.digest.clone()), ..upgrade("o1", &five, "") }).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(ended.verb.as_str(), "upgrade");
    let changes: Vec<_> = applied.plan.resources[0].changes.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(changes, ["/recipe", "/params/size"]);
    let moved = shelf.things("o1").into_iter().filter(|(_, size)| *size == 2).count();
    assert_eq!((moved, shelf.done("o1").len()), (5, 5));
    assert_eq!(maintenance(&bench, &resource(&bench, "o1", "d").await).await, None);
    assert!(maintenance(&bench, &resource(&bench, "o1", "f").await).await.is_some());

    // A plan of before is stale by now.
    let stale = Upgrade { plan_digest: Some(planned.digest), ..upgrade("o1", &five, "") };
    assert_eq!(refused(&bench, stale).await.reason, Reason::PlanStale);
    // All that is left, and then nothing is.
    let (applied, _) = upgraded(&bench, upgrade("o1", &[], "")).await;
    assert_eq!(applied.plan.resources.iter().filter(|it| it.action == PlannedAction::Update).count(), 5);
    let idle = bench.core.engine.upgrade(upgrade("o1", &[], "")).await.expect("accepted");
    assert!(idle.operation.is_none(), "{:?}", idle.plan);
    // And back.
    let (_, ended) = upgraded(&bench, upgrade("o1", &["h"], "thing@1")).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(shelf.things("o1")["o1-h-x"], 1);
    assert_eq!(resource(&bench, "o1", "h").await.pin.recipe_revision, 1);

    let special = recipe("match: [{ project: default }], params: { defaults: { size: 9 } }")
        .replace("name: thing,", "name: special,");
    documents(&bench, &special).await;
    shelf.done("o1");
    let again = bench.core.engine.apply(applying(&document("o1", EACH))).await.expect("accepted");
    assert!(again.operation.is_none(), "a recipe that is more specific moves nothing");
    let news = maintenance(&bench, &resource(&bench, "o1", "a").await).await.expect("something newer");
    assert_eq!(news, "recipe `special` makes such resources, and this was made by `thing`");
    let (applied, ended) = upgraded(&bench, upgrade("o1", &["a"], "")).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(applied.plan.resources[0].changes[0].after, Some(json!("special@1")));
    assert_eq!(shelf.done("o1"), [(Verb::Put, "o1-a-x".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_version_of_a_driver_takes_over_what_it_remembers_and_gives_it_back() {
    let (bench, shelf) = bench().await;
    documents(&bench, &recipe("")).await;
    ordered(&bench, "a", 2).await;
    let old = resource(&bench, "a", "a").await.pin.driver_digest;
    bench.core.stock.install(component_as("shelf", "0.2.0"), &admin()).await.expect("installed");
    assert_eq!(bench.core.engine.apply(applying(&document("a", 2))).await.expect("accepted").operation, None);
    let news = maintenance(&bench, &resource(&bench, "a", "a").await).await.expect("something newer");
    assert_eq!(news, "driver shelf-000@0.2.0 takes the place of the one it is made with");

    shelf.done("a");
    // Nothing is to be done at the backend: the record changes at once.
    let (applied, ended) = upgraded(&bench, upgrade("a", &["a"], "")).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    let planned = &applied.plan.resources[0];
    assert_eq!(planned.action, PlannedAction::Record);
    assert_eq!(planned.changes[0].before, Some(json!("shelf-000@0.1.0")));
    assert_eq!(planned.changes[0].after, Some(json!("shelf-000@0.2.0")));
    assert_eq!(shelf.done("a"), []);
    let moved = resource(&bench, "a", "a").await;
    assert_ne!(moved.pin.driver_digest, old);
    assert_eq!(moved.object.as_ref().map(|it| it.state_version), Some(2));
    assert_eq!(moved.state, ResourceState::Ready);

    // It goes on with what it has taken over, and hands it back.
    let bigger = document("a", 2).replace("\"name\":\"a-a-x\"", "\"name\":\"a-a-x\",\"size\":5");
    let operation = bench.apply(&bigger).await.expect("accepted");
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    let (_, ended) = upgraded(&bench, upgrade("a", &["a"], "shelf-000@0.1.0")).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    let back = resource(&bench, "a", "a").await;
    assert_eq!((back.pin.driver_digest.as_str(), back.object.map(|it| it.state_version)), (old.as_str(), Some(1)));
    let deleted = bench.delete("a").await;
    assert_eq!(bench.settled(&deleted).await.state, OperationState::Succeeded);
    assert!(shelf.things("a").is_empty());

    // Two versions ahead nobody knows the way.
    ordered(&bench, "b", 1).await;
    let unknown = refused(&bench, upgrade("b", &["a"], "shelf-000@0.7.0")).await;
    assert_eq!(unknown.reason, Reason::UnresolvedReference);
    assert!(unknown.message.contains("0.7.0"), "{}", unknown.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_an_upgrade_replaces_is_asked_for_and_a_failure_can_be_upgraded_out_of() {
    let (bench, shelf) = bench().await;
    ordered(&bench, "a", 2).await;
    documents(&bench, &recipe("params: { defaults: { rack: north } }")).await;
    assert_eq!(foretold(&bench).await, "upgrading would replace 2");
    let required = refused(&bench, upgrade("a", &[], "")).await;
    assert_eq!(required.reason, Reason::PlanRequired);
    shelf.done("a");
    let (_, ended) = upgraded(&bench, Upgrade { allow_destroy: true, ..upgrade("a", &["b"], "") }).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    let thing = "a-b-x".to_owned();
    assert_eq!(shelf.done("a"), [(Verb::Delete, thing.clone()), (Verb::Put, thing)]);
    assert_eq!(resource(&bench, "a", "b").await.incarnation, 2);

    // What has failed on the way can be upgraded out of that.
    ordered(&bench, "z", 1).await;
    documents(&bench, &recipe("params: { defaults: { rack: north, size: 3 } }")).await;
    shelf.refuse("z", [(Verb::Put, 'a')]);
    let (_, ended) = upgraded(&bench, upgrade("z", &[], "")).await;
    assert_eq!(ended.state, OperationState::Failed);
    let failed = resource(&bench, "z", "a").await;
    assert_eq!((failed.state, failed.pin.recipe_revision), (ResourceState::Failed, 3));
    assert_eq!(maintenance(&bench, &failed).await, None);
    shelf.refuse("z", []);
    let (_, ended) = upgraded(&bench, upgrade("z", &[], "thing@2")).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(shelf.things("z")["z-a-x"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_taken_over_is_refused_by_name() {
    let (bench, shelf) = bench().await;
    ordered(&bench, "a", 1).await;
    for (to, reason, words) in
        [("thing@7", Reason::NotFound, "no revision 7"), ("thong@1", Reason::NotFound, "no recipe `thong`")]
    {
        let refusal = refused(&bench, upgrade("a", &[], to)).await;
        assert_eq!(refusal.reason, reason);
        assert!(refusal.message.contains(words), "{}", refusal.message);
    }
    let nowhere = refused(&bench, upgrade("a", &["j"], "")).await;
    assert_eq!((nowhere.reason, nowhere.message.contains("`j`")), (Reason::NotFound, true));
    assert_eq!(refused(&bench, upgrade("none", &[], "")).await.reason, Reason::NotFound);

    // Another backend.
    let other = Shelf::default();
    let elsewhere = connection(other.serve().await, 4).replace("name: shelf", "name: elsewhere");
    documents(&bench, &format!("{elsewhere}---\n{}", recipe("").replace("shelf: shelf", "shelf: elsewhere"))).await;
    let refusal = refused(&bench, upgrade("a", &[], "")).await;
    assert_eq!(refusal.reason, Reason::ReplacementRefused);
    assert!(refusal.message.contains("`elsewhere` leads to another"), "{}", refusal.message);
    assert_eq!(foretold(&bench).await, "upgrading would be refused for 1");

    // What has not begun is done by what is current when it does.
    documents(&bench, &recipe("params: { defaults: { size: 2 } }")).await;
    let connection = Target::Connection(name("shelf"));
    bench.core.engine.pause(connection.clone(), "a look", &admin()).await.expect("paused");
    let grown = document("a", 1).replace("\"name\":\"a-a-x\"", "\"name\":\"a-a-x\",\"size\":5");
    let held = bench.apply(&grown).await.expect("accepted");
    let moved = bench.core.engine.upgrade(upgrade("a", &[], "")).await.expect("accepted");
    assert_eq!(moved.plan.resources[0].action, PlannedAction::Record);
    bench.core.engine.resume(&connection, &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&held).await.state, OperationState::Succeeded);
    assert_eq!((shelf.things("a")["a-a-x"], resource(&bench, "a", "a").await.pin.recipe_revision), (5, 3));

    // What has is not touched meanwhile.
    let slow = document("b", 1).replace("\"name\":\"b-a-x\"", "\"name\":\"b-a-x\",\"wait-ms\":600000");
    let running = bench.apply(&slow).await.expect("accepted");
    bench.until(&running, |it| it.tally.waiting == 1).await;
    documents(&bench, &recipe("params: { defaults: { size: 4 } }")).await;
    let busy = refused(&bench, upgrade("b", &[], "")).await;
    assert_eq!(busy.reason, Reason::ConcurrentOperation);
    assert!(busy.hint.contains("vend wait operation/op_"), "{}", busy.hint);
    assert_eq!(resource(&bench, "b", "a").await.pin.recipe_revision, 3);
}
