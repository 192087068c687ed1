//! What crosses the border between guest and host in a shape that it may not have: pointers, texts, cases, JSON.

use serde_json::json;

use vend::domain::contract::Call;
use vend::domain::limits::Limits;

use super::cases::Cases;
use super::fixture::{Fixture, description};
use super::rig::{Rig, creating, input};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_hands_over_is_looked_at_before_it_is_used() {
    let rig = Rig::with_maximum(Limits { cpu_ms: 400, ..Limits::default() });
    let mut cases = Cases::new("boundary");
    texts_and_pointers(&rig, &mut cases).await;
    room_for_arguments(&rig, &mut cases).await;
    documents(&rig, &mut cases).await;
    lists(&rig, &mut cases).await;
    cases.end();
}

async fn creates(rig: &Rig, cases: &mut Cases, case: &str, words: &[&str], hostile: Fixture, twin: Fixture) {
    let load = async |fixture: &Fixture| rig.load(fixture).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    let (bad, good) = (load(&hostile).await, load(&twin).await);
    let step = || rig.step();
    cases.attempt(case, words, step().create(&bad), step().create(&good)).await;
}

async fn texts_and_pointers(rig: &Rig, cases: &mut Cases) {
    // Outputs of two bytes at 3000, which are `{}` or something else.
    let outputs = |bytes: u32, pointer: u32, length: u32| {
        creating(move |f| {
            let (id, state) = (f.text("id"), f.text("{}"));
            format!(
                "(i32.store (i32.const 3000) (i32.const {})) (call $done {id} {state} (i32.const {}) (i32.const {}))",
                bytes as i32, pointer as i32, length as i32
            )
        })
    };
    let good = || outputs(0x7d7b, 3_000, 2);
    let utf8 = ["DRIVER_TRAPPED", "utf-8"];
    let bounds = ["DRIVER_TRAPPED", "out of bounds"];
    for (case, words, hostile) in [
        ("a result that is no UTF-8", &utf8, outputs(0xfeff, 3_000, 2)),
        ("a result with half a surrogate pair", &utf8, outputs(0x0080_a0ed, 3_000, 3)),
        ("a result cut within a character", &utf8, outputs(0xc37b, 3_000, 2)),
        ("a result beyond the memory", &bounds, outputs(0x7d7b, 0xffff_fff0, 2)),
        ("a result that ends beyond the memory", &bounds, outputs(0x7d7b, 131_070, 100)),
        ("a result as long as the address space", &bounds, outputs(0x7d7b, 3_000, 0xffff_ffff)),
    ] {
        creates(rig, cases, case, words, hostile, good()).await;
    }

    let returning = |address: u32| creating(move |f| format!("(drop {}) (i32.const {})", f.done("{}"), address as i32));
    let words = ["DRIVER_TRAPPED", "pointer not aligned"];
    creates(rig, cases, "a misaligned result", &words, returning(66), returning(64)).await;
    let words = ["DRIVER_TRAPPED", "pointer out of bounds"];
    creates(rig, cases, "a result that lies beyond the memory", &words, returning(0x7fff_fffc), returning(64)).await;

    let cases_of = |address: u32, case: u32| {
        creating(move |f| {
            format!("(drop {}) (i32.store (i32.const {address}) (i32.const {case})) (i32.const 64)", f.done("{}"))
        })
    };
    let words = ["DRIVER_TRAPPED", "discriminant"];
    creates(rig, cases, "a result that is neither ok nor error", &words, cases_of(64, 2), cases_of(64, 0)).await;
    creates(rig, cases, "a progress that is neither done nor pending", &words, cases_of(68, 9), cases_of(68, 0)).await;

    let logging = |pointer: u32, length: u32, first: u32| {
        creating(move |f| {
            format!(
                "(i32.store8 (i32.const 3000) (i32.const {first})) (call $log (i32.const 1) (i32.const {}) (i32.const {})) {}",
                pointer as i32,
                length as i32,
                f.done("{}")
            )
        })
    };
    let good = || logging(3_000, 1, 65);
    creates(rig, cases, "an argument that is no UTF-8", &utf8, logging(3_000, 1, 255), good()).await;
    creates(rig, cases, "an argument beyond the memory", &bounds, logging(0x7fff_ffff, 1, 65), good()).await;
    let level = |level: u32| {
        creating(move |f| {
            let message = f.text("x");
            format!("(call $log (i32.const {level}) {message}) {}", f.done("{}"))
        })
    };
    creates(rig, cases, "a log level that does not exist", &words, level(77), level(1)).await;
}

