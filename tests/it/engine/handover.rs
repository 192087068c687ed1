//! What is replaced create-first stays until all that refers to it has moved.

use serde_json::json;

use vend::domain::hold::Target;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::resource::{Resource, ResourceState};

use crate::support::bench::{Bench, DATABASES, admin, applying, name, order};
use crate::support::shelf::{STOCK, Shelf, Verb, connection};

/// A thing `a` of this name; `b`, over a connection of its own, refers to it, and `c` to `b`.
fn document(a: &str) -> String {
    let thing = |params: serde_json::Value| json!({ "type": "thing", "params": params });
    let mut b = thing(json!({ "name": "h-b-x", "of": ["${resources.a.outputs.name}"] }));
    b["class"] = json!("apart");
    let resources = json!({
        "a": thing(json!({ "name": format!("h-{a}-x") })),
        "b": b,
        "c": thing(json!({ "name": "h-c-x", "of": ["${resources.b.outputs.name}"] })),
    });
    json!({ "apiVersion": "vend/v1", "kind": "Order", "name": "h", "resources": resources }).to_string()
}

async fn bench() -> (Bench, Shelf) {
    let (bench, shelf) = (Bench::new(&["shelf"]).await, Shelf::default());
    let apart = connection(shelf.serve().await, 8).replace("name: shelf", "name: apart");
    let stock = STOCK.replace("replace: delete-first", "replace: create-first").replacen(
        "params:",
        "classes: [{ name: apart }]\nparams:",
        1,
    );
    let recipe = "{ apiVersion: vend/v1, kind: Recipe, name: apart, type: thing, match: [{ class: apart }], \
        driver: shelf-000@^0.1, connections: { shelf: apart } }";
    let port = shelf.serve().await;
    bench.documents(&format!("{}---\n{apart}---\n{stock}---\n{recipe}", connection(port, 8))).await;
    ended(&bench, &document("n1")).await;
    shelf.done("h");
    (bench, shelf)
}

async fn begun(bench: &Bench, text: &str) -> Operation {
    let mut request = applying(text);
    request.allow_destroy = true;
    bench.core.engine.apply(request).await.expect("accepted").operation.expect("there is work to do")
}

async fn ended(bench: &Bench, text: &str) {
    let operation = begun(bench, text).await;
    let ended = bench.settled(&operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:?}");
}

async fn child(bench: &Bench, of: &Operation, key: &str) -> Operation {
    bench.children(of).await.into_iter().find(|it| it.resource_key == key).expect("it has one")
}

async fn resource(bench: &Bench, key: &str) -> Resource {
    bench.resources().await.into_iter().find(|it| it.name.key.as_str() == key).expect("it is there")
}

/// The first has made the new object, and waits for those that refer to it.
async fn waiting(bench: &Bench, operation: &Operation) -> Operation {
    let a = child(bench, operation, "a").await;
    bench.until(&a, |it| it.status.starts_with("the new one is there")).await
}

