//! Entries of several orders that are one resource.

use std::collections::BTreeMap;

use vend::domain::name::OrderName;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::refusal::Refusal;
use vend::domain::resource::{Resource, ResourceState};
use vend::engine::{Applied, Apply, Error};

use crate::support::bench::{Bench, admin, applying, name, order};
use crate::support::shelf::{Shelf, Verb, platform};

use PlannedAction::{Create, Delete, None as Nothing, Record};

/// A shelf and two things on it that are one.
const PAIR: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: pair
params:
  type: object
  additionalProperties: false
  properties: { name: { type: string, default: pair }, size: { type: integer, default: 1 } }
outputs: { type: object, required: [both], properties: { both: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: pair
type: pair
resources:
  main: { type: thing, params: { name: "${params.name}", size: "${params.size}" } }
  spare: { type: thing, params: { name: "${resources.main.outputs.name}-spare" } }
outputs: { both: "${resources.main.outputs.name}+${resources.spare.outputs.name}" }
"#;

async fn bench() -> (Bench, Shelf) {
    let shelf = Shelf::default();
    let port = shelf.serve().await;
    let bench = Bench::new(&["shelf"]).await;
    bench.documents(&platform(port, 8)).await;
    bench.documents(PAIR).await;
    (bench, shelf)
}

fn text(of: &str, resources: &str) -> String {
    format!("{{ apiVersion: vend/v1, kind: Order, name: {of}, resources: {{ {resources} }} }}")
}

/// A thing that is shared, with what else is said of it.
fn shared(key: &str, more: &str) -> String {
    format!("{key}: {{ type: thing, id: company.db{more} }}")
}

const NAMED: &str = ", params: { name: g-db, size: 4 }";

fn destroying(text: &str) -> Apply {
    Apply { allow_destroy: true, ..applying(text) }
}

async fn accepted(bench: &Bench, text: &str) -> Applied {
    bench.core.engine.apply(destroying(text)).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn applied(bench: &Bench, text: &str) -> Applied {
    let applied = accepted(bench, text).await;
    if let Some(operation) = &applied.operation {
        ended_well(bench, operation).await;
    }
    applied
}

async fn ended_well(bench: &Bench, operation: &Operation) {
    let ended = bench.settled(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{:?}", bench.children(&ended).await);
}

async fn deleted(bench: &Bench, order: &str) {
    let operation = bench.delete(order).await;
    ended_well(bench, &operation).await;
    assert_eq!(bench.core.store.order(&order_name(order)).await.expect("read"), None, "{order} is gone");
}

async fn refused(bench: &Bench, text: &str) -> Refusal {
    match bench.core.engine.apply(destroying(text)).await {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn order_name(of: &str) -> OrderName {
    OrderName { project: name("default"), environment: name("dev"), order: name(of) }
}

fn actions(applied: &Applied) -> Vec<(&str, PlannedAction)> {
    applied.plan.resources.iter().map(|it| (it.key.as_str(), it.action)).collect()
}

/// What there is, as `ORDER/KEY`.
async fn names(bench: &Bench) -> Vec<String> {
    bench.resources().await.iter().map(|it| it.name.short()).collect()
}

async fn aliases(bench: &Bench, order: &str) -> Vec<String> {
    let all = bench.core.store.aliases(&order_name(order)).await.expect("read");
    all.iter().map(|it| it.name.key.to_string()).collect()
}

async fn only(bench: &Bench) -> Resource {
    let mut all = bench.resources().await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn things(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
    of.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_has_what_the_first_has_made() {
    let (bench, shelf) = bench().await;
    let first = applied(&bench, &text("a", &shared("db", NAMED))).await;
    assert_eq!(actions(&first), [("db", Create)]);
    let db = only(&bench).await;
    assert_eq!(db.shared.as_ref().map(ToString::to_string), Some("company.db".into()));

    let user = r#"user: { type: thing, params: { name: "${resources.store.outputs.name}-user", size: 1 } }"#;
    let second = text("b", &format!("{}, {user}", shared("store", "")));
    let planned = bench.core.engine.plan(order(&second), &admin()).await.expect("a plan");
    let alias = &planned.resources[0];
    assert_eq!((alias.action, alias.id.as_ref(), alias.home.as_deref()), (Record, Some(&db.id), Some("a/db")));
    assert_eq!((alias.changes[0].pointer.as_str(), &alias.changes[0].after), ("/id", &Some("company.db".into())));
    assert_eq!(planned.resources[1].changes[0].after, Some("g-db-user".into()), "its outputs are known: {planned:?}");
    let second = applied(&bench, &second).await;
    assert_eq!(actions(&second), [("store", Record), ("user", Create)]);
    assert_eq!(second.plan.digest, planned.digest);
    assert_eq!(shelf.things("g"), things(&[("g-db", 4), ("g-db-user", 1)]), "nothing was made twice");
    assert_eq!(names(&bench).await, ["a/db", "b/user"]);
    assert_eq!(aliases(&bench, "b").await, ["store"]);
    let user_of = bench.resources().await.remove(1);
    assert_eq!(user_of.edges, std::slice::from_ref(&db.id));
    let count = bench.core.store.count_resources(&order_name("b")).await.expect("counted");
    assert_eq!(count, [(ResourceState::Ready, 2)], "what it shares is one of its resources");

    for again in [text("a", &shared("db", NAMED)), text("b", &format!("{}, {user}", shared("store", NAMED)))] {
        let planned = bench.core.engine.plan(order(&again), &admin()).await.expect("a plan");
        assert!(!planned.has_work(), "{planned:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_must_be_what_the_others_say() {
    let (bench, shelf) = bench().await;
    applied(&bench, &text("a", &shared("db", NAMED))).await;
    let cases = [
        (", params: { name: g-db, size: 5 }", "/resources/store/params/size", "a/db"),
        (", params: { name: g-db }", "/resources/store/params/size", "a/db"),
        (", params: { name: g-db, size: many }", "/resources/store/params/size", "a/db"),
        (", protect: true", "/resources/store/protect", "a/db"),
        (", on-remove: retain", "/resources/store/on-remove", "a/db"),
    ];
    for (said, pointer, home) in cases {
        let refusal = refused(&bench, &text("b", &shared("store", said))).await;
        assert_eq!(refusal.reason, Reason::ParamsInvalid, "{said}: {refusal:?}");
        assert_eq!(refusal.violations[0].pointer, pointer, "{said}: {refusal:?}");
        assert!(refusal.message.contains("`store`") && refusal.message.contains(home), "{said}: {refusal:?}");
        assert!(!refusal.hint.is_empty(), "{said}: {refusal:?}");
    }
    let equal = text("b", &shared("store", ", params: { name: g-db, size: 4 }, protect: false, on-remove: delete"));
    assert_eq!(actions(&applied(&bench, &equal).await), [("store", Record)]);

    // Its home changes it; the others hear of it when they are applied.
    let larger = text("a", &shared("db", ", params: { name: g-db, size: 9 }"));
    applied(&bench, &larger).await;
    assert_eq!(shelf.things("g"), things(&[("g-db", 9)]));
    let refusal = refused(&bench, &equal).await;
    assert!(refusal.violations[0].message.contains("has 9 here, and this entry says 4"), "{refusal:?}");
    // Who leaves them out leaves them as they are.
    for silent in ["a", "b"] {
        let key = if silent == "a" { "db" } else { "store" };
        let planned = bench.core.engine.plan(order(&text(silent, &shared(key, ""))), &admin()).await.expect("a plan");
        assert!(!planned.has_work(), "{planned:?}");
    }
    let own =
        text("b", &format!("{}, other: {{ type: thing, params: {{ name: g-other, size: 1 }} }}", shared("store", "")));
    applied(&bench, &own).await;
    let refusal = refused(&bench, &text("b", &format!("{}, {}", shared("store", ""), shared("other", "")))).await;
    assert_eq!(refusal.reason, Reason::ReplacementRefused, "{refusal:?}");
    assert_eq!(refusal.violations[0].pointer, "/resources/other/id");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_under_another_entry_and_goes_with_the_last() {
    let (bench, shelf) = bench().await;
    applied(&bench, &text("a", &shared("db", NAMED))).await;
    applied(&bench, &text("b", &shared("store", ""))).await;
    applied(&bench, &text("c", &shared("main", ""))).await;
    let db = only(&bench).await;

    let other = "other: { type: thing, params: { name: g-other, size: 1 } }";
    let left = applied(&bench, &text("a", other)).await;
    assert_eq!(actions(&left), [("db", Record), ("other", Create)]);
    let change = &left.plan.resources[0].changes[0];
    assert_eq!((&change.before, &change.after), (&Some("a/db".into()), &Some("b/store".into())));
    assert_eq!(names(&bench).await, ["a/other", "b/store"]);
    assert_eq!((aliases(&bench, "b").await, aliases(&bench, "c").await), (vec![], vec!["main".to_owned()]));

    // It comes back as one that shares, and its order goes.
    applied(&bench, &text("a", &shared("db", ""))).await;
    assert_eq!((aliases(&bench, "a").await, shelf.things("g").len()), (vec!["db".to_owned()], 1));
    deleted(&bench, "a").await;
    assert_eq!(only(&bench).await.id, db.id);
    // The new home has it as it is.
    let planned = bench.core.engine.plan(order(&text("b", &shared("store", ""))), &admin()).await.expect("a plan");
    assert!(!planned.has_work(), "{planned:?}");
    deleted(&bench, "b").await;
    assert_eq!(names(&bench).await, ["c/main"]);
    assert_eq!(only(&bench).await.id, db.id);
    assert_eq!(shelf.things("g"), things(&[("g-db", 4)]));
    let last = applied(&bench, &text("c", "")).await;
    assert_eq!(actions(&last), [("main", Delete)]);
    assert_eq!((shelf.things("g").len(), bench.resources().await.len()), (0, 0));
    let done: Vec<_> = shelf.done("g").into_iter().filter(|(_, name)| name == "g-db").collect();
    let once = |verb| (verb, "g-db".to_owned());
    assert_eq!(done, [once(Verb::Put), once(Verb::Delete)], "it was made once and deleted once");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_one_order_are_one_resource_too() {
    let (bench, shelf) = bench().await;
    let user = r#"user: { type: thing, params: { name: "${resources.two.outputs.name}-user", size: 1 } }"#;
    let both = text("a", &format!("{}, {}, {user}", shared("one", ""), shared("two", NAMED)));
    let made = applied(&bench, &both).await;
    assert_eq!(actions(&made), [("one", Create), ("two", Record), ("user", Create)]);
    assert_eq!(shelf.things("g"), things(&[("g-db", 4), ("g-db-user", 1)]));
    let again = accepted(&bench, &both).await;
    assert!(again.operation.is_none(), "{:?}", again.plan);
    let differing = format!("{}, {}", shared("one", ", params: { name: g-x, size: 1 }"), shared("two", NAMED));
    let refusal = refused(&bench, &text("a", &differing)).await;
    assert_eq!(refusal.violations[0].pointer, "/resources/two/params/name", "{refusal:?}");
    // The one that has it goes: the other one has it.
    let second = applied(&bench, &text("a", &format!("{}, {user}", shared("two", "")))).await;
    assert_eq!(actions(&second), [("two", Record), ("user", Nothing)]);
    assert_eq!((names(&bench).await, aliases(&bench, "a").await.len()), (vec!["a/two".into(), "a/user".into()], 0));
    deleted(&bench, "a").await;
    assert!(shelf.things("g").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn composites_are_shared_whole() {
    let (bench, shelf) = bench().await;
    let pair = |key: &str, more: &str| format!("{key}: {{ type: pair, id: both{more} }}");
    applied(&bench, &text("a", &pair("x", ", params: { name: g-pair, size: 2 }"))).await;
    let user = r#"user: { type: thing, params: { name: "g-user", rack: "${resources.y.outputs.both}" } }"#;
    let second = text("b", &format!("{}, {user}", pair("y", ", params: { name: g-pair, size: 2 }")));
    assert_eq!(actions(&applied(&bench, &second).await), [("user", Create), ("y", Record)]);
    let refusal = refused(&bench, &text("c", &pair("z", ", params: { name: g-pair }"))).await;
    assert_eq!(refusal.violations[0].pointer, "/resources/z/params/size", "{refusal:?}");
    deleted(&bench, "a").await;
    assert_eq!(names(&bench).await, ["b/user", "b/y", "b/y/main", "b/y/spare"]);
    assert_eq!(shelf.things("g").len(), 3);
    let again = accepted(&bench, &second).await;
    assert!(again.operation.is_none(), "{:?}", again.plan);
    deleted(&bench, "b").await;
    assert!(shelf.things("g").is_empty() && bench.resources().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_it_waits_for_the_order_that_makes_it() {
    let (bench, shelf) = bench().await;
    let slow = ", params: { name: g-db, size: 4, wait-ms: 600 }";
    let first = accepted(&bench, &text("a", &shared("db", slow))).await.operation.expect("an operation");
    let user = r#"user: { type: thing, params: { name: "${resources.store.outputs.tag}-user", size: 1 } }"#;
    let second = accepted(&bench, &text("b", &format!("{}, {user}", shared("store", "")))).await;
    assert_eq!(second.plan.resources[1].unknown_params, ["/params/name"], "{:?}", second.plan);
    let user = bench.children(second.operation.as_ref().expect("an operation")).await.remove(0);
    assert_eq!((user.awaits, user.state), (1, OperationState::Queued), "{user:?}");
    ended_well(&bench, &first).await;
    ended_well(&bench, second.operation.as_ref().expect("an operation")).await;
    assert_eq!(shelf.things("t1"), things(&[("t1-user", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_at_once_make_one_and_delete_it_once() {
    let (bench, shelf) = bench().await;
    for round in 0..40 {
        let (a, b) = (text("a", &shared("db", NAMED)), text("b", &shared("store", NAMED)));
        let (one, two) = tokio::join!(applied(&bench, &a), applied(&bench, &b));
        let mut both = [actions(&one)[0].1, actions(&two)[0].1];
        both.sort_by_key(|it| it.as_str());
        assert_eq!(both, [Create, Record], "round {round}");
        assert_eq!((only(&bench).await.shared.is_some(), shelf.things("g").len()), (true, 1));
        tokio::join!(deleted(&bench, "a"), deleted(&bench, "b"));
        assert_eq!((bench.resources().await.len(), shelf.things("g").len()), (0, 0), "round {round}");
        assert_eq!(shelf.done("g").len(), 2, "round {round}: made once, deleted once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_what_it_inherits_at_that_moment_has_it_deleted() {
    let (bench, shelf) = bench().await;
    for round in 0..40 {
        applied(&bench, &text("a", &shared("db", NAMED))).await;
        applied(&bench, &text("b", &shared("store", NAMED))).await;
        let without = text("b", "");
        tokio::join!(deleted(&bench, "a"), applied(&bench, &without));
        assert_eq!((bench.resources().await.len(), shelf.things("g").len()), (0, 0), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_when_what_referred_to_it_elsewhere_is_gone() {
    let (bench, shelf) = bench().await;
    applied(&bench, &text("a", &shared("db", NAMED))).await;
    let user = r#"user: { type: thing, params: { name: "g-u-${resources.store.outputs.name}", size: 1 } }"#;
    applied(&bench, &text("b", &format!("{}, {user}", shared("store", "")))).await;
    shelf.done("g");
    shelf.refuse("g", [(Verb::Delete, 'u')]);
    let failed = bench.settled(&bench.delete("b").await).await;
    assert_eq!(failed.state, OperationState::Failed);
    let refusal = refused(&bench, &text("a", "")).await;
    assert_eq!(refusal.reason, Reason::ResourceHasDependants, "{refusal:?}");
    assert!(
        refusal.message.contains("`b/user` still refers to it") && refusal.hint.contains("order `b`"),
        "{refusal:?}"
    );
    shelf.refuse("g", []);
    deleted(&bench, "b").await;
    deleted(&bench, "a").await;
    let names: Vec<_> = shelf.done("g").into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["g-u-g-db", "g-db"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_holds_the_last_entry_only_and_a_shared_one_is_not_released() {
    let (bench, shelf) = bench().await;
    applied(&bench, &text("a", &shared("db", &format!("{NAMED}, protect: true")))).await;
    applied(&bench, &text("b", &shared("store", ", protect: true"))).await;
    let db = only(&bench).await;
    match bench.core.engine.let_go(&db.id, None, &admin()).await {
        Err(Error::Refused(it)) => assert_eq!(it.reason, Reason::ResourceProtected, "{it:?}"),
        other => panic!("{other:?}"),
    }
    deleted(&bench, "a").await;
    assert!(only(&bench).await.care.protect, "it is protected under its new name");
    assert_eq!(refused(&bench, &text("b", "")).await.reason, Reason::ResourceProtected);
    applied(&bench, &text("b", &shared("store", ", protect: false"))).await;
    applied(&bench, &text("c", &shared("db", ""))).await;
    match bench.core.engine.let_go(&db.id, None, &admin()).await {
        Err(Error::Refused(it)) => {
            assert_eq!(it.reason, Reason::ResourceHasDependants, "{it:?}");
            assert!(it.message.contains("`c/db` is the same resource"), "{it:?}");
        }
        other => panic!("{other:?}"),
    }
    deleted(&bench, "c").await;
    bench.core.engine.let_go(&db.id, None, &admin()).await.expect("released");
    assert_eq!((bench.resources().await.len(), shelf.things("g").len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_serves_by_id_and_ids_come_and_go_on_record() {
    let (bench, shelf) = bench().await;
    bench
        .documents(
            "{ apiVersion: vend/v1, kind: Recipe, name: company, type: thing, match: [{ resource: company.db }], \
             driver: shelf-000@^0.1, connections: { shelf: shelf }, params: { defaults: { size: 7 } } }",
        )
        .await;
    applied(&bench, &text("a", &shared("db", ", params: { name: g-db }"))).await;
    assert_eq!(only(&bench).await.pin.recipe, name("company"));
    assert_eq!(shelf.things("g"), things(&[("g-db", 7)]));
    deleted(&bench, "a").await;

    let plain = "db: { type: thing, params: { name: g-db, size: 4 } }";
    applied(&bench, &text("a", plain)).await;
    let given = applied(&bench, &text("a", &shared("db", NAMED))).await;
    assert_eq!((actions(&given), given.plan.resources[0].changes[0].pointer.as_str()), (vec![("db", Record)], "/id"));
    applied(&bench, &text("b", &shared("store", ""))).await;
    // Without its id the entry is another resource; the shared one is the other order's.
    let other = applied(&bench, &text("a", "db: { type: thing, params: { name: g-own, size: 1 } }")).await;
    assert_eq!(actions(&other), [("db", Create)]);
    assert_eq!(names(&bench).await, ["a/db", "b/store"]);
    let taken = applied(&bench, &text("b", "store: { type: thing, params: { name: g-db, size: 4 } }")).await;
    assert_eq!((actions(&taken), bench.resources().await[1].shared.is_none()), (vec![("store", Record)], true));
}
