//! The same through a whole core: what becomes of orders whose drivers do harm, all of them at once, beside one that does its work.

use tonic::Status;
use tonic_types::StatusExt;

use vend::pb;
use vend::pb::operation::{Effect, State};

use super::cases::{Cases, grown};
use super::rig::resident_mib;
use super::stocked::{accepted, apply, order, rests, start, until};
use crate::support::core::reason;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_driver_does_harm_ends_with_the_reason() {
    let mut cases = Cases::new("engine");
    let core = start(|settings| {
        settings.limits.cpu_ms = 400;
        settings.limits.memory_bytes = 64 << 20;
    })
    .await;
    let admin = core.admin();
    let before = resident_mib();
    let rows: [(&str, &str, &str, &str); 12] = [
        ("a crash", "[trap]", "DRIVER_TRAPPED", "as it was told"),
        ("an endless loop", "[loop-forever]", "DRIVER_LIMIT_EXCEEDED", "cpu time: 400 ms"),
        ("a memory bomb", "[memory-bomb]", "DRIVER_LIMIT_EXCEEDED", "memory: 67108864 bytes"),
        // Rust's frames lie in the guest's own memory, which ends before the engine's stack does.
        ("deep recursion in Rust", "[stack-overflow]", "DRIVER_TRAPPED", "out of bounds memory access"),
        ("a flood of log lines", "[log-flood]", "DRIVER_LIMIT_EXCEEDED", "log size: 262144 bytes"),
        ("a flood of outputs", "[output-flood]", "DRIVER_LIMIT_EXCEEDED", "output size: 1048576 bytes"),
        ("a flood of reads", "[{ reads: 1001 }]", "DRIVER_LIMIT_EXCEEDED", "reads: 1000 calls"),
        ("a body of 9 MB", "[{ body: 9000000 }]", "DRIVER_LIMIT_EXCEEDED", "body size: 8388608 bytes"),
        ("outputs that are no JSON", "[rubbish-json]", "DRIVER_UNFIT", "not JSON"),
        ("outputs against the schema", "[rubbish-outputs]", "DRIVER_UNFIT", "outputs/name"),
        ("a slot that was never described", "[wrong-slot]", "EGRESS_DENIED", "SLOT_NOT_GRANTED"),
        (
            "somebody else's handle as an output",
            "[{ offer-handle: '0000000000000000000000000000000000000000000000000000' }]",
            "DRIVER_UNFIT",
            "not of this resource",
        ),
    ];
    let mut parents = Vec::new();
    for (n, (_, acts, ..)) in rows.iter().enumerate() {
        parents
            .push(accepted(&admin, &order(&format!("hostile-{n}"), &format!("bare: true, on-create: {acts}"))).await);
    }
    let twin = accepted(&admin, &order("twin", "after-create: [write, read, generate, compose]")).await;
    for ((case, _, expected, word), parent) in rows.iter().zip(&parents) {
        let ended = until(&admin, parent, rests).await;
        let outcome = format!("FAILED {}: {}", ended.reason, ended.message);
        let failed = (ended.state(), ended.effect()) == (State::Failed, Effect::None);
        cases.row(&format!("an order: {case}"), &[expected, word], failed, &outcome, &grown(before));
    }
    let twin = until(&admin, &twin, rests).await;
    cases.check("the twin", twin.state() == State::Succeeded, &twin);

    // What crashes while it is planned is refused, and nothing was accepted.
    for (case, when, acts, expected) in [
        ("a crash while params are validated", "on-validate", "[trap]", "DRIVER_TRAPPED"),
        ("a crash while it is planned", "on-plan", "[trap]", "DRIVER_TRAPPED"),
        ("an endless loop while it is planned", "on-plan", "[loop-forever]", "DRIVER_LIMIT_EXCEEDED"),
        ("a write while it is planned", "on-plan", "[write]", "EGRESS_DENIED"),
        ("a query while params are validated", "on-validate", "[{ query: SELECT 1 }]", "EGRESS_DENIED"),
    ] {
        let refused = apply(&admin, &order("planned", &format!("{when}: {acts}"))).await.err();
        let outcome = refused.as_ref().map_or("accepted".to_owned(), told);
        cases.row(&format!("an order: {case}"), &[expected], refused.is_some(), &outcome, &grown(before));
        let name = "projects/default/environments/dev/orders/planned";
        let kept = admin.orders().get_order(pb::GetOrderRequest { name: name.into() }).await;
        cases.check(case, kept.is_err(), "nothing was accepted");
    }
    let planned = accepted(&admin, &order("planned", "on-plan: [{ fetch: { path: / } }], forgiving: true")).await;
    let planned = until(&admin, &planned, rests).await;
    cases.check("a denial that the driver forgives", planned.state() == State::Succeeded, &planned);

    // A handle that a developer writes down is refused before anybody is asked.
    let handle = format!("vsec_{}", "0".repeat(52));
    let refused = apply(&admin, &order("smuggler", &format!("on-create: [{{ note: {handle} }}]"))).await.err();
    let outcome = refused.as_ref().map_or("accepted".to_owned(), told);
    let words = ["DOCUMENT_INVALID", "a secret handle cannot be written into a document"];
    cases.row("a handle written into an order's params", &words, refused.is_some(), &outcome, "—");
    let recipe = format!(
        "apiVersion: vend/v1\nkind: Recipe\nname: probe\ntype: probe\nmatch: [{{ environment-type: development }}]\n\
         driver: probe@^0.1\nconnections: {{ server: files }}\nconfig: {{ h: {handle} }}\n"
    );
    let refused = admin.apply(&recipe).await.err();
    let outcome = refused.as_ref().map_or("accepted".to_owned(), told);
    cases.row("a handle written into a recipe's config", &words, refused.is_some(), &outcome, "—");
    core.stop().await;
    cases.end();
}

fn told(status: &Status) -> String {
    let details = status.get_error_details();
    let found = details.bad_request().map(|it| it.field_violations.as_slice()).unwrap_or_default();
    let found: Vec<&str> = found.iter().map(|it| it.description.as_str()).collect();
    format!("{}: {} {}", reason(status), status.message(), found.join("; "))
}
