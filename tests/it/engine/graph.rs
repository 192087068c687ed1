//! Orders of resources that refer to one another.

use vend::domain::operation::{Operation, OperationState};
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::resource::ResourceState;
use vend::engine::Error;

use crate::support::bench::{Bench, DATABASES, admin, applying, order};

async fn bench() -> Bench {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(DATABASES).await;
    bench
}

/// An order of databases by key and name.
fn databases(of: &[(&str, &str)]) -> String {
    let entries: Vec<_> = of
        .iter()
        .map(|(key, name)| format!(r#"{key}: {{ type: sqlite-database, params: {{ name: "{name}" }} }}"#))
        .collect();
    format!("{{ apiVersion: vend/v1, kind: Order, name: notes, resources: {{ {} }} }}", entries.join(", "))
}

const CHAIN: [(&str, &str); 4] =
    [("a", "one"), ("b", "${resources.a.outputs.name}-two"), ("c", "${resources.b.outputs.name}-three"), ("d", "four")];

async fn child(bench: &Bench, parent: &Operation, key: &str) -> Operation {
    bench.children(parent).await.into_iter().find(|it| it.resource_key == key).unwrap_or_else(|| panic!("{key}"))
}

async fn refusal(bench: &Bench, text: &str) -> vend::domain::refusal::Refusal {
    match bench.core.engine.plan(order(text), &admin()).await {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_referred_to_is_made_first_and_takes_its_place() {
    let bench = bench().await;
    let plan = bench.core.engine.plan(order(&databases(&CHAIN)), &admin()).await.expect("a plan");
    let changes = &plan.resources[2].changes[0];
    assert_eq!(changes.after, Some("one-two-three".into()), "its driver knows before it makes it: {plan:?}");
    let made = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    let made = bench.settled(&made).await;
    assert_eq!(made.state, OperationState::Succeeded, "{:?}", bench.children(&made).await);
    assert_eq!(made.plan_digest, plan.digest, "what was planned was done");
    assert_eq!(bench.databases(), ["four", "one", "one-two", "one-two-three"]);
    let again = bench.core.engine.apply(applying(&databases(&CHAIN))).await.expect("accepted");
    assert!(again.operation.is_none(), "{:?}", again.plan);

    let mut changed = CHAIN;
    changed[0].1 = "uno";
    let mut request = applying(&databases(&changed));
    request.allow_destroy = true;
    let applied = bench.core.engine.apply(request).await.expect("accepted");
    let actions: Vec<_> = applied.plan.resources.iter().map(|it| it.action).collect();
    use PlannedAction::{None, Replace};
    assert_eq!(actions, [Replace, Replace, Replace, None], "a changed output changes what refers to it");
    let replaced = bench.settled(&applied.operation.expect("work")).await;
    assert_eq!(replaced.state, OperationState::Succeeded, "{:?}", bench.children(&replaced).await);
    assert_eq!(bench.databases(), ["four", "uno", "uno-two", "uno-two-three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_goes_before_what_it_referred_to() {
    let bench = bench().await;
    let made = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    assert_eq!(bench.settled(&made).await.state, OperationState::Succeeded);
    // The middle of the chain refers to nothing any more, and its beginning goes.
    let shorter = [("b", "one-two"), ("c", CHAIN[2].1), ("d", "four")];
    let mut request = applying(&databases(&shorter));
    request.allow_destroy = true;
    let applied = bench.core.engine.apply(request).await.expect("accepted");
    let work: Vec<_> = applied.plan.resources.iter().filter(|it| it.action != PlannedAction::None).collect();
    assert_eq!(work.len(), 1, "{work:?}");
    let done = bench.settled(&applied.operation.expect("work")).await;
    assert_eq!(done.state, OperationState::Succeeded);
    assert_eq!(bench.databases(), ["four", "one-two", "one-two-three"]);

    let deleted = bench.delete("notes").await;
    let deleted = bench.settled(&deleted).await;
    assert_eq!(deleted.state, OperationState::Succeeded, "{:?}", bench.children(&deleted).await);
    let (b, c) = (child(&bench, &deleted, "b").await, child(&bench, &deleted, "c").await);
    assert!(c.end_time <= b.end_time && c.update_time <= b.update_time, "{c:?} {b:?}");
    assert!(bench.databases().is_empty() && bench.resources().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_fails_what_refers_to_it_and_nothing_else() {
    let bench = bench().await;
    let broken = databases(&CHAIN).replace(r#"name: "one" "#, r#"name: "one", schema: [DROP TABLE missing] "#);
    let made = bench.apply(&broken).await.expect("accepted");
    let made = bench.settled(&made).await;
    assert_eq!(made.state, OperationState::Failed);
    let mut reasons = Vec::new();
    for key in ["a", "b", "c", "d"] {
        let child = child(&bench, &made, key).await;
        reasons.push((child.state, child.reason == Some(Reason::DependencyFailed)));
    }
    use OperationState::{Failed, Succeeded};
    assert_eq!(reasons, [(Failed, false), (Failed, true), (Failed, true), (Succeeded, false)]);
    let b = child(&bench, &made, "b").await;
    assert!(b.message.contains("`a` comes before it"), "{}", b.message);

    let again = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    let again = bench.settled(&again).await;
    assert_eq!(again.state, Succeeded, "{:?}", bench.children(&again).await);
    assert_eq!(bench.children(&again).await.len(), 3, "what was done is not done again");
    assert!(bench.resources().await.iter().all(|it| it.state == ResourceState::Ready));
}

/// However often it is applied.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_moved_keeps_what_it_was_made_with() {
    let bench = bench().await;
    let made = bench.apply(&databases(&CHAIN[..2])).await.expect("accepted");
    assert_eq!(bench.settled(&made).await.state, OperationState::Succeeded);
    let alone = databases(&[("b", "two")]);
    let broken = alone.replace(r#"name: "two" "#, r#"name: "two", schema: [DROP TABLE missing] "#);
    for text in [&broken, &broken, &alone] {
        let mut request = applying(text);
        request.allow_destroy = true;
        let applied = bench.core.engine.apply(request).await.expect("accepted").operation.expect("work");
        bench.settled(&applied).await;
        let (gone, moved) = (child(&bench, &applied, "a").await, child(&bench, &applied, "b").await);
        use OperationState::{Failed, Succeeded};
        let (expected, why) = if text == &alone { (Succeeded, None) } else { (Failed, Some(Reason::DependencyFailed)) };
        assert_eq!((moved.state, gone.state, gone.reason), (expected, expected, why), "{gone:?}");
        assert_eq!(bench.databases().contains(&"one".to_owned()), expected == Failed);
    }
    assert_eq!(bench.databases(), ["two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_back_before_a_change_was_carried_out_keeps_what_there_is() {
    let bench = bench().await;
    let made = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    assert_eq!(bench.settled(&made).await.state, OperationState::Succeeded);
    let target = vend::domain::hold::Target::parse("connections/files").expect("a target");
    bench.core.engine.pause(target.clone(), "", &admin()).await.expect("paused");
    let mut changed = CHAIN;
    changed[0].1 = "uno";
    let apply = async |text: &str| {
        let mut request = applying(text);
        request.allow_destroy = true;
        bench.core.engine.apply(request).await.expect("accepted").operation.expect("work")
    };
    let changing = apply(&databases(&changed)).await;
    let back = apply(&databases(&CHAIN)).await;
    bench.core.engine.resume(&target, &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&back).await.state, OperationState::Succeeded, "{:?}", bench.children(&back).await);
    bench.settled(&changing).await;
    assert_eq!(bench.databases(), ["four", "one", "one-two", "one-two-three"], "the newest counts");
    assert!(bench.resources().await.iter().all(|it| it.state == ResourceState::Ready));
    let again = bench.core.engine.apply(applying(&databases(&CHAIN))).await.expect("accepted");
    assert!(again.operation.is_none(), "{:?}", again.plan);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_to_change_is_ready_again_when_the_change_is_taken_back() {
    let bench = bench().await;
    let made = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    assert_eq!(bench.settled(&made).await.state, OperationState::Succeeded);
    let broken = databases(&CHAIN).replace(r#"name: "four" "#, r#"name: "four", schema: [DROP TABLE missing] "#);
    let failed = bench.apply(&broken).await.expect("accepted");
    assert_eq!(bench.settled(&failed).await.state, OperationState::Failed);
    let back = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    assert_eq!(bench.settled(&back).await.state, OperationState::Succeeded, "{:?}", bench.children(&back).await);
    assert!(bench.resources().await.iter().all(|it| it.state == ResourceState::Ready));
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_lead_nowhere_are_refused_with_their_place() {
    let bench = bench().await;
    for (of, reason, words) in [
        (
            vec![("a", "${resources.b.outputs.name}"), ("b", "${resources.a.outputs.name}")],
            Reason::GraphCycle,
            "`a` → `b` → `a`",
        ),
        (vec![("a", "${resources.a.outputs.name}")], Reason::GraphCycle, "`a` → `a`"),
        (vec![("a", "${resources.z.outputs.name}")], Reason::UnresolvedReference, "no resource `z`"),
        (vec![("a", "xy"), ("b", "${resources.a.outputs.nmae}")], Reason::UnresolvedReference, "did you mean `name`?"),
        (vec![("a", "xy"), ("b", "${resources.a.name}")], Reason::UnresolvedReference, "only the outputs"),
        (vec![("a", "${nothing")], Reason::UnresolvedReference, "has no end"),
        (vec![("a", "${params.x}")], Reason::UnresolvedReference, "refers to nothing"),
    ] {
        let refusal = refusal(&bench, &databases(&of)).await;
        assert_eq!(refusal.reason, reason, "{of:?}: {refusal:?}");
        assert!(refusal.message.contains(words), "{of:?}: {refusal:?}");
        if reason == Reason::UnresolvedReference {
            assert!(refusal.violations[0].pointer.ends_with("/params/name"), "{refusal:?}");
        }
    }
    let escaped = bench.core.engine.plan(order(&databases(&[("a", "$${x}")])), &admin()).await;
    assert!(escaped.is_err(), "the driver says what names are: {escaped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_generation_takes_over_what_has_not_begun() {
    let bench = bench().await;
    // Nothing of it is made before the pause ends.
    let target = vend::domain::hold::Target::parse("connections/files").expect("a target");
    bench.core.engine.pause(target.clone(), "", &admin()).await.expect("paused");
    let first = bench.apply(&databases(&CHAIN)).await.expect("accepted");
    let mut changed = CHAIN;
    changed[0].1 = "uno";
    let second = bench.apply(&databases(&changed)).await.expect("accepted");
    bench.core.engine.resume(&target, &admin()).await.expect("resumed");
    assert_eq!(bench.settled(&second).await.state, OperationState::Succeeded, "{:?}", bench.children(&second).await);
    bench.settled(&first).await;
    assert_eq!(bench.databases(), ["four", "uno", "uno-two", "uno-two-three"]);
    let b = child(&bench, &first, "b").await;
    assert_eq!(b.state, OperationState::Succeeded, "it waited for what took the place of what it waited for");
}
