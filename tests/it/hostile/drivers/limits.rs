//! Every limit of an attempt: what stays just within it succeeds, what goes just over it is refused by its name; as the limit comes
//! with the attempt, as the operator's maximum narrows it, and as the driver itself asks for less.

use std::sync::Arc;

use serde_json::json;

use vend::domain::description::AskedLimits;
use vend::domain::effect::Entry;
use vend::domain::limits::{Limit, Limits};
use vend::driver::{Failure, Report};

use super::cases::Cases;
use super::fixture::{Fixture, description};
use super::rig::{Rig, Step, creating};

/// A limit, and drivers that come near it.
struct Edge {
    limit: Limit,
    /// Sets it.
    narrow: fn(&mut Limits, u64),
    /// In a description; `None` where a driver cannot ask.
    ask: Option<fn(&mut AskedLimits, u64)>,
    value: u64,
    /// Just within and just over, with what tells them apart.
    within: Fixture,
    over: Fixture,
    margin: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_is_met_and_not_passed() {
    let mut cases = Cases::new("limits");
    let rig = Arc::new(Rig::new());
    for edge in edges(&rig).await {
        let mut limits = Limits::default();
        (edge.narrow)(&mut limits, edge.value);
        let step = |rig: &Rig, limits: Limits| rig.step().within(limits);
        row(&mut cases, "", &edge, &rig, &|rig| step(rig, limits.clone())).await;
        let operator = Rig::with_maximum(limits.clone());
        row(&mut cases, ", narrowed by the operator", &edge, &operator, &|rig| step(rig, Limits::default())).await;
        if let Some(ask) = edge.ask {
            let mut asked = AskedLimits::default();
            ask(&mut asked, edge.value);
            let limits = Limits::default().asked(&asked);
            row(&mut cases, ", asked for by the driver", &edge, &rig, &|rig| step(rig, limits.clone())).await;
        }
    }
    fixed(&rig, &mut cases).await;
    cases.end();
}

async fn row(cases: &mut Cases, how: &str, edge: &Edge, rig: &Rig, step: &dyn Fn(&Rig) -> Step) {
    let case = format!("{}{how}: {}", edge.limit, edge.margin);
    let words = format!("{}, {} {} at most", edge.limit, edge.value, edge.limit.unit());
    let (over, within) = (rig.load(&edge.over).await, rig.load(&edge.within).await);
    let (over, within) = (over.expect("a driver"), within.expect("a driver"));
    cases.attempt(&case, &["DRIVER_LIMIT_EXCEEDED", &words], step(rig).create(&over), step(rig).create(&within)).await;
}

const SPIN: &str = "(loop $for_ever (br $for_ever)) unreachable";
/// Runs until somebody ends it.
const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
const SHORT: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 9) SELECT count(*) FROM n";

