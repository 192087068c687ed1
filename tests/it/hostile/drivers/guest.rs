//! Guests that take all they can get of the machine: time, memory, tables, handles, the log, and what a call hands over.

use vend::domain::description::AskedLimits;
use vend::domain::limits::Limits;

use super::cases::Cases;
use super::fixture::{Fixture, description};
use super::rig::{Rig, Step, creating};

/// What an operator gives here, so that a bomb goes off soon.
fn maximum() -> Limits {
    Limits { memory_bytes: 160 << 20, ..Limits::default() }
}

const FOR_EVER: &str = "(loop $for_ever (br $for_ever)) unreachable";

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_gets_no_more_of_the_machine_than_it_is_given() {
    let mut cases = Cases::new("guest");
    let hurried = Rig::with_maximum(Limits { cpu_ms: 400, ..maximum() });
    time(&hurried, &mut cases).await;
    let rig = Rig::with_maximum(maximum());
    memory(&rig, &mut cases).await;
    tables_and_handles(&rig, &mut cases).await;
    floods(&rig, &mut cases).await;
    handed_over(&rig, &mut cases).await;
    composition(&rig, &mut cases).await;
    cases.end();
}

/// Both drivers create once.
async fn both(rig: &Rig, cases: &mut Cases, case: &str, words: &[&str], hostile: Fixture, twin: Fixture) {
    let step = || rig.step().within(maximum());
    both_on(rig, cases, case, words, (hostile, step()), (twin, step())).await;
}

async fn both_on(
    rig: &Rig,
    cases: &mut Cases,
    case: &str,
    words: &[&str],
    hostile: (Fixture, Step),
    twin: (Fixture, Step),
) {
    let load = async |fixture: &Fixture| rig.load(fixture).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    let (bad, good) = (load(&hostile.0).await, load(&twin.0).await);
    cases.attempt(case, words, hostile.1.create(&bad), twin.1.create(&good)).await;
}

async fn time(rig: &Rig, cases: &mut Cases) {
    let cpu = ["DRIVER_LIMIT_EXCEEDED", "cpu time, 400 ms at most"];
    let rounds = |f: &mut Fixture| Fixture::repeat(100_000, "") + &f.done("{}");
    both(rig, cases, "an endless loop", &cpu, creating(|_| FOR_EVER.into()), creating(rounds)).await;
    let starting = |body: &str| creating(|f| f.done("{}")).more(&format!("(func $begin {body}) (start $begin)"));
    cases
        .load(
            "an endless loop while it starts",
            &["describe failed", "limit of cpu time: 400 ms"],
            rig.load(&starting("(loop $l (br $l))")),
            rig.load(&starting("(loop $l)")),
        )
        .await;
    let described = |body: &str| {
        let text = description().to_string();
        Fixture::new().verb("describe", |f| format!("{body} (call $answer_text {})", f.text(&text)))
    };
    cases
        .load(
            "an endless loop in describe",
            &["describe failed", "limit of cpu time: 400 ms"],
            rig.load(&described("(loop $l (br $l))")),
            rig.load(&described("(loop $l)")),
        )
        .await;
    // Calls that cost the host something and are counted nowhere else: their time is the guest's.
    let saying = |times: &str, f: &mut Fixture| match times {
        "for ever" => format!("(loop $l {} (br $l)) unreachable", f.status("still at it")),
        _ => Fixture::repeat(1_000, &f.status("still at it")) + &f.done("{}"),
    };
    let (bad, good) = (creating(|f| saying("for ever", f)), creating(|f| saying("often", f)));
    both(rig, cases, "a flood of status lines", &cpu, bad, good).await;
    let asking = |times: &str, f: &mut Fixture| {
        // What comes back lies where the last one lay.
        let generate = f.generate("the-same") + "(global.set $next (i32.const 65536))";
        match times {
            "for ever" => format!("(loop $l {generate} (br $l)) unreachable"),
            _ => Fixture::repeat(1_000, &generate) + &f.done("{}"),
        }
    };
    let (bad, good) = (creating(|f| asking("for ever", f)), creating(|f| asking("often", f)));
    both(rig, cases, "a secret asked for again and again", &cpu, bad, good).await;
}

