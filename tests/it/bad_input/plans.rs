//! Drivers that overstep while planning: all of it is refused before anything leaves.
//!
//! What a query may be is tried statement by statement in `sql_postgres/reads.rs`; here, that it holds through the API. A
//! driver that plans has no handle to ask with: making one is denied, and none can be written into an order.

use tonic::Code::{FailedPrecondition, Internal, InvalidArgument, PermissionDenied, ResourceExhausted, Unavailable};

use super::table::Table;

pub async fn rows(table: &mut Table) {
    let denied: [(&str, &str, &str, &[&str]); 9] = [
        (
            "plan: the driver writes",
            "",
            "[write]",
            &["sql-write.transact is denied", "may only read", "driver's authors"],
        ),
        ("plan: the driver makes a database", "", "[create-database]", &["sql-write.execute is denied"]),
        ("plan: the driver claims something", "", "[checkpoint]", &["claims.checkpoint is denied"]),
        ("plan: the driver makes a secret", "", "[generate]", &["secrets.generate is denied"]),
        ("plan: the driver calls a slot it has not", "", "[wrong-slot]", &["`elsewhere`"]),
        (
            "plan: a statement that writes, as a query",
            "pg",
            "[{ query: INSERT INTO t VALUES (1) }]",
            &["a query is one SELECT"],
        ),
        ("plan: COPY as a query", "pg", "[{ query: COPY pg_class TO PROGRAM 'id' }]", &["a query is one SELECT"]),
        (
            "plan: a database that is not allowed",
            "pg",
            "[{ query: SELECT 1 }]",
            &["does not allow database `template1`"],
        ),
        (
            "plan: an unqualified read role",
            "powerful",
            "[{ query: SELECT 1 }]",
            &["connection `powerful`", "SUPERUSER", "mend the connection"],
        ),
    ];
    for (case, class, acts, words) in denied {
        let database = if case.ends_with("not allowed") { ", database: template1" } else { "" };
        table.refuses_order(case, PermissionDenied, "EGRESS_DENIED", words, &probe(class, acts, database)).await;
    }
    let two = probe("pg", "[{ query: SELECT 1; SELECT 2 }]", "");
    table
        .refuses_order(
            "plan: two statements in a query",
            InvalidArgument,
            "PARAMS_INVALID",
            &["more than one statement"],
            &two,
        )
        .await;
    let rights = probe("pg", "[{ query: SELECT * FROM pg_authid }]", "");
    let words = ["42501", "permission denied"];
    table
        .refuses_order("plan: what the read role may not see", FailedPrecondition, "BACKEND_REFUSED", &words, &rights)
        .await;
    let down = probe("down", "[{ query: SELECT 1 }]", "");
    let words = ["is the backend up"];
    table.refuses_order("plan: the backend is down", Unavailable, "BACKEND_UNAVAILABLE", &words, &down).await;
    let trap = probe("", "[trap]", "");
    table
        .refuses_order("plan: the driver crashes", Internal, "DRIVER_TRAPPED", &["crashed", "as it was told"], &trap)
        .await;
    let flood = probe("pg", "[{ reads: 100000 }]", "");
    let words = ["limit of reads: 1000 calls"];
    table
        .refuses_order("plan: the driver asks without end", ResourceExhausted, "DRIVER_LIMIT_EXCEEDED", &words, &flood)
        .await;
    let refused = "{ it: { type: probe, params: { name: 'a b' } } }";
    let words = ["/resources/it/params/name"];
    table.refuses_order("params: the driver refuses them", InvalidArgument, "PARAMS_INVALID", &words, refused).await;
}

/// A probe that does this while it plans; bare where it is held to a server.
fn probe(class: &str, acts: &str, more: &str) -> String {
    match class {
        "" => format!("\n  it: {{ type: probe, params: {{ name: sneaky, on-plan: {acts} }} }}"),
        _ => format!(
            "\n  it: {{ type: probe, class: {class}, params: {{ name: sneaky, bare: true, on-plan: {acts}{more} }} }}"
        ),
    }
}