async fn edges(rig: &Rig) -> Vec<Edge> {
    let pages = |pages: u32| {
        // Two are there from the start.
        let grow = format!("(if (i32.eq (memory.grow (i32.const {})) (i32.const -1)) (then unreachable))", pages - 2);
        creating(|f| grow + &f.done("{}"))
    };
    let times = |times: u32, query: bool| {
        creating(move |f| {
            let write = "INSERT INTO note VALUES ('edge')";
            let call = if query { f.query("db", "SELECT 1") } else { f.execute_in("db", "t", write) };
            Fixture::repeat(times, &call) + &f.done("{}")
        })
    };
    let elements = |elements: u32| {
        let grow = format!(
            "(if (i32.eq (table.grow $t (ref.null func) (i32.const {})) (i32.const -1)) (then unreachable))",
            elements - 1
        );
        creating(|f| grow + &f.done("{}")).more("(table $t 1 funcref)")
    };
    let outputs = |bytes: usize| creating(move |f| f.done(&sized_outputs(bytes)));
    let said = |bytes: usize| creating(move |f| f.log(&"x".repeat(bytes)) + &f.done("{}"));
    let talk = || creating(|f| Fixture::repeat(4, &f.query("db", "SELECT 1")) + &f.done("{}"));
    let journal = journal_bytes(rig, &talk()).await;
    let more_talk =
        creating(|f| Fixture::repeat(3, &f.query("db", "SELECT 1")) + &f.query("db", "SELECT 1 ") + &f.done("{}"));
    vec![
        Edge {
            limit: Limit::Memory,
            narrow: |limits, value| limits.memory_bytes = value,
            ask: Some(|asked, value| asked.memory_bytes = Some(value)),
            value: 4 << 20,
            within: pages(64),
            over: pages(65),
            margin: "64 and 65 pages",
        },
        // Time is looked at when the engine's clock ticks, every 5 ms, and passes by the machine's clock whatever else the machine does:
        // what stays within the limit is far below it, and what goes over it never ends.
        Edge {
            limit: Limit::Cpu,
            narrow: |limits, value| limits.cpu_ms = value,
            ask: Some(|asked, value| asked.cpu_ms = Some(value)),
            value: 1_000,
            within: creating(|f| Fixture::repeat(100_000, "") + &f.done("{}")),
            over: creating(|_| SPIN.into()),
            margin: "a millisecond and for ever",
        },
        // The same, and the host's timers besides.
        Edge {
            limit: Limit::Time,
            narrow: |limits, value| limits.time_ms = value,
            ask: Some(|asked, value| asked.time_ms = Some(value)),
            value: 2_000,
            within: creating(|f| f.query_in("db", "t", SHORT) + &f.done("{}")),
            over: creating(|f| f.query_in("db", "t", ENDLESS) + &f.done("{}")),
            margin: "a short query and an endless one",
        },
        Edge {
            limit: Limit::Reads,
            narrow: |limits, value| limits.reads = value as u32,
            ask: Some(|asked, value| asked.reads = Some(value as u32)),
            value: 7,
            within: times(7, true),
            over: times(8, true),
            margin: "7 and 8 queries",
        },
        Edge {
            limit: Limit::Writes,
            narrow: |limits, value| limits.writes = value as u32,
            ask: Some(|asked, value| asked.writes = Some(value as u32)),
            value: 3,
            within: times(3, false),
            over: times(4, false),
            margin: "3 and 4 statements",
        },
        Edge {
            limit: Limit::Body,
            narrow: |limits, value| limits.body_bytes = value,
            ask: None,
            value: 5_000,
            within: creating(|f| f.query("db", &sized_statement(5_000)) + &f.done("{}")),
            over: creating(|f| f.query("db", &sized_statement(5_001)) + &f.done("{}")),
            margin: "a request of 5000 and 5001 bytes",
        },
        Edge {
            limit: Limit::Body,
            narrow: |limits, value| limits.body_bytes = value,
            ask: None,
            value: 5_000,
            within: creating(|f| f.query("db", &sized_answer(5_000)) + &f.done("{}")),
            over: creating(|f| f.query("db", &sized_answer(5_001)) + &f.done("{}")),
            margin: "an answer of 5000 and 5001 bytes",
        },
        Edge {
            limit: Limit::Journal,
            narrow: |limits, value| limits.journal_bytes = value,
            ask: None,
            value: journal,
            within: talk(),
            over: more_talk,
            margin: "four queries, and four with one letter more",
        },
        Edge {
            limit: Limit::Output,
            narrow: |limits, value| limits.output_bytes = value,
            ask: None,
            // The describe document has to fit as well.
            value: 3_000,
            within: outputs(3_000),
            over: outputs(3_001),
            margin: "3000 and 3001 bytes",
        },
        Edge {
            limit: Limit::Log,
            narrow: |limits, value| limits.log_bytes = value,
            ask: None,
            value: 1_000,
            // A line counts 64 bytes more than its text.
            within: said(936),
            over: said(937),
            margin: "1000 and 1001 bytes",
        },
        Edge {
            limit: Limit::Table,
            narrow: |limits, value| limits.table_elements = value,
            ask: None,
            value: 1_000,
            // The adapters that every component has beside its module keep tables of their own.
            within: elements(1_000 - adapters(rig).await),
            over: elements(1_001 - adapters(rig).await),
            margin: "1000 and 1001 elements",
        },
    ]
}

