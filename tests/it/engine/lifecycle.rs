//! What becomes of an order: made, changed, replaced, deleted.

use vend::domain::effect::Effect;
use vend::domain::operation::OperationState;
use vend::domain::reason::Reason;
use vend::domain::resource::ResourceState;
use vend::engine::Presence;

use crate::support::bench::{Bench, DATABASES, applying};

async fn bench() -> Bench {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(DATABASES).await;
    bench
}

fn notes(name: &str, schema: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: notes, resources: {{ db: {{ type: sqlite-database, \
         params: {{ name: {name}, schema: {schema} }} }} }} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_made_changed_replaced_and_deleted() {
    let bench = bench().await;
    let made = bench.apply(&notes("notes", "[CREATE TABLE a (x)]")).await.expect("accepted");
    let made = bench.settled(&made).await;
    assert_eq!(made.state, OperationState::Succeeded, "{made:?} {:?}", bench.children(&made).await);
    assert_eq!(bench.databases(), ["notes"]);
    let resource = bench.resources().await.remove(0);
    assert_eq!((resource.state, resource.incarnation), (ResourceState::Ready, 1));
    let child = bench.children(&made).await.remove(0);
    assert_eq!(child.effect, Effect::Applied);

    let now = bench.core.engine.refresh(&resource).await.expect("the backend answers");
    assert_eq!((now.presence, now.drift), (Presence::Ready, Vec::new()));

    let again = bench.core.engine.apply(applying(&notes("notes", "[CREATE TABLE a (x)]"))).await.expect("accepted");
    assert!(again.operation.is_none(), "nothing to do");

    let changed = bench.apply(&notes("notes", "[CREATE TABLE a (x), CREATE TABLE b (y)]")).await.expect("accepted");
    assert_eq!(bench.settled(&changed).await.state, OperationState::Succeeded);

    let refused = bench.apply(&notes("other", "[CREATE TABLE a (x)]")).await.expect_err("destroys");
    assert!(matches!(&refused, vend::engine::Error::Refused(it) if it.reason == Reason::PlanRequired), "{refused:?}");
    let mut request = applying(&notes("other", "[CREATE TABLE a (x)]"));
    request.allow_destroy = true;
    let replaced = bench.core.engine.apply(request).await.expect("accepted").operation.expect("work");
    let replaced = bench.settled(&replaced).await;
    assert_eq!(replaced.state, OperationState::Succeeded, "{:?}", bench.children(&replaced).await);
    assert_eq!(bench.databases(), ["other"]);
    assert_eq!(bench.resources().await[0].incarnation, 2);

    let resource = bench.resources().await.remove(0);
    std::fs::remove_file(bench.dir.path().join("databases/other.db")).expect("somebody removes it");
    let now = bench.core.engine.refresh(&resource).await.expect("the backend answers");
    assert_eq!(now.presence, Presence::Absent);

    let deleted = bench.delete("notes").await;
    let deleted = bench.settled(&deleted).await;
    assert_eq!(deleted.state, OperationState::Succeeded, "{:?}", bench.children(&deleted).await);
    assert!(bench.databases().is_empty() && bench.resources().await.is_empty());
}
