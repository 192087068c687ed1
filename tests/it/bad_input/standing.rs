//! Orders whose resources refer to one another, and what is asked of those that stand: protected, referred to, busy, another's.

use tonic::Code::{Aborted, FailedPrecondition, InvalidArgument, NotFound, Unimplemented};
use vend::pb;

use super::table::{Table, apply, ask, order, wait};

const PLACE: &str = "projects/default/environments/dev/orders";

/// `b` refers to `a`.
const PAIR: &str = "{ a: { type: sqlite-database, params: { name: pair-a } }, \
    b: { type: sqlite-database, params: { name: pair-b, schema: [\"CREATE TABLE t (x TEXT DEFAULT '${resources.a.outputs.name}')\"] } } }";

pub async fn rows(table: &mut Table) {
    references(table).await;
    treatment(table).await;
    upgrades(table).await;
    let admin = table.admin.clone();
    let request = pb::DiscoverObjectsRequest {
        project: "default".into(),
        environment: "dev".into(),
        resource_type: "sqlite-database".into(),
        ..Default::default()
    };
    let call = async { admin.resources().discover_objects(request).await };
    let words = ["driver `sqlite@0.1.0` cannot list", "adopt: EXTERNAL-ID"];
    table.refuses("discover: by a driver that cannot", Unimplemented, "VERB_UNSUPPORTED", &words, call).await;
    let request = pb::GetOrderGenerationRequest { name: format!("{PLACE}/standing"), generation: 99 };
    let call = async { admin.orders().get_order_generation(request).await };
    table
        .refuses("history: a generation that is not kept", NotFound, "NOT_FOUND", &["99", "kept are 1 to"], call)
        .await;
}

async fn references(table: &mut Table) {
    let thing = |of: &str| format!("{{ type: sqlite-database, params: {{ name: x, schema: [\"{of}\"] }} }}");
    let circle =
        format!("{{ a: {}, b: {} }}", thing("${resources.b.outputs.name}"), thing("${resources.a.outputs.name}"));
    let words = ["`a` → `b` → `a`", "order.yaml:4:", "take one of these references out"];
    table.refuses_order("references: a circle", InvalidArgument, "GRAPH_CYCLE", &words, &circle).await;
    for (case, of, words) in [
        (
            "references: a resource that is not there",
            "${resources.c.outputs.name}",
            &["`c`", "order.yaml:4:", "did you mean `b`?"][..],
        ),
        ("references: an output that is not there", "${resources.b.outputs.nam}", &["did you mean `name`?"]),
        ("references: no reference at all", "${resource.b}", &["order.yaml:4:"]),
    ] {
        let text = format!("{{ a: {}, b: {{ type: sqlite-database, params: {{ name: y }} }} }}", thing(of));
        table.refuses_order(case, FailedPrecondition, "UNRESOLVED_REFERENCE", words, &text).await;
    }
}

async fn stands(table: &Table, name: &str, resources: &str) {
    let request = pb::ApplyOrderRequest { order_source: "git:one".into(), ..ask(&order(name, resources)) };
    let accepted = apply(&table.admin, request).await.expect("accepted");
    let done = wait(&table.admin, &accepted.operation.expect("work").id).await;
    assert_eq!(done.state(), pb::operation::State::Succeeded, "{done:?}");
}

async fn treatment(table: &mut Table) {
    let admin = table.admin.clone();
    stands(table, "guarded", "{ it: { type: probe, protect: true, params: { name: guarded } } }").await;
    let text = order("guarded", "{}");
    let request = pb::ApplyOrderRequest { allow_destroy: true, order_source: "git:one".into(), ..ask(&text) };
    let words = ["`it` is protected", "protect: false", "/resources/it"];
    let call = apply(&admin, request);
    table.refuses("protected: to be deleted", FailedPrecondition, "RESOURCE_PROTECTED", &words, call).await;

    stands(table, "pair", PAIR).await;
    let request = pb::ReleaseResourceRequest { name: format!("{PLACE}/pair/resources/a"), ..Default::default() };
    let call = async { admin.resources().release_resource(request).await };
    let words = ["`b`", "take those references out"];
    let reason = "RESOURCE_HAS_DEPENDANTS";
    table.refuses("release: what others refer to", FailedPrecondition, reason, &words[..1], call).await;

    let other = PAIR.replacen("{ a:", "{ c: { type: probe, params: { name: pair-c } }, a:", 1);
    let request =
        pb::ApplyOrderRequest { order_source: "git:other".into(), allow_destroy: true, ..ask(&order("pair", &other)) };
    let words = ["`git:one`", "`git:other`", "take over"];
    let call = apply(&admin, request);
    table.refuses("apply: from elsewhere", FailedPrecondition, "ORDER_CONFLICT", &words[..2], call).await;

    // Its deletion waits, and so does whoever would have it again.
    let hold = pb::PauseOrderRequest { name: format!("{PLACE}/pair"), message: String::new() };
    admin.orders().pause_order(hold).await.expect("paused");
    let name = format!("{PLACE}/pair");
    let delete = pb::DeleteOrderRequest { name: name.clone(), allow_destroy: true, ..Default::default() };
    let deletion = admin.orders().delete_order(delete).await.expect("accepted").into_inner().operation;
    let id = deletion.expect("work").id;
    let waits = |it: &pb::Operation| it.children.get("waiting").copied().unwrap_or_default() > 0;
    for _ in 0..500 {
        let request = pb::GetOperationRequest { id: id.clone() };
        let seen = admin.operations().get_operation(request).await.expect("it is there").into_inner().operation;
        if seen.is_some_and(|it| waits(&it)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let request = pb::ApplyOrderRequest { order_source: "git:one".into(), ..ask(&order("pair", PAIR)) };
    let words = ["is being deleted", "wait until it is gone"];
    let call = apply(&admin, request);
    table.refuses("apply: what is being deleted", Aborted, "CONCURRENT_OPERATION", &words, call).await;
    admin.orders().resume_order(pb::ResumeOrderRequest { name }).await.expect("resumed");
    wait(&admin, &id).await;
}

async fn upgrades(table: &mut Table) {
    let admin = table.admin.clone();
    let standing = || pb::UpgradeOrderRequest { name: format!("{PLACE}/standing"), ..Default::default() };
    for (case, resources, to, code, reason, words) in [
        ("upgrade: to nothing that is one", "", "probe", InvalidArgument, "REQUEST_INVALID", "RECIPE@REVISION"),
        ("upgrade: to a revision that is not there", "", "probe-files@9", NotFound, "NOT_FOUND", "it has 1 to"),
        ("upgrade: to a recipe that is not there", "", "nobody@1", NotFound, "NOT_FOUND", "vend get recipes"),
        ("upgrade: a resource that is not there", "dbb", "", NotFound, "NOT_FOUND", "`dbb`"),
        (
            "upgrade: to a version that is not installed",
            "",
            "probe@7.0.0",
            FailedPrecondition,
            "UNRESOLVED_REFERENCE",
            "installed are 0.1.0",
        ),
    ] {
        let resources = Some(resources.to_owned()).filter(|it| !it.is_empty()).into_iter().collect();
        let request = pb::UpgradeOrderRequest { resources, to: to.into(), ..standing() };
        let call = async { admin.orders().upgrade_order(request).await };
        table.refuses(case, code, reason, &[words], call).await;
    }
}
