//! What is said of resources besides their params: protected, retained, renamed, moved, kept for a while; and whose an order is.

use std::sync::Arc;

use vend::domain::document::Manifest;
use vend::domain::operation::OperationState;
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::refusal::Refusal;
use vend::domain::resource::{Resource, ResourceState};
use vend::engine::{Applied, Apply, Error};

use crate::support::bench::{Bench, DATABASES, admin, applying, order};
use crate::support::clock::Manual;
use crate::support::shelf::{self, Shelf};

const DAY_MS: u64 = 86_400_000;

/// Databases that hold data.
fn stock() -> String {
    DATABASES.replacen("name: sqlite-database", "name: sqlite-database\nholds-data: true", 1)
}

async fn bench() -> Bench {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(&stock()).await;
    bench
}

/// An order of databases: key, name, and what else is said of it.
fn databases(of: &str, entries: &[(&str, &str, &str)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, name, more)| format!("{key}: {{ type: sqlite-database, params: {{ name: '{name}' }}{more} }}"))
        .collect();
    format!("{{ apiVersion: vend/v1, kind: Order, name: {of}, resources: {{ {} }} }}", entries.join(", "))
}

async fn made(bench: &Bench, text: &str) {
    let operation = bench.apply(text).await.expect("accepted");
    let ended = bench.settled(&operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{:?}", bench.children(&ended).await);
}

fn destroying(text: &str) -> Apply {
    Apply { allow_destroy: true, ..applying(text) }
}

async fn applied(bench: &Bench, request: Apply) -> Applied {
    let applied = bench.core.engine.apply(request).await.unwrap_or_else(|error| panic!("{error}"));
    if let Some(operation) = &applied.operation {
        let ended = bench.settled(operation).await;
        assert_eq!(ended.state, OperationState::Succeeded, "{:?}", bench.children(&ended).await);
    }
    applied
}

async fn refused(bench: &Bench, request: Apply) -> Refusal {
    match bench.core.engine.apply(request).await {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn called(bench: &Bench, name: &str) -> Resource {
    let all = bench.resources().await;
    let found = all.iter().find(|it| it.name.to_string().ends_with(name));
    found
        .unwrap_or_else(|| panic!("no {name}: {:?}", all.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()))
        .clone()
}

fn actions(applied: &Applied) -> Vec<(&str, PlannedAction)> {
    applied.plan.resources.iter().map(|it| (it.key.as_str(), it.action)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_stays_until_that_is_lifted() {
    let bench = bench().await;
    made(&bench, &databases("notes", &[("db", "one", ", protect: true"), ("other", "two", "")])).await;
    for (what, text) in [
        ("it leaves", databases("notes", &[("other", "two", "")])),
        ("it is replaced", databases("notes", &[("db", "uno", ""), ("other", "two", "")])),
        (
            "it is freed and replaced at once",
            databases("notes", &[("db", "uno", ", protect: false"), ("other", "two", "")]),
        ),
    ] {
        let refusal = refused(&bench, destroying(&text)).await;
        assert_eq!(refusal.reason, Reason::ResourceProtected, "{what}: {refusal:?}");
        assert!(refusal.message.contains("`db` is protected"), "{what}: {refusal:?}");
        assert!(refusal.hint.contains("`protect: false`"), "{what}: {refusal:?}");
        assert_eq!(refusal.violations[0].pointer, "/resources/db", "{what}");
    }
    let delete = vend::engine::Delete {
        name: vend::domain::name::OrderName {
            project: crate::support::bench::name("default"),
            environment: crate::support::bench::name("dev"),
            order: crate::support::bench::name("notes"),
        },
        principal: admin(),
        etag: None,
        request_id: String::new(),
        allow_missing: false,
        allow_destroy: true,
        trace: String::new(),
    };
    match bench.core.engine.delete(delete).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.reason, Reason::ResourceProtected, "{refusal:?}"),
        other => panic!("{other:?}"),
    }
    let db = called(&bench, "notes/resources/db").await;
    assert!(db.care.protect);
    match bench.core.engine.let_go(&db.id, None, &admin()).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.reason, Reason::ResourceProtected),
        other => panic!("{other:?}"),
    }

    let silent =
        bench.core.engine.apply(applying(&databases("notes", &[("db", "one", ""), ("other", "two", "")]))).await;
    assert_eq!(actions(&silent.expect("accepted"))[0], ("db", PlannedAction::None), "who says nothing of it leaves it");
    let freed = databases("notes", &[("db", "one", ", protect: false"), ("other", "two", "")]);
    let lifted = applied(&bench, applying(&freed)).await;
    assert_eq!(actions(&lifted), [("db", PlannedAction::Record), ("other", PlannedAction::None)]);
    assert_eq!(lifted.plan.resources[0].changes[0].pointer, "/protect");
    let again = applied(&bench, applying(&freed)).await;
    assert!(again.operation.is_none());
    applied(&bench, destroying(&databases("notes", &[("other", "two", "")]))).await;
    assert_eq!(bench.databases(), ["two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_is_let_go_untouched() {
    let bench = bench().await;
    let both = databases("notes", &[("db", "one", ", on-remove: retain"), ("other", "two", "")]);
    made(&bench, &both).await;
    // Nothing is destroyed: nobody has to agree.
    let gone = applied(&bench, applying(&databases("notes", &[("other", "two", "")]))).await;
    assert_eq!(actions(&gone)[0], ("db", PlannedAction::Release));
    assert_eq!((bench.databases().len(), bench.resources().await.len()), (2, 1));

    made(&bench, &databases("more", &[("kept", "three", ", on-remove: retain")])).await;
    let deleted = bench.delete("more").await;
    assert_eq!(bench.settled(&deleted).await.state, OperationState::Succeeded);
    assert_eq!(bench.databases(), ["one", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_released_by_itself_unless_others_refer_to_it() {
    let bench = bench().await;
    let chain = databases("notes", &[("a", "one", ""), ("b", "${resources.a.outputs.name}-two", "")]);
    made(&bench, &chain).await;
    let (a, b) = (called(&bench, "/a").await, called(&bench, "/b").await);
    match bench.core.engine.let_go(&a.id, None, &admin()).await {
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.reason, Reason::ResourceHasDependants);
            assert!(refusal.message.contains("`b` refers to it"), "{refusal:?}");
        }
        other => panic!("{other:?}"),
    }
    // Its backend is gone, and a change of it gets nowhere.
    bench
        .core
        .engine
        .pause(vend::domain::hold::Target::parse("connections/files").expect("a target"), "", &admin())
        .await
        .expect("paused");
    let deletion = bench.delete("notes").await;
    for it in [&b, &a] {
        let released = bench.core.engine.let_go(&it.id, None, &admin()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(released.id, it.id);
    }
    let ended = bench.settled(&deletion).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{:?}", bench.children(&ended).await);
    assert!(bench.core.store.order(&deletion.order).await.expect("read").is_none(), "it was the last");
    assert_eq!(bench.databases(), ["one", "one-two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_worked_on_is_released_when_that_has_ended() {
    let (bench, shelf) = (Bench::new(&["shelf"]).await, Shelf::default());
    bench.documents(&shelf::platform(shelf.serve().await, 4)).await;
    shelf.stall(true);
    let thing = "{ a: { type: thing, params: { name: r-a-x } } }";
    let making = format!("{{ apiVersion: vend/v1, kind: Order, name: r, resources: {thing} }}");
    let making = bench.apply(&making).await.expect("accepted");
    let child = bench.children(&making).await.remove(0);
    bench.until(&child, |it| it.state == OperationState::Running).await;
    let a = called(&bench, "/a").await;
    match bench.core.engine.let_go(&a.id, None, &admin()).await {
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.reason, Reason::ConcurrentOperation, "{refusal:?}");
            assert!(refusal.message.contains("`a` is being worked on"), "{refusal:?}");
        }
        other => panic!("{other:?}"),
    }
    // What ends in a moment is waited for.
    let admin = admin();
    let (released, ()) = tokio::join!(bench.core.engine.let_go(&a.id, None, &admin), async { shelf.stall(false) });
    assert_eq!(released.expect("released").object.expect("it was made").external_id.as_deref(), Some("r-a-x"));
    assert_eq!((bench.resources().await.len(), shelf.things("r").len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_renamed_and_nothing_else_happens() {
    let bench = bench().await;
    made(&bench, &databases("notes", &[("a", "one", ""), ("b", "${resources.a.outputs.name}-two", "")])).await;
    let before = called(&bench, "/a").await;
    let text = databases(
        "notes",
        &[("first", "one", ", was: a"), ("second", "${resources.first.outputs.name}-two", ", was: b")],
    );
    let renamed = applied(&bench, applying(&text)).await;
    assert_eq!(actions(&renamed), [("first", PlannedAction::Record), ("second", PlannedAction::Record)]);
    assert!(bench.children(renamed.operation.as_ref().expect("an operation")).await.is_empty());
    let after = called(&bench, "/first").await;
    assert_eq!((after.id, after.object, after.state), (before.id, before.object, ResourceState::Ready));
    let again = applied(&bench, applying(&text)).await;
    assert!(again.operation.is_none(), "it has happened: {:?}", again.plan);

    let chain = databases(
        "notes",
        &[("second", "one", ", was: first"), ("third", "${resources.second.outputs.name}-two", ", was: second")],
    );
    let chained = applied(&bench, applying(&chain)).await;
    assert_eq!(actions(&chained), [("second", PlannedAction::Record), ("third", PlannedAction::Record)]);

    for (entries, reason, words) in [
        ([("x", "one", ", was: nothing"), ("third", "one-two", "")], Reason::UnresolvedReference, "there is neither"),
        ([("x", "one", ", was: second"), ("y", "one-two", ", was: second")], Reason::DocumentInvalid, "both `second`"),
    ] {
        let refusal = refused(&bench, destroying(&databases("notes", &entries))).await;
        assert_eq!(refusal.reason, reason, "{refusal:?}");
        assert!(refusal.message.contains(words), "{refusal:?}");
        assert!(refusal.violations[0].pointer.ends_with("/was"), "{refusal:?}");
    }
    assert_eq!(bench.databases(), ["one", "one-two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_moves_between_orders_in_one_commit() {
    let bench = bench().await;
    made(
        &bench,
        &databases("old", &[("a", "one", ""), ("b", "${resources.a.outputs.name}-two", ""), ("c", "three", "")]),
    )
    .await;
    let moving = databases("new", &[("db", "one", ", was: old/a")]);
    let refusal = refused(&bench, applying(&moving)).await;
    assert_eq!(refusal.reason, Reason::ResourceHasDependants, "{refusal:?}");
    assert!(refusal.message.contains("`b` there refers to it"), "{refusal:?}");
    let unknown = refused(&bench, applying(&databases("new", &[("db", "one", ", was: older/a")]))).await;
    assert_eq!(unknown.reason, Reason::UnresolvedReference);

    let id = called(&bench, "old/resources/c").await.id;
    let text = databases("new", &[("db", "three", ", was: old/c")]);
    let moved = applied(&bench, applying(&text)).await;
    assert_eq!(actions(&moved), [("db", PlannedAction::Record)]);
    assert_eq!(moved.plan.resources[0].changes[0].before, Some("old/c".into()));
    let db = called(&bench, "new/resources/db").await;
    assert_eq!((db.id, db.order), (id, moved.order.expect("an order").id));
    let name = vend::domain::name::OrderName { order: crate::support::bench::name("old"), ..db.name.order };
    let old = bench.core.store.order(&name).await.expect("read").expect("there");
    let Ok(Manifest::Order(manifest)) = serde_json::from_value(bench.core.engine.open_manifest(&old).expect("opened"))
    else {
        panic!("no order")
    };
    assert_eq!(manifest.resources.keys().map(|it| it.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(applied(&bench, applying(&text)).await.operation.is_none(), "it has happened");
    assert_eq!(bench.databases(), ["one", "one-two", "three"]);
    // Its deletion is the new order's.
    let deleted = bench.delete("new").await;
    bench.settled(&deleted).await;
    assert_eq!(bench.databases(), ["one", "one-two"]);
}

const SECRETIVE: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: probe
params: { type: object, properties: { name: { type: string }, token: { type: string, x-vend-secret: true } } }
outputs: { type: object, properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: probe
type: probe
driver: probe@^0.1
connections: { server: files }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_keeps_its_handle_under_another_name() {
    let bench = Bench::new(&["probe"]).await;
    bench.documents(SECRETIVE).await;
    let probes = |entries: &[(&str, &str, &str)]| {
        databases("notes", entries).replace("sqlite-database", "probe").replace("' }", "', token: hush-hush }")
    };
    made(&bench, &probes(&[("a", "one", "")])).await;
    let handles = async |bench: &Bench, key: &str| {
        let id = called(bench, key).await.id;
        bench.core.store.resource_secrets(&id).await.expect("read").into_iter().map(|it| it.key).collect::<Vec<_>>()
    };
    let before = handles(&bench, "/a").await;
    assert_eq!(before.len(), 1);
    let renamed = applied(&bench, applying(&probes(&[("b", "one", ", was: a")]))).await;
    assert_eq!(actions(&renamed), [("b", PlannedAction::Record)], "{:?}", renamed.plan);
    // Who is called so now has the same secret, and a handle of its own.
    let both = probes(&[("a", "two", ""), ("b", "one", "")]);
    let joined = applied(&bench, applying(&both)).await;
    assert_eq!(actions(&joined), [("a", PlannedAction::Create), ("b", PlannedAction::None)]);
    assert_eq!(handles(&bench, "/b").await, before);
    assert_ne!(handles(&bench, "/a").await, before);
    assert!(applied(&bench, applying(&both)).await.operation.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_belongs_to_where_it_was_applied_from() {
    let bench = bench().await;
    let from = |text: &str, source: &str, take_over| Apply { source: source.into(), take_over, ..applying(text) };
    let one = databases("notes", &[("db", "one", "")]);
    let two = databases("notes", &[("db", "one", ""), ("other", "two", "")]);
    applied(&bench, from(&one, "git//a.yaml", false)).await;
    let same = applied(&bench, from(&one, "elsewhere", false)).await;
    assert!(same.operation.is_none(), "nothing changes, and nobody minds");
    let refusal = refused(&bench, from(&two, "elsewhere", false)).await;
    assert_eq!(refusal.reason, Reason::OrderConflict);
    assert!(refusal.message.contains("`git//a.yaml`") && refusal.message.contains("`elsewhere`"), "{refusal:?}");
    assert!(refusal.hint.contains("--take-over"), "{refusal:?}");
    let taken = applied(&bench, from(&two, "elsewhere", true)).await;
    assert_eq!(taken.order.expect("an order").source, "elsewhere");
    assert_eq!(refused(&bench, from(&one, "git//a.yaml", false)).await.reason, Reason::OrderConflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_data_is_kept_for_a_while_before_it_is_deleted() {
    let clock = Arc::new(Manual::new());
    let bench = Bench::with_clock(&["sqlite"], clock.clone()).await;
    bench.documents(&(stock().to_owned() + "policy: { deletion-grace: 7d }\n")).await;
    made(&bench, &databases("notes", &[("a", "one", ""), ("b", "${resources.a.outputs.name}-two", "")])).await;
    let plan = bench.core.engine.plan(order(&databases("notes", &[])), &admin()).await.expect("a plan");
    assert!(plan.resources.iter().all(|it| it.grace_ms == 7 * DAY_MS), "{plan:?}");

    let deletion = bench.delete("notes").await;
    assert_eq!(deletion.state, OperationState::Running);
    for child in bench.children(&deletion).await {
        assert_eq!((child.state, child.reason), (OperationState::Waiting, Some(Reason::DeletionGrace)));
        assert!(child.message.contains("kept until 2025-01-08"), "{}", child.message);
    }
    let refusal = refused(&bench, applying(&databases("notes", &[("a", "one", "")]))).await;
    assert_eq!(refusal.reason, Reason::ConcurrentOperation);
    assert!(refusal.hint.contains("vend cancel op_"), "{refusal:?}");
    bench.core.engine.cancel(&deletion.id, &admin()).await.expect("cancelled");
    assert_eq!(bench.settled(&deletion).await.state, OperationState::Cancelled);
    let all = bench.resources().await;
    assert!(
        all.iter().all(|it| it.state == ResourceState::Ready && it.observed_generation == it.generation),
        "{all:?}"
    );
    let same = databases("notes", &[("a", "one", ""), ("b", "${resources.a.outputs.name}-two", "")]);
    assert!(applied(&bench, applying(&same)).await.operation.is_none(), "the order is there as it was");

    let deletion = bench.delete("notes").await;
    clock.advance_ms(6 * DAY_MS);
    // A clock that is set back by more than a moment hurries nothing.
    clock.set(vend::domain::time::Timestamp::from_ms(1_735_689_600_000));
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(bench.databases(), ["one", "one-two"]);
    clock.advance_ms(8 * DAY_MS);
    let ended = bench.settled(&deletion).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{:?}", bench.children(&ended).await);
    assert!(bench.databases().is_empty() && bench.resources().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_environment_type_moves_nothing() {
    let bench = bench().await;
    made(&bench, &databases("notes", &[("db", "one", "")])).await;
    let text = "{ apiVersion: vend/v1, kind: Environment, name: dev, project: default, type: production }";
    let applied = bench
        .core
        .stock
        .apply(crate::support::bench::manifests(text), &admin(), Default::default())
        .await
        .expect("applied");
    assert!(applied[0].concerns.starts_with("1 resource stay"), "{}", applied[0].concerns);
    assert!(applied[0].concerns.contains("`production`"), "{}", applied[0].concerns);
}