/// The guest says where its arguments are put.
async fn room_for_arguments(rig: &Rig, cases: &mut Cases) {
    let making = |body: &str| creating(|f| f.done("{}")).realloc(body);
    let good = || making("(i32.const 65536)");
    let trapped = "DRIVER_TRAPPED";
    for (case, words, body) in [
        ("room beyond the memory", [trapped, "beyond end of memory"], "(i32.const -8)"),
        ("room that is not aligned", [trapped, "not aligned"], "(i32.const 65537)"),
        ("a crash instead of room", [trapped, "unreachable"], "unreachable"),
        ("no room, for ever", ["DRIVER_LIMIT_EXCEEDED", "cpu time, 400 ms"], "(loop $l (br $l)) unreachable"),
        (
            "a call to the host while room is made",
            [trapped, "cannot leave component instance"],
            "(call $log (i32.const 1) (i32.const 1024) (i32.const 1)) (i32.const 65536)",
        ),
    ] {
        creates(rig, cases, case, &words, making(body), good()).await;
    }
}

async fn documents(rig: &Rig, cases: &mut Cases) {
    let done = |outputs: String| creating(move |f| f.done(&outputs));
    let good = || done(r#"{"name":"x"}"#.to_owned());
    let anything = |outputs: String| {
        let mut described = description();
        described["types"]["thing"]["outputs"] = json!({ "type": "object" });
        Fixture::new().describe(&described).verb("create", move |f| f.done(&outputs))
    };
    let nested = |levels: usize| format!(r#"{{"name":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let key = |key: &str| anything(json!({ key: 1 }).to_string());
    for (case, word, hostile, twin) in [
        ("outputs that are no JSON", "outputs is not JSON", done("{".into()), good()),
        ("outputs followed by more", "trailing characters", done("{} {}".into()), good()),
        ("outputs that are no object", "no JSON object", done("[]".into()), good()),
        ("a number that no number holds", "number out of range", done(r#"{"n":1e999}"#.into()), good()),
        ("outputs nested 65 levels", "nests deeper than 64", anything(nested(64)), anything(nested(63))),
        ("outputs nested 20,000 levels", "recursion limit", anything(nested(20_000)), anything(nested(10))),
        ("an output of another type", "outputs/name does not fit", done(r#"{"name":1}"#.into()), good()),
        ("an output that is not described", "does not fit", done(r#"{"more":1}"#.into()), good()),
        ("an output named to move a cursor", "control characters", key("a\u{1b}[2Jb"), key("a-b")),
        ("an output named to turn writing round", "control characters", key("a\u{202e}b"), key("a-b")),
        ("an output with a name of 2 kB", "over 1024 bytes", key(&"k".repeat(2_000)), key(&"k".repeat(1_000))),
    ] {
        creates(rig, cases, case, &["DRIVER_UNFIT", word], hostile, twin).await;
    }
    let id =
        |id: &'static str| creating(move |f| format!("(call $done {} {} {})", f.text(id), f.text("{}"), f.text("{}")));
    for (case, hostile) in [("an empty external id", ""), ("an external id that clears the screen", "\u{1b}[2J")] {
        creates(rig, cases, case, &["DRIVER_UNFIT", "an external id has"], id(hostile), id("x")).await;
    }
    let state = |state: &'static str| {
        creating(move |f| format!("(call $done {} {} {})", f.text("id"), f.text(state), f.text("{}")))
    };
    creates(rig, cases, "a state that is no JSON", &["DRIVER_UNFIT", "state is not JSON"], state("no"), state("{}"))
        .await;
    let waiting = |bytes: usize| creating(move |f| f.pending(&format!("\"{}\"", "c".repeat(bytes - 2)), 1_000));
    let words = ["DRIVER_LIMIT_EXCEEDED", "output size, 1048576 bytes at most"];
    let case = "a continuation of megabytes";
    creates(rig, cases, case, &words, waiting(3 << 20), waiting(1 << 20)).await;
    let case = "a continuation of a megabyte and a byte";
    creates(rig, cases, case, &words, waiting((1 << 20) + 1), waiting(1 << 20)).await;
    let checkpoint = |state: String| creating(move |f| f.checkpoint(&state) + &f.done("{}"));
    let words = ["CLAIM_INVALID"];
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    creates(rig, cases, "a claim nested 65 levels", &words, checkpoint(deep), checkpoint("{}".into())).await;
    let large = |bytes: usize| checkpoint(format!(r#"{{"x":"{}"}}"#, "y".repeat(bytes - 8)));
    creates(rig, cases, "a claim of a megabyte and a byte", &words, large((1 << 20) + 1), large(1 << 20)).await;
}

async fn lists(rig: &Rig, cases: &mut Cases) {
    // So many times the one text, in a list at 200000.
    let finding = |count: u32| {
        let id = "an-object";
        Fixture::new().describe(&description()).memory_pages(16).verb("find", move |f| {
            let _ = f.text(id);
            let (at, length) = (f.find(id), id.len());
            format!(
                "(local $at i32) (local.set $at (i32.const 200000)) {} (drop (call $ok)) (i32.store (i32.const 68) (i32.const 2)) \
                 (i32.store (i32.const 72) (i32.const 200000)) (i32.store (i32.const 76) (i32.const {count})) (i32.const 64)",
                Fixture::repeat(
                    count,
                    &format!(
                        "(i32.store (local.get $at) (i32.const {at})) (i32.store offset=4 (local.get $at) (i32.const {length})) \
                         (local.set $at (i32.add (local.get $at) (i32.const 8)))"
                    )
                )
            )
        })
    };
    let (bad, good) = (rig.load(&finding(1_001)).await, rig.load(&finding(1_000)).await);
    let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
    let find = || Call::Find(input(json!({})));
    let step = rig.step();
    let words = ["DRIVER_UNFIT", "1000 objects at most"];
    cases.attempt("1,001 objects found", &words, step.run(&bad, find()), step.run(&good, find())).await;

    // Changes of 36 bytes each, all of them nothing but zeros.
    let planning = |count: u32| {
        Fixture::new().describe(&description()).memory_pages(16).verb("plan", move |f| {
            let outputs = f.text("{}");
            format!(
                "(drop (call $plan_none {outputs})) (i32.store (i32.const 72) (i32.const 200000)) \
                 (i32.store (i32.const 76) (i32.const {count})) (i32.const 64)"
            )
        })
    };
    let (bad, good) = (rig.load(&planning(10_001)).await, rig.load(&planning(10_000)).await);
    let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
    let plan = || Call::Plan(input(json!({})));
    let words = ["DRIVER_UNFIT", "10000 changes at most"];
    cases.attempt("a plan of 10,001 changes", &words, step.run(&bad, plan()), step.run(&good, plan())).await;

    let unknown = |pointer: &'static str| {
        Fixture::new().describe(&description()).verb("plan", move |f| {
            let outputs = f.text("{}");
            let (at, length) = (f.text(pointer), pointer.len());
            let at = at.split_once(") ").map_or(at.clone(), |(at, _)| format!("{at})"));
            format!(
                "(drop (call $plan_none {outputs})) (i32.store (i32.const 3000) {at}) (i32.store (i32.const 3004) (i32.const {length})) \
                 (i32.store (i32.const 88) (i32.const 3000)) (i32.store (i32.const 92) (i32.const 1)) (i32.const 64)"
            )
        })
    };
    for (case, pointer) in [("a pointer that is none", "name"), ("a pointer that rings the bell", "/na\u{7}me")] {
        let (bad, good) = (rig.load(&unknown(pointer)).await, rig.load(&unknown("/name")).await);
        let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
        let words = ["DRIVER_UNFIT", "is no JSON pointer"];
        cases.attempt(case, &words, step.run(&bad, plan()), step.run(&good, plan())).await;
    }
}