async fn memory(rig: &Rig, cases: &mut Cases) {
    let growing = |pages: u32, f: &mut Fixture| {
        let grow = "(if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))";
        Fixture::repeat(pages / 16, grow) + &f.done("{}")
    };
    let memory = ["DRIVER_LIMIT_EXCEEDED", "memory, 167772160 bytes at most"];
    both(rig, cases, "a memory bomb", &memory, creating(|f| growing(4_096, f)), creating(|f| growing(2_048, f))).await;
    let touching = |pages: u32, f: &mut Fixture| {
        let grow = "(if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) \
                    (memory.fill (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1048576)) (i32.const 7) (i32.const 1048576))";
        Fixture::repeat(pages / 16, grow) + &f.done("{}")
    };
    let (bad, good) = (creating(|f| touching(4_096, f)), creating(|f| touching(1_024, f)));
    both(rig, cases, "a memory bomb that touches every page", &memory, bad, good).await;

    let memories = |more: usize| creating(|f| f.done("{}")).more(&"(memory 1)".repeat(more));
    let words = ["memories count of 2 exceeds the per-instance limit of 1"];
    cases.load("a module of many memories", &words, rig.load(&memories(1)), rig.load(&memories(0))).await;
    let sized = |pages: u32| creating(|f| f.done("{}")).memory_pages(pages);
    let words = ["memory", "exceeds the limit of 0xa000000 bytes"];
    cases.load("memory over the limit from the start", &words, rig.load(&sized(2_561)), rig.load(&sized(2_560))).await;
    let data = |at: u64| creating(|f| f.done("{}")).memory_pages(32).more(&format!("(data (i32.const {at}) \"x\")"));
    let words = ["describe failed", "the driver crashed", "out of bounds"];
    cases
        .load("a data segment beyond the memory", &words, rig.load(&data(32 << 16)), rig.load(&data((32 << 16) - 1)))
        .await;

    // What a driver asks for itself holds as well.
    let asking = |pages: u32| {
        let mut described = description();
        described["limits"] = serde_json::json!({ "memory-bytes": 1 << 20 });
        Fixture::new().describe(&described).verb("create", |f| f.done("{}")).memory_pages(pages)
    };
    let asked = AskedLimits { memory_bytes: Some(1 << 20), ..AskedLimits::default() };
    let step = || rig.step().within(maximum().asked(&asked));
    let words = ["memory, 1048576 bytes at most"];
    let case = "more memory from the start than it asked for";
    both_on(rig, cases, case, &words, (asking(17), step()), (asking(16), step())).await;
}

async fn tables_and_handles(rig: &Rig, cases: &mut Cases) {
    let growing = |elements: u32, f: &mut Fixture| {
        let grow = "(if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))";
        Fixture::repeat(elements / 1_000, grow) + &f.done("{}")
    };
    let table = |elements: u32| creating(|f| growing(elements, f)).more("(table $t 1 funcref)");
    let words = ["DRIVER_LIMIT_EXCEEDED", "table elements, 100000 elements at most"];
    both(rig, cases, "a table bomb", &words, table(200_000), table(50_000)).await;
    let sized = |elements: u32| creating(|f| f.done("{}")).more(&format!("(table $t {elements} funcref)"));
    let words = ["table", "exceeds the limit of 100000"];
    cases
        .load("a table over the limit from the start", &words, rig.load(&sized(100_001)), rig.load(&sized(99_900)))
        .await;
    let tables = |more: usize| creating(|f| f.done("{}")).more(&"(table 1 funcref)".repeat(more));
    let words = ["tables count of 2 exceeds the per-instance limit of 1"];
    cases.load("a module of many tables", &words, rig.load(&tables(2)), rig.load(&tables(1))).await;

    let handles =
        |times: u32, body: &'static str| creating(move |f| Fixture::repeat(times, body) + &f.done("{}")).surroundings();
    let keeping = "(drop (call $stdout))";
    let words = ["DRIVER_LIMIT_EXCEEDED", "resource handles, 10000 handles at most"];
    both(rig, cases, "a bomb of resource handles", &words, handles(20_000, keeping), handles(9_000, keeping)).await;

    let deep = |levels: u32| {
        creating(move |f| format!("(drop (call $deep (i32.const {levels}))) {}", f.done("{}"))).more(
            "(func $deep (param i32) (result i32) (if (result i32) (local.get 0) \
             (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))) (else (i32.const 0))))",
        )
    };
    let words = ["DRIVER_LIMIT_EXCEEDED", "stack, 1048576 bytes at most"];
    both(rig, cases, "deep recursion", &words, deep(10_000_000), deep(1_000)).await;
}