fn apart() -> Target {
    Target::Connection(name("apart"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_former_object_goes_last() {
    let (bench, shelf) = bench().await;
    ended(&bench, &document("n2")).await;
    let done = shelf.done("h");
    let expected = [(Verb::Put, "h-n2-x"), (Verb::Put, "h-b-x"), (Verb::Delete, "h-n1-x")];
    assert_eq!(done, expected.map(|(verb, name)| (verb, name.to_owned())));
    let a = resource(&bench, "a").await;
    assert_eq!((a.incarnation, a.former.is_none(), a.state), (2, true, ResourceState::Ready));
    let again = bench.core.engine.apply(applying(&document("n2"))).await.expect("accepted");
    assert!(again.operation.is_none(), "{:?}", again.plan);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_of_replacements_goes_from_its_end() {
    let (bench, shelf) = bench().await;
    bench.delete("h").await;
    let row = |a: &str| {
        let thing = |name: String| json!({ "type": "thing", "params": { "name": name } });
        let resources = json!({
            "a": thing(format!("r-{a}-x")),
            "b": thing("${resources.a.outputs.name}-b".into()),
            "c": thing("${resources.b.outputs.name}-c".into()),
        });
        json!({ "apiVersion": "vend/v1", "kind": "Order", "name": "r", "resources": resources }).to_string()
    };
    ended(&bench, &row("n1")).await;
    shelf.done("r");
    ended(&bench, &row("n2")).await;
    let expected = [
        (Verb::Put, "r-n2-x"),
        (Verb::Put, "r-n2-x-b"),
        (Verb::Put, "r-n2-x-b-c"),
        (Verb::Delete, "r-n1-x-b-c"),
        (Verb::Delete, "r-n1-x-b"),
        (Verb::Delete, "r-n1-x"),
    ];
    assert_eq!(shelf.done("r"), expected.map(|(verb, name)| (verb, name.to_owned())));
    assert!(bench.core.engine.apply(applying(&row("n2"))).await.expect("accepted").operation.is_none());
}

/// Of a type whose objects say which incarnation they are: one that was begun is a stranger to the former.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replacement_that_was_begun_is_gone_on_with() {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(&DATABASES.replace("replace: delete-first", "replace: create-first")).await;
    let database = |params: serde_json::Value| {
        let resources = json!({ "db": { "type": "sqlite-database", "params": params } });
        json!({ "apiVersion": "vend/v1", "kind": "Order", "name": "h", "resources": resources }).to_string()
    };
    ended(&bench, &database(json!({ "name": "one" }))).await;
    let broken = database(json!({ "name": "two", "schema": ["CREATE TABLE a (x)", "NONSENSE"] }));
    for _ in 0..2 {
        let failed = bench.settled(&begun(&bench, &broken).await).await;
        let db = child(&bench, &failed, "db").await;
        assert_eq!((db.state, db.reason), (OperationState::Failed, Some(Reason::ParamsInvalid)), "{}", db.message);
        assert_eq!(bench.databases(), ["one", "two"]);
    }
    ended(&bench, &database(json!({ "name": "two", "schema": ["CREATE TABLE a (x)"] }))).await;
    assert_eq!(bench.databases(), ["two"]);

    let failed = begun(&bench, &database(json!({ "name": "three", "schema": ["NONSENSE"] }))).await;
    assert_eq!(bench.settled(&failed).await.state, OperationState::Failed);
    ended(&bench, &database(json!({ "name": "two", "schema": ["CREATE TABLE a (x)"] }))).await;
    assert_eq!(bench.databases(), ["two"], "the former one is wanted again");

    // Also where the new one is complete, and stays only because what refers to it has not moved.
    let pair = |name: &str, schema: &[&str]| {
        let database = |params: serde_json::Value| json!({ "type": "sqlite-database", "params": params });
        let own = database(json!({ "name": "${resources.db.outputs.name}-own", "schema": schema }));
        let resources = json!({ "db": database(json!({ "name": name })), "own": own });
        json!({ "apiVersion": "vend/v1", "kind": "Order", "name": "pair", "resources": resources }).to_string()
    };
    ended(&bench, &pair("four", &[])).await;
    let failed = begun(&bench, &pair("five", &["NONSENSE"])).await;
    assert_eq!(bench.settled(&failed).await.state, OperationState::Failed);
    assert_eq!(bench.databases(), ["five", "five-own", "four", "four-own", "two"]);
    let back = bench.core.engine.plan(order(&pair("four", &[])), &admin()).await.expect("a plan");
    let told = &back.resources[0];
    assert_eq!((told.action, told.changes[0].pointer.as_str()), (PlannedAction::Replace, "/params/name"), "{told:?}");
    ended(&bench, &pair("four", &[])).await;
    assert_eq!(bench.databases(), ["four", "four-own", "two"]);
    assert!(bench.core.engine.apply(applying(&pair("four", &[]))).await.expect("accepted").operation.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_one_has_not_moved_it_stays() {
    let (bench, shelf) = bench().await;
    shelf.refuse("h", [(Verb::Put, 'b')]);
    let operation = begun(&bench, &document("n2")).await;
    assert_eq!(bench.settled(&operation).await.state, OperationState::Failed);
    let a = child(&bench, &operation, "a").await;
    assert_eq!((a.state, a.reason), (OperationState::Failed, Some(Reason::DependencyFailed)));
    assert!(a.message.contains("stays until what refers to it has moved: `b`"), "{}", a.message);
    assert_eq!(shelf.done("h"), [(Verb::Put, "h-n2-x".to_owned())]);
    assert!(resource(&bench, "a").await.former.is_some());

    shelf.refuse("h", []);
    ended(&bench, &document("n2")).await;
    let done = shelf.done("h");
    let expected = [(Verb::Put, "h-b-x"), (Verb::Delete, "h-n1-x")];
    assert_eq!(done, expected.map(|(verb, name)| (verb, name.to_owned())));
    assert_eq!(resource(&bench, "a").await.state, ResourceState::Ready);
}

fn words(done: &[(Verb, &str)]) -> Vec<(Verb, String)> {
    done.iter().map(|(verb, name)| (*verb, (*name).to_owned())).collect()
}

/// Who refers to it no more, and who goes: they were made with the former one as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_leaves_it_has_left_before_it_goes() {
    let (bench, shelf) = bench().await;
    let alone = document("n2").replace("${resources.a.outputs.name}", "none");
    bench.core.engine.pause(apart(), "a look", &admin()).await.expect("paused");
    let operation = begun(&bench, &alone).await;
    waiting(&bench, &operation).await;
    assert_eq!(shelf.done("h"), words(&[(Verb::Put, "h-n2-x")]));
    bench.core.engine.resume(&apart(), &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    assert_eq!(shelf.done("h"), words(&[(Verb::Put, "h-b-x"), (Verb::Delete, "h-n1-x")]));

    ended(&bench, &document("n1")).await;
    shelf.done("h");
    let mut fewer: serde_json::Value = serde_json::from_str(&document("n2")).expect("JSON");
    let resources = fewer["resources"].as_object_mut().expect("resources");
    resources.retain(|key, _| key == "a");
    ended(&bench, &fewer.to_string()).await;
    let expected = [(Verb::Put, "h-n2-x"), (Verb::Delete, "h-c-x"), (Verb::Delete, "h-b-x"), (Verb::Delete, "h-n1-x")];
    let mut done = shelf.done("h");
    done.sort_by_key(|(verb, _)| *verb == Verb::Delete);
    assert_eq!(done, words(&expected));
}

/// Who comes new was never made with the former one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_new_does_not_keep_it() {
    let (bench, shelf) = bench().await;
    let mut more: serde_json::Value = serde_json::from_str(&document("n2")).expect("JSON");
    for key in ["b", "c"] {
        more["resources"][key]["params"]["of"] = json!([]);
    }
    ended(&bench, &more.to_string()).await;
    shelf.done("h");
    more["resources"]["a"]["params"]["name"] = json!("h-n3-x");
    more["resources"]["d"] = more["resources"]["b"].clone();
    more["resources"]["d"]["params"] = json!({ "name": "h-d-x", "of": ["${resources.a.outputs.name}"] });
    bench.core.engine.pause(apart(), "a look", &admin()).await.expect("paused");
    let operation = begun(&bench, &more.to_string()).await;
    let a = child(&bench, &operation, "a").await;
    assert_eq!(bench.settled(&a).await.state, OperationState::Succeeded);
    assert_eq!(shelf.done("h"), words(&[(Verb::Put, "h-n3-x"), (Verb::Delete, "h-n2-x")]));
    bench.core.engine.resume(&apart(), &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    assert_eq!(shelf.done("h"), words(&[(Verb::Put, "h-d-x")]));
}

/// What goes is there until nothing is that was made with it, former objects included.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_follows_the_former_object_that_was_made_with_it() {
    let (bench, shelf) = bench().await;
    let mut fewer: serde_json::Value = serde_json::from_str(&document("n1")).expect("JSON");
    fewer["resources"].as_object_mut().expect("resources").remove("a");
    fewer["resources"]["b"]["params"] = json!({ "name": "h-bb-x" });
    ended(&bench, &fewer.to_string()).await;
    let expected = [(Verb::Put, "h-bb-x"), (Verb::Put, "h-c-x"), (Verb::Delete, "h-b-x"), (Verb::Delete, "h-n1-x")];
    assert_eq!(shelf.done("h"), words(&expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_newer_generation_takes_over_while_it_waits() {
    let (bench, shelf) = bench().await;
    bench.core.engine.pause(apart(), "a look", &admin()).await.expect("paused");
    let second = begun(&bench, &document("n2")).await;
    waiting(&bench, &second).await;
    let third = begun(&bench, &document("n3")).await;
    bench.core.engine.resume(&apart(), &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&third).await.state, OperationState::Succeeded);
    assert_eq!(bench.settled(&second).await.state, OperationState::Superseded);
    let names: Vec<_> = shelf.things("h").into_keys().collect();
    assert_eq!(names, ["h-b-x", "h-c-x", "h-n3-x"]);
    let done = shelf.done("h");
    let place = |verb, name: &str| done.iter().position(|it| *it == (verb, name.to_owned())).expect(name);
    assert!(place(Verb::Put, "h-b-x") > place(Verb::Put, "h-n2-x"), "{done:?}");
    let a = resource(&bench, "a").await;
    assert_eq!((a.former.is_none(), a.state), (true, ResourceState::Ready));
    let again = bench.core.engine.apply(applying(&document("n3"))).await.expect("accepted");
    assert!(again.operation.is_none(), "all of it refers to the third: {:?}", again.plan);

    // One that changes what refers to it only.
    bench.core.engine.pause(apart(), "a look", &admin()).await.expect("paused");
    let fourth = begun(&bench, &document("n4")).await;
    waiting(&bench, &fourth).await;
    let other = document("n4").replace("\"name\":\"h-b-x\"", "\"name\":\"h-b-x\",\"size\":7");
    let fifth = begun(&bench, &other).await;
    bench.core.engine.resume(&apart(), &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&fifth).await.state, OperationState::Succeeded);
    bench.settled(&fourth).await;
    assert_eq!(shelf.things("h").into_keys().collect::<Vec<_>>(), ["h-b-x", "h-c-x", "h-n4-x"]);
    let last = shelf.done("h").pop().expect("something");
    assert_eq!(last, (Verb::Delete, "h-n3-x".to_owned()), "when `b` had moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_can_be_cancelled_and_deleted_while_it_waits() {
    let (bench, shelf) = bench().await;
    bench.core.engine.pause(apart(), "a look", &admin()).await.expect("paused");
    let second = begun(&bench, &document("n2")).await;
    let a = waiting(&bench, &second).await;
    bench.core.engine.cancel(&a.id, &admin()).await.expect("cancelled");
    assert_eq!(bench.settled(&a).await.state, OperationState::Cancelled);
    assert!(resource(&bench, "a").await.former.is_some(), "it is on record");
    bench.core.engine.resume(&apart(), &admin()).await.expect("resumed");
    bench.settled(&second).await;
    ended(&bench, &document("n2")).await;
    assert_eq!(shelf.things("h").into_keys().collect::<Vec<_>>(), ["h-b-x", "h-c-x", "h-n2-x"]);

    bench.core.engine.pause(apart(), "a look", &admin()).await.expect("paused");
    let third = begun(&bench, &document("n3")).await;
    waiting(&bench, &third).await;
    let deleted = bench.delete("h").await;
    bench.core.engine.resume(&apart(), &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&deleted).await.state, OperationState::Succeeded);
    assert!(shelf.things("h").is_empty(), "{:?}", shelf.things("h"));
    assert!(bench.resources().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_replaced_is_taken_back_where_it_is_wanted_again() {
    let (bench, shelf) = bench().await;
    let larger = document("n1").replace("\"name\":\"h-n1-x\"", "\"name\":\"h-n1-x\",\"size\":7");
    let cases = [(document("n1"), vec![]), (larger, vec![(Verb::Put, "h-n1-x".to_owned())])];
    for (back, mut expected) in cases {
        shelf.refuse("h", [(Verb::Put, 'b')]);
        let operation = begun(&bench, &document("n2")).await;
        assert_eq!(bench.settled(&operation).await.state, OperationState::Failed);
        shelf.refuse("h", []);
        shelf.done("h");
        ended(&bench, &back).await;
        expected.push((Verb::Delete, "h-n2-x".to_owned()));
        assert_eq!(shelf.done("h"), expected, "what there was is there still");
        let a = resource(&bench, "a").await;
        assert_eq!((a.former.is_none(), a.state), (true, ResourceState::Ready));
        assert_eq!(a.object.map(|it| it.incarnation), Some(1));
        let again = bench.core.engine.apply(applying(&back)).await.expect("accepted");
        assert!(again.operation.is_none(), "{:?}", again.plan);
    }
    // Its name is its own again, and the other one's is free.
    let other = "{ apiVersion: vend/v1, kind: Order, name: other, resources: { it: { type: thing, params: { name: h-n2-x } } } }";
    ended(&bench, other).await;
    let taken =
        bench.core.engine.apply(applying(&other.replace("n2", "n1").replace("name: other", "name: third"))).await;
    assert!(taken.is_err_and(|error| error.to_string().contains("is taken by")), "`a` has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn where_nothing_new_was_made_nothing_is_replaced() {
    let (bench, shelf) = bench().await;
    shelf.refuse("h", [(Verb::Put, 'q')]);
    let operation = begun(&bench, &document("q")).await;
    assert_eq!(bench.settled(&operation).await.state, OperationState::Failed);
    let a = resource(&bench, "a").await;
    assert!(a.former.is_none() && a.object.is_some_and(|it| it.complete), "it has what it had");
    shelf.refuse("h", []);
    ended(&bench, &document("n1")).await;
    assert_eq!(shelf.done("h"), []);
    ended(&bench, &document("q")).await;
    let expected = [(Verb::Put, "h-q-x"), (Verb::Put, "h-b-x"), (Verb::Delete, "h-n1-x")];
    assert_eq!(shelf.done("h"), expected.map(|(verb, name)| (verb, name.to_owned())));
}
