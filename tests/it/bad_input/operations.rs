//! Drivers that overstep at work. The order is accepted before that can be known; the operation fails, once and at once, and
//! says what was changed at the backend.

use vend::pb::operation::Effect;

use super::table::{Ending, Table};

pub async fn rows(table: &mut Table) {
    let cases: [(&str, &str, &str, Ending); 6] = [
        (
            "create: calls a slot it has not",
            "slotless",
            "bare: true, on-create: [wrong-slot]",
            Ending { reason: "EGRESS_DENIED", effect: Effect::None, words: &["`elsewhere`"] },
        ),
        (
            "create: uses a handle that is not its own",
            "thief",
            "on-create: [make, { foreign-handle: '0000000000000000000000000000000000000000000000000000' }]",
            Ending { reason: "EGRESS_DENIED", effect: Effect::Applied, words: &["HANDLE_NOT_GRANTED"] },
        ),
        (
            "create: a handle in a query",
            "asker",
            "after-create: [handle-in-query]",
            Ending { reason: "EGRESS_DENIED", effect: Effect::Applied, words: &["a query holds no secrets"] },
        ),
        (
            "create: outputs against its schema",
            "liar",
            "after-create: [rubbish-outputs]",
            Ending { reason: "DRIVER_UNFIT", effect: Effect::Applied, words: &["outputs/name", "described schema"] },
        ),
        (
            "create: outputs that are no JSON",
            "babbler",
            "bare: true, on-create: [rubbish-json]",
            Ending { reason: "DRIVER_UNFIT", effect: Effect::None, words: &["outputs", "not JSON"] },
        ),
        (
            "create: a secret's handle as a plain output",
            "leaker",
            "after-create: [leak-handle]",
            Ending { reason: "DRIVER_UNFIT", effect: Effect::Applied, words: &["/note"] },
        ),
    ];
    for (case, name, params, ending) in cases {
        let resources = format!("\n  it: {{ type: probe, params: {{ name: {name}, {params} }} }}");
        table.fails(case, name, &resources, ending).await;
    }
}