async fn floods(rig: &Rig, cases: &mut Cases) {
    let talking =
        |times: u32, text: &'static str| creating(move |f| Fixture::repeat(times, &f.log(text)) + &f.done("{}"));
    let words = ["DRIVER_LIMIT_EXCEEDED", "log size, 262144 bytes at most"];
    both(rig, cases, "a flood of log lines", &words, talking(5_000, "and another"), talking(500, "and another")).await;
    both(rig, cases, "a flood of empty log lines", &words, talking(5_000, ""), talking(4_000, "")).await;
    let printing = |times: u32| {
        let line = "(call $print (call $stdout) (i32.const 1024) (i32.const 1000) (i32.const 512))";
        creating(move |f| Fixture::repeat(times, line) + &f.done("{}")).surroundings()
    };
    both(rig, cases, "a flood on standard output", &words, printing(2_000), printing(200)).await;

    let few = || Limits { reads: 20, writes: 10, ..maximum() };
    let step = || rig.step().within(few());
    let reading = |times: u32| creating(move |f| Fixture::repeat(times, &f.query("db", "SELECT 1")) + &f.done("{}"));
    let words = ["DRIVER_LIMIT_EXCEEDED", "reads, 20 calls at most"];
    both_on(rig, cases, "a flood of reads", &words, (reading(21), step()), (reading(20), step())).await;
    let write = "INSERT INTO note VALUES ('flood')";
    let writing =
        move |times: u32| creating(move |f| Fixture::repeat(times, &f.execute_in("db", "t", write)) + &f.done("{}"));
    let words = ["DRIVER_LIMIT_EXCEEDED", "writes, 10 calls at most"];
    let before = rig.written();
    both_on(rig, cases, "a flood of writes", &words, (writing(11), step()), (writing(10), step())).await;
    cases.check("a flood of writes", rig.written() - before == 20, "each wrote ten rows");
    let denied = |times: u32| {
        let asked = "(call $ignore)";
        creating(move |f| {
            let call = f.query("elsewhere", "SELECT 1").replace("(return", "(drop");
            Fixture::repeat(times, &call) + asked + &f.done("{}")
        })
        .more("(func $ignore)")
    };
    let words = ["DRIVER_LIMIT_EXCEEDED", "reads, 20 calls at most"];
    both_on(rig, cases, "a flood of denied calls", &words, (denied(21), step()), (denied(20), step())).await;
}

