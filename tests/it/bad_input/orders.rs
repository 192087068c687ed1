//! Orders that are refused before a driver is asked, and those that would destroy.

use tonic::Code::{Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound};
use vend::pb;

use super::stock::{ORDER, REQUEST_ID};
use super::table::{Table, apply, ask, order, plan};

const STANDING: &str = "projects/default/environments/dev/orders/standing";

pub async fn rows(table: &mut Table) {
    let wrong = "{ db: { type: sqlite-database, params: { name: UPPER CASE, schema: CREATE, colour: red } } }";
    let words = [
        "/resources/db/params/name",
        "/resources/db/params/schema",
        "/resources/db/params/colour",
        "vend explain sqlite-database",
    ];
    table
        .refuses_order("params: against the schema, three times", InvalidArgument, "PARAMS_INVALID", &words, wrong)
        .await;
    let missing = "{ db: { type: sqlite-database } }";
    let words = ["/resources/db/params", "missing key `name`"];
    table.refuses_order("params: none where some are needed", InvalidArgument, "PARAMS_INVALID", &words, missing).await;
    let cases: [(&str, tonic::Code, &str, &str, &[&str]); 9] = [
        (
            "order: unknown type",
            NotFound,
            "RESOURCE_TYPE_UNKNOWN",
            "{ db: { type: sqlite-databse } }",
            &["`sqlite-databse`", "sqlite-database", "vend catalog"],
        ),
        (
            "order: unknown class",
            NotFound,
            "CLASS_UNKNOWN",
            "{ db: { type: probe, class: pgg } }",
            &["no class `pgg`", "`pg`"],
        ),
        (
            "order: a type that no recipe makes",
            FailedPrecondition,
            "NO_MATCHING_RECIPE",
            "{ db: { type: dream } }",
            &["`dream`", "environment `dev` of project `default`", "`development`", "there is none of this type"],
        ),
        (
            "order: unknown key",
            InvalidArgument,
            "DOCUMENT_INVALID",
            "{ db: { type: probe, clas: pg } }",
            &["order.yaml:4:33", "did you mean `class`?"],
        ),
        (
            "order: an id that is none",
            InvalidArgument,
            "DOCUMENT_INVALID",
            "{ db: { type: probe, id: Company/DB } }",
            &["order.yaml:4:37", "Company/DB", "an id is 1 to 63 of a-z"],
        ),
        (
            "order: an id, and what does not go with it",
            InvalidArgument,
            "DOCUMENT_INVALID",
            "{ db: { type: probe, id: company.db, adopt: old, observe-only: true } }",
            &["`adopt` does not go with `id`", "`observe-only` does not go with `id`", "afterwards"],
        ),
        (
            "order: an id, and params that only this order knows",
            InvalidArgument,
            "DOCUMENT_INVALID",
            "{ a: { type: probe }, db: { type: probe, id: x, params: { name: '${resources.a.outputs.name}' } } }",
            &["`db` is shared", "resources.a.outputs.name", "leave `id` out"],
        ),
        (
            "order: a secret's handle in params",
            InvalidArgument,
            "DOCUMENT_INVALID",
            "{ db: { type: probe, params: { name: 'vsec_0000000000000000000000000000000000000000000000000000' } } }",
            &["order.yaml:4:49", "secret handle"],
        ),
        (
            "order: a name that another one holds",
            AlreadyExists,
            "FOREIGN_OBJECT_EXISTS",
            "{ db: { type: sqlite-database, params: { name: spare } } }",
            &["`spare`", "choose another name"],
        ),
    ];
    for (case, code, reason, resources, words) in cases {
        table.refuses_order(case, code, reason, words, resources).await;
    }
    // No plan can see this: neither of the two is there.
    let twins =
        order("bad", "{ a: { type: probe, params: { name: twin } }, b: { type: probe, params: { name: twin } } }");
    let admin = table.admin.clone();
    let words = ["twin", "choose another name"];
    let call = apply(&admin, ask(&twins));
    table.refuses("order: one name for two of its own", AlreadyExists, "ALREADY_EXISTS", &words, call).await;
    places(table).await;
    destruction(table).await;
    repetition(table).await;
}