/// What an operator and a driver cannot change.
async fn fixed(rig: &Rig, cases: &mut Cases) {
    // A frame's size is the compiler's affair: half of the stack and twice of it stand for the limit's two sides.
    let deep = |levels: u32| {
        creating(move |f| format!("(drop (call $deep (i32.const {levels}))) {}", f.done("{}"))).more(
            "(func $deep (param i32) (result i32) (if (result i32) (local.get 0) \
             (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))) (else (i32.const 0))))",
        )
    };
    let handles =
        |count: u32| creating(move |f| Fixture::repeat(count, "(drop (call $stdout))") + &f.done("{}")).surroundings();
    // A handle on its way to the guest is counted on the host's side for a moment as well.
    for (case, words, within, over) in [
        ("stack: 10,000 and 100,000 frames", "stack, 1048576 bytes at most", deep(10_000), deep(100_000)),
        (
            "resource handles: 9,999 and 10,001",
            "resource handles, 10000 handles at most",
            handles(9_999),
            handles(10_001),
        ),
    ] {
        let (over, within) = (rig.load(&over).await.expect("a driver"), rig.load(&within).await.expect("a driver"));
        let step = rig.step();
        cases.attempt(case, &["DRIVER_LIMIT_EXCEEDED", words], step.create(&over), step.create(&within)).await;
    }
}

/// A query whose request has so many bytes as the journal counts them.
fn sized_statement(bytes: usize) -> String {
    let arguments = |sql: &str| json!({ "connection": "db", "database": null, "statement": { "sql": sql, "params": [], "inline": false } });
    let empty = arguments("SELECT 1").to_string().len();
    format!("SELECT 1{}", " ".repeat(bytes - empty))
}

/// A query whose answer has so many.
fn sized_answer(bytes: usize) -> String {
    let answer = json!({ "columns": ["v"], "rows": [[""]], "affected": 0 });
    format!("SELECT printf('%.*c', {}, 'x') AS v", bytes - answer.to_string().len())
}

/// Outputs that together with the id `id` and the state `{}` are so many.
fn sized_outputs(bytes: usize) -> String {
    let empty = r#"{"name":""}"#.len() + "id".len() + "{}".len();
    format!(r#"{{"name":"{}"}}"#, "x".repeat(bytes - empty))
}

/// What the effects of one attempt come to in the journal.
async fn journal_bytes(rig: &Rig, fixture: &Fixture) -> u64 {
    let driver = rig.load(fixture).await.expect("a driver");
    let report: Report = rig.step().create(&driver).await;
    let counted = report.rest.entries.iter().filter(|entry| !matches!(entry, Entry::Begun { .. }));
    counted.map(|entry| serde_json::to_vec(entry).expect("JSON").len() as u64).sum()
}

/// Elements of the tables beside the module's own: found by growing against a limit until it is met.
async fn adapters(rig: &Rig) -> u32 {
    for count in 0..100 {
        let grow = format!("(drop (table.grow $t (ref.null func) (i32.const {})))", 199 - count);
        let driver = creating(|_| grow + "unreachable").more("(table $t 1 funcref)");
        let driver = rig.load(&driver).await.expect("a driver");
        let limits = Limits { table_elements: 200, ..Limits::default() };
        let report = rig.step().within(limits).create(&driver).await;
        // It grew to all there is room for, and then fell over.
        if matches!(report.result, Err(Failure::Trapped(_))) {
            return count;
        }
    }
    panic!("a component has no hundred elements beside its module's");
}

/// Asking for more than there is gets what there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_asks_for_everything_gets_the_operators_maximum() {
    let mut cases = Cases::new("asking");
    let maximum = Limits { cpu_ms: 300, reads: 5, ..Limits::default() };
    let rig = Rig::with_maximum(maximum.clone());
    let asking = |limits: serde_json::Value, body: fn(&mut Fixture) -> String| {
        let mut described = description();
        described["limits"] = limits;
        Fixture::new().describe(&described).verb("create", body)
    };
    let everything = json!({
        "memory-bytes": u64::MAX, "cpu-ms": u64::MAX, "time-ms": u64::MAX, "reads": u32::MAX, "writes": u32::MAX,
    });
    let read = |f: &mut Fixture| Fixture::repeat(6, &f.query("db", "SELECT 1")) + &f.done("{}");
    let greedy = rig.load(&asking(everything.clone(), read)).await.expect("a driver");
    let limits = maximum.asked(&greedy.description().limits);
    cases.check("limits of u64::MAX", limits == maximum, &limits);
    let few = |f: &mut Fixture| Fixture::repeat(5, &f.query("db", "SELECT 1")) + &f.done("{}");
    let modest = rig.load(&asking(everything, few)).await.expect("a driver");
    let step = rig.step().within(limits);
    let words = ["DRIVER_LIMIT_EXCEEDED", "reads, 5 calls at most"];
    cases.attempt("limits of u64::MAX in a description", &words, step.create(&greedy), step.create(&modest)).await;
    cases.end();
}