/// A hundred megabytes that lie in the guest's own memory, handed to the host in one go.
async fn handed_over(rig: &Rig, cases: &mut Cases) {
    const HUNDRED_MB: u32 = 100 << 20;
    let roomy = |f: Fixture| f.memory_pages(2_048);
    let output = ["DRIVER_LIMIT_EXCEEDED", "output size, 1048576 bytes at most"];
    // Of blanks, which are JSON's as well; the whole is `{}` with blanks before it.
    let answering = |bytes: u32| {
        roomy(creating(move |f| {
            let (id, state) = (f.text("id"), f.text("{}"));
            let fill = format!("(memory.fill (i32.const 2097152) (i32.const 32) (i32.const {bytes}))");
            let end = 2_097_152 + bytes - 2;
            format!(
                "{fill} (i32.store8 (i32.const {end}) (i32.const 123)) (i32.store8 (i32.const {}) (i32.const 125)) \
                 (call $done {id} {state} (i32.const 2097152) (i32.const {bytes}))",
                end + 1
            )
        }))
    };
    both(rig, cases, "a result of 100 MB", &output, answering(HUNDRED_MB), answering(1_000)).await;
    let case = "a result of 2 MB";
    both(rig, cases, case, &output, answering(2 << 20), answering((1 << 20) - 4)).await;

    let told = |bytes: u32, violations: u32| {
        let fixture = Fixture::new().describe(&description()).verb("create", move |f| {
            let code = f.text("TOLD");
            let message = format!("(i32.const 2097152) (i32.const {bytes})");
            let list = format!("(i32.const 2097152) (i32.const {violations})");
            Fixture::error(&code, &message, &list)
        });
        roomy(fixture)
    };
    let rows = [
        ("an error message of 100 MB", told(HUNDRED_MB, 0), told(1_000, 0)),
        ("six million violations", told(10, 6_000_000), told(10, 100)),
    ];
    for (case, hostile, twin) in rows {
        let (bad, good) = (rig.load(&hostile).await.expect("a driver"), rig.load(&twin).await.expect("a driver"));
        let step = rig.step().within(maximum());
        let report = step.create(&bad).await;
        let outcome = super::cases::outcome(&report.result);
        let cost = format!("{} ms, {} MiB", report.usage.cpu_ms, report.usage.memory_bytes >> 20);
        cases.row(case, &output, report.result.is_err(), &outcome, &cost);
        // The twin is an error too: the one that the driver wanted to tell.
        let told = super::cases::outcome(&step.create(&good).await.result);
        cases.check(case, told.contains("BACKEND_REFUSED TOLD"), told);
    }
    let logging = |bytes: u32| {
        roomy(creating(move |f| {
            format!("(call $log (i32.const 1) (i32.const 2097152) (i32.const {bytes})) {}", f.done("{}"))
        }))
    };
    let words = ["DRIVER_LIMIT_EXCEEDED", "body size, 8388608 bytes at most"];
    both(rig, cases, "a log line of 100 MB", &words, logging(HUNDRED_MB), logging(1_000)).await;
    let asking = |bytes: u32| {
        roomy(creating(move |f| {
            let call = f.query("db", "SELECT 1");
            let (slot, sql) = (f.text("db"), format!("(i32.const 2097152) (i32.const {bytes})"));
            format!(
                "{call} (memory.fill (i32.const 2097152) (i32.const 32) (i32.const {bytes})) \
                 (memory.copy (i32.const 2097152) (i32.const {}) (i32.const 8)) \
                 (call $query {slot} (i32.const 0) (i32.const 0) (i32.const 0) {sql} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) \
                 (if (i32.load8_u (i32.const 512)) (then (return (call $failed (i32.const 512))))) {}",
                f.find("SELECT 1"),
                f.done("{}")
            )
        }))
    };
    both(rig, cases, "a statement of 100 MB", &words, asking(HUNDRED_MB), asking(10_000)).await;
    both(rig, cases, "a statement of 9 MB", &words, asking(9 << 20), asking(100_000)).await;
}

/// Components that are small as files and vast once they are put together.
async fn composition(rig: &Rig, cases: &mut Cases) {
    let doubling = |levels: usize| {
        let twice = |inner: String, _: usize| {
            let inner = inner.replacen("(component", "(component $c", 1);
            format!("(component {inner} (instance (instantiate $c)) (instance (instantiate $c)))")
        };
        wat::parse_str((0..levels).fold("(component)".to_owned(), twice)).expect("component text")
    };
    // The twins are no drivers either, but for another reason, which is only looked for in what was compiled.
    let modules = |count: usize, inside: &str| {
        let made = "(core instance (instantiate $m))".repeat(count);
        wat::parse_str(format!("(component (core module $m {inside}) {made})")).expect("component text")
    };
    let rows = [
        ("components that double fifteen times", "more than 1000 instances", doubling(15), doubling(3)),
        ("a component of 900 instances", "exceeds the configured maximum of 40", modules(900, ""), modules(40, "")),
        (
            "a component of many memories",
            "exceeds the configured maximum of 4",
            modules(5, "(memory 1)"),
            modules(4, "(memory 1)"),
        ),
        (
            "a component of many tables",
            "exceeds the configured maximum of 24",
            modules(25, "(table 1 funcref)"),
            modules(24, "(table 1 funcref)"),
        ),
    ];
    for (case, words, hostile, twin) in rows {
        let before = super::rig::resident_mib();
        let refused = rig.load_component(hostile).await.err().map(|error| error.to_string()).unwrap_or_default();
        let outcome = format!("DRIVER_INVALID: {refused}");
        cases.row(case, &[words], !refused.is_empty(), &outcome, &super::cases::grown(before));
        let twin = rig.load_component(twin).await.err().map(|error| error.to_string()).unwrap_or_default();
        cases.check(case, twin.contains("exports no `vend:driver/lifecycle"), twin);
    }
}