async fn places(table: &mut Table) {
    let admin = table.admin.clone();
    let text = order("bad", "{}");
    for (case, project, environment, code, reason, words) in [
        ("order: unknown project", "nowhere", "dev", NotFound, "NOT_FOUND", "projects/nowhere"),
        ("order: unknown environment", "default", "prod", NotFound, "NOT_FOUND", "projects/default/environments/prod"),
        ("order: for no project", "", "dev", InvalidArgument, "REQUEST_INVALID", "`bad` says none"),
        ("order: for a name that is none", "De Fault", "dev", InvalidArgument, "REQUEST_INVALID", "1 to 63 of a-z"),
    ] {
        let request = pb::ApplyOrderRequest { project: project.into(), environment: environment.into(), ..ask(&text) };
        table.refuses(case, code, reason, &[words], apply(&admin, request)).await;
    }
    let text = text.replace("name: bad", "name: bad\nproject: shop");
    let words = ["order.yaml:4:1", "`shop`", "`default`"];
    let call = apply(&admin, ask(&text));
    table.refuses("order: document and call disagree", InvalidArgument, "DOCUMENT_INVALID", &words, call).await;
}

async fn destruction(table: &mut Table) {
    let admin = table.admin.clone();
    let kept = ORDER.lines().nth(1).expect("the database");
    for (case, resources, lost) in [
        ("destroys: a resource dropped", format!("\n{kept}"), "delete spare (probe)"),
        ("destroys: a replacement", ORDER.replace("name: spare", "name: spare2"), "replace spare (probe)"),
    ] {
        let text = order("standing", &resources);
        let digest = plan(&admin, &text).await.expect("a plan").digest;
        let words = [lost, &digest, "--allow-destroy"];
        table.refuses(case, FailedPrecondition, "PLAN_REQUIRED", &words, apply(&admin, ask(&text))).await;
    }
    let delete = pb::DeleteOrderRequest { name: STANDING.into(), ..Default::default() };
    let words = ["delete db (sqlite-database)", "delete spare (probe)", "--allow-destroy"];
    let call = async { admin.orders().delete_order(delete).await };
    table.refuses("destroys: an order deleted", FailedPrecondition, "PLAN_REQUIRED", &words, call).await;

    let text = order("standing", ORDER);
    let digest = plan(&admin, &text).await.expect("a plan").digest;
    let dropped = order("standing", &format!("\n{kept}"));
    let stale = pb::ApplyOrderRequest { plan_digest: digest, ..ask(&dropped) };
    table
        .refuses("plan: the digest of another one", Aborted, "PLAN_STALE", &["plan again"], apply(&admin, stale))
        .await;

    let moved = ORDER.replace("name: kept", "name: moved");
    let words = ["`db` holds data", "/params/name", "recipe `sqlite-files`"];
    let text = order("standing", &moved);
    table
        .refuses(
            "plan: replaces what holds data",
            FailedPrecondition,
            "REPLACEMENT_REFUSED",
            &words,
            plan(&admin, &text),
        )
        .await;
    let forced = pb::ApplyOrderRequest { allow_destroy: true, ..ask(&text) };
    let case = "apply: replaces what holds data, allowed";
    table.refuses(case, FailedPrecondition, "REPLACEMENT_REFUSED", &words, apply(&admin, forced)).await;
    let turned = ORDER.replace("type: probe", "type: sqlite-database");
    let words = ["`spare` is a `probe`", "cannot become a `sqlite-database`"];
    let text = order("standing", &turned);
    table
        .refuses("plan: one type made another", FailedPrecondition, "REPLACEMENT_REFUSED", &words, plan(&admin, &text))
        .await;
}

async fn repetition(table: &mut Table) {
    let admin = table.admin.clone();
    let other = order("another", "{}");
    let reused = pb::ApplyOrderRequest { request_id: REQUEST_ID.into(), ..ask(&other) };
    let words = ["`the-first`", "new id"];
    let call = apply(&admin, reused);
    table.refuses("apply: a request id used before", AlreadyExists, "REQUEST_ID_REUSED", &words, call).await;
    let long = pb::ApplyOrderRequest { request_id: "x".repeat(129), ..ask(&other) };
    let words = ["request_id", "128 characters"];
    table
        .refuses("apply: a request id too long", InvalidArgument, "REQUEST_INVALID", &words, apply(&admin, long))
        .await;

    let text = order("standing", ORDER);
    let stale = pb::ApplyOrderRequest { etag: "\"7\"".into(), ..ask(&text) };
    let words = ["has changed", "decide anew"];
    table.refuses("apply: an etag of another version", Aborted, "ETAG_MISMATCH", &words, apply(&admin, stale)).await;
    let odd = pb::ApplyOrderRequest { etag: "seven".into(), ..ask(&text) };
    let words = ["etag", "quotes"];
    table.refuses("apply: an etag that is none", InvalidArgument, "REQUEST_INVALID", &words, apply(&admin, odd)).await;
    let delete = pb::DeleteOrderRequest {
        name: STANDING.into(),
        etag: "\"7\"".into(),
        allow_destroy: true,
        ..Default::default()
    };
    let call = async { admin.orders().delete_order(delete).await };
    table.refuses("delete: an etag of another version", Aborted, "ETAG_MISMATCH", &["has changed"], call).await;
}
