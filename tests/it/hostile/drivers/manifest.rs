//! Descriptions that are too much, cannot be shown, or lie. The twin of each is the same driver with a description that does not.

use std::time::Duration;

use serde_json::{Map, Value, json};

use vend::domain::limits::Limits;
use vend::driver::LoadError;

use super::cases::{Cases, grown};
use super::fixture::{Fixture, description};
use super::rig::{Rig, resident_mib};

#[tokio::test(flavor = "multi_thread")]
async fn a_description_is_bounded_printable_and_true() {
    let rig = Rig::with_maximum(Limits { cpu_ms: 2_000, ..Limits::default() });
    let mut cases = Cases::new("describe");
    too_much(&rig, &mut cases).await;
    schemas(&rig, &mut cases).await;
    lies(&rig, &mut cases).await;
    patterns(&rig, &mut cases).await;
    the_same_for_ever(&mut cases).await;
    cases.end();
}

fn describing(document: &Value) -> Fixture {
    Fixture::new().describe(document)
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = description();
    change(&mut document);
    document
}

/// `pointer` is where something is said to be wrong.
async fn row(rig: &Rig, cases: &mut Cases, case: &str, pointer: &str, words: &[&str], hostile: Fixture) {
    let before = resident_mib();
    let refused = rig.load(&hostile).await.err();
    let at_place = match &refused {
        Some(LoadError::Description { violations }) => violations.iter().any(|it| it.pointer == pointer),
        Some(_) => pointer.is_empty(),
        None => false,
    };
    let outcome = match &refused {
        Some(LoadError::Describe(failure)) => format!("DRIVER_INVALID: describe failed: {failure}"),
        Some(error) => format!("DRIVER_INVALID: {error}"),
        None => "loaded".to_owned(),
    };
    cases.row(case, words, refused.is_some(), &outcome, &grown(before));
    cases.check(case, at_place, format!("not at `{pointer}`: {outcome}"));
    cases.check(
        case,
        outcome.len() < 20_000 && !outcome.contains('\u{1b}'),
        "what is said is bounded and can be shown",
    );
    if let Err(error) = rig.load(&describing(&description())).await {
        cases.check(case, false, format!("the twin is refused: {error}"));
    }
}

async fn too_much(rig: &Rig, cases: &mut Cases) {
    let many = |count: usize, value: Value| -> Value {
        (0..count).map(|n| (format!("n{n}"), value.clone())).collect::<Map<String, Value>>().into()
    };
    let thing = description()["types"]["thing"].clone();
    let slot = description()["slots"]["db"].clone();
    let large = changed(|it| it["description"] = json!("x".repeat(2 << 20)));
    let output = ["output size: 1048576 bytes"];
    row(rig, cases, "a description of 2 MB", "", &output, describing(&large)).await;
    let rubbish = Fixture::new().verb("describe", |f| format!("(call $answer_text {})", f.text("[1,2")));
    row(rig, cases, "a description that is no JSON", "", &["not JSON"], rubbish).await;
    let mut deep = json!({});
    for _ in 0..60 {
        deep = json!({ "not": deep });
    }
    for (case, pointer, word, document) in [
        ("a title of half a megabyte", "/title", "longer", changed(|it| it["title"] = json!("x".repeat(500_000)))),
        ("a title that clears the screen", "/title", "control", changed(|it| it["title"] = json!("Fine\u{1b}[2J"))),
        (
            "a description that turns writing round",
            "/description",
            "control",
            changed(|it| it["description"] = json!("\u{202e}")),
        ),
        ("a name with an escape in it", "/name", "control", changed(|it| it["name"] = json!("a\u{1b}[31m"))),
        ("a name of a kilobyte", "/name", "does not match", changed(|it| it["name"] = json!("a".repeat(1_000)))),
        (
            "a version of a kilobyte",
            "/version",
            "longer",
            changed(|it| it["version"] = json!(format!("1.0.0-{}", "a".repeat(1_000)))),
        ),
        (
            "a type with an escape in its name",
            "/types",
            "control",
            changed(|it| it["types"]["a\u{1b}[31m"] = thing.clone()),
        ),
        ("a slot named like a path", "/slots", "../x", changed(|it| it["slots"]["../x"] = slot.clone())),
        ("65 types", "/types", "64", changed(|it| it["types"] = many(65, thing.clone()))),
        ("17 slots", "/slots", "16", changed(|it| it["slots"] = many(17, slot.clone()))),
        ("10,000 types", "/types", "64 properties", changed(|it| it["types"] = many(10_000, json!({})))),
        ("a description nested 60 levels", "", "nests deeper", changed(|it| it["types"]["thing"]["outputs"] = deep)),
        ("a member that nobody knows", "", "permissions", changed(|it| it["permissions"] = json!("all"))),
    ] {
        row(rig, cases, case, pointer, &[word], describing(&document)).await;
    }
}

async fn schemas(rig: &Rig, cases: &mut Cases) {
    let outputs = |schema: Value| changed(|it| it["types"]["thing"]["outputs"] = schema);
    let wide: Map<String, Value> = (0..40_000).map(|n| (format!("n{n}"), json!({}))).collect();
    let mut doubling = Map::new();
    for n in 0..30 {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        doubling.insert(format!("d{n}"), json!({ "allOf": [next, next] }));
    }
    doubling.insert("d30".into(), json!({}));
    let at = "/types/thing/outputs";
    for (case, pointer, word, schema) in [
        ("a schema of 400 kB", at.to_owned(), "bytes", json!({ "properties": wide })),
        ("a schema that refers to itself", at.to_owned(), "refer to itself", json!({ "$ref": "#" })),
        (
            "schemas that refer to each other",
            format!("{at}/$defs/a"),
            "refer to itself",
            json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
        ),
        (
            "a schema that doubles thirty times",
            format!("{at}/$defs/d15"),
            "parts",
            json!({ "$defs": doubling, "$ref": "#/$defs/d0" }),
        ),
        (
            "a schema on another machine",
            format!("{at}/$ref"),
            "outside this schema",
            json!({ "$ref": "http://127.0.0.1:9/schema.json" }),
        ),
        ("a schema in a file", format!("{at}/$ref"), "outside this schema", json!({ "$ref": "file:///etc/passwd" })),
        (
            "another dialect",
            format!("{at}/$schema"),
            "2020-12",
            json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
        ),
        (
            "a pattern that repeats a million times",
            format!("{at}/properties/a/pattern"),
            "too large",
            json!({ "properties": { "a": { "pattern": "((a{1000}){1000}){1000}" } } }),
        ),
        (
            "a pattern that looks around",
            format!("{at}/properties/a/pattern"),
            "look-around",
            json!({ "properties": { "a": { "pattern": r"^(?=(a+))\1*$" } } }),
        ),
    ] {
        row(rig, cases, case, &pointer, &[word], describing(&outputs(schema))).await;
    }
}

async fn lies(rig: &Rig, cases: &mut Cases) {
    let thing = "/types/thing";
    let key = |pointer: &str| json!({ "slot": "db", "family": "things", "pointers": [pointer] });
    for (case, pointer, word, document) in [
        ("no types at all", "/types".to_owned(), "one resource type", changed(|it| it["types"] = json!({}))),
        (
            "an identity that does not exist",
            format!("{thing}/identity"),
            "lost",
            changed(|it| it["types"]["thing"]["identity"] = json!("lost")),
        ),
        (
            "a verb that it does not have",
            format!("{thing}/verbs"),
            "does not export `vend:driver/discovery@0.1.0`",
            changed(|it| it["types"]["thing"]["verbs"] = json!(["discover"])),
        ),
        (
            "a natural key that leads nowhere",
            format!("{thing}/natural-key/pointers/0"),
            "params have no `/nowhere`",
            changed(|it| it["types"]["thing"]["natural-key"] = key("/nowhere")),
        ),
        (
            "a natural key that is all params",
            format!("{thing}/natural-key/pointers"),
            "[]",
            changed(|it| {
                it["types"]["thing"]["natural-key"] = json!({ "slot": "db", "family": "things", "pointers": [] })
            }),
        ),
        (
            "a natural key of another slot",
            format!("{thing}/natural-key/slot"),
            "no slot `other`",
            changed(|it| {
                it["types"]["thing"]["natural-key"] =
                    json!({ "slot": "other", "family": "things", "pointers": ["/name"] })
            }),
        ),
        (
            "params that do not exist cannot change",
            format!("{thing}/create-only/0"),
            "params have no `/nowhere`",
            changed(|it| it["types"]["thing"]["create-only"] = json!(["/nowhere"])),
        ),
        (
            "a backend that settles in centuries",
            format!("{thing}/settle-ms"),
            "86400000",
            changed(|it| it["types"]["thing"]["settle-ms"] = json!(10_000_000_000_000_u64)),
        ),
        (
            "more than numbers can say",
            "/limits/cpu-ms".to_owned(),
            "-1",
            changed(|it| it["limits"] = json!({ "cpu-ms": -1 })),
        ),
        (
            "an encoding that nobody knows",
            "/encodings".to_owned(),
            "`rot13` is unknown",
            changed(|it| it["encodings"] = json!(["rot13"])),
        ),
    ] {
        row(rig, cases, case, &pointer, &[word], describing(&document)).await;
    }
    // What it asks for and does not import: the twin imports it.
    let asks_to_write = describing(&description()).without_sql();
    let words = ["asks to write", "no sql-write"];
    row(rig, cases, "a slot to write to, and no import to write with", "/slots/db", &words, asks_to_write).await;
    let reading = changed(|it| it["slots"]["db"]["access"] = json!("read"));
    let words = ["imports neither sql-read nor sql-write"];
    let case = "a slot that nothing is imported for";
    row(rig, cases, case, "/slots/db", &words, describing(&reading).without_sql()).await;
}

/// The pattern that takes a backtracking engine longer than the universe: it is taken, and costs what a pattern costs.
async fn patterns(rig: &Rig, cases: &mut Cases) {
    let described = changed(|it| {
        it["types"]["thing"]["outputs"] =
            json!({ "properties": { "name": { "type": "string", "pattern": "^(a+)+$" } } });
    });
    let naming = |name: String| {
        Fixture::new().describe(&described).verb("create", move |f| f.done(&json!({ "name": name }).to_string()))
    };
    let (bad, good) = (naming("a".repeat(200_000) + "!"), naming("a".repeat(200_000)));
    let (bad, good) = (rig.load(&bad).await.expect("a driver"), rig.load(&good).await.expect("a driver"));
    let step = rig.step();
    let hostile =
        async { tokio::time::timeout(Duration::from_secs(60), step.create(&bad)).await.expect("it ends long before") };
    let words = ["DRIVER_UNFIT", "outputs/name does not fit"];
    cases.attempt("a catastrophic pattern on 200 kB", &words, hostile, rig.step().create(&good)).await;

    // Patterns that are slow in a linear way, many of them, on much: refused before they are tried.
    let slow: Vec<Value> = (0..250).map(|n| json!({ "pattern": format!("^[ab]*a[ab]{{{}}}$", 250 + n) })).collect();
    let described = changed(|it| {
        it["types"]["thing"]["outputs"] = json!({ "properties": { "name": { "type": "string", "anyOf": slow } } });
    });
    let naming = |bytes: usize| {
        let name = "ab".repeat(bytes / 2);
        Fixture::new().describe(&described).verb("create", move |f| f.done(&json!({ "name": name }).to_string()))
    };
    let (bad, good) = (rig.load(&naming(900_000)).await, rig.load(&naming(1_000)).await);
    let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
    let words = ["DRIVER_UNFIT", "bytes of text are too much for a schema with 250 patterns"];
    let step = rig.step();
    cases.attempt("250 slow patterns on a megabyte", &words, step.create(&bad), rig.step().create(&good)).await;
    let many: Vec<Value> = (0..5_000).map(|n| json!({ "minimum": n })).collect();
    let described = changed(|it| {
        it["types"]["thing"]["outputs"] = json!({ "properties": { "n": { "items": { "anyOf": many } } } })
    });
    let listing = |length: usize| {
        let outputs = json!({ "n": vec![7; length] }).to_string();
        Fixture::new().describe(&described).verb("create", move |f| f.done(&outputs))
    };
    let (bad, good) = (rig.load(&listing(400_000)).await, rig.load(&listing(100)).await);
    let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
    let words = ["DRIVER_UNFIT", "values are too many for a schema of 5003 parts"];
    cases.attempt("5,000 branches for 400,000 values", &words, step.create(&bad), rig.step().create(&good)).await;
}

/// A driver that would describe itself by the time of day, or by chance, is asked at a moment that never changes.
async fn the_same_for_ever(cases: &mut Cases) {
    let by_the_clock = Fixture::new().surroundings().verb("describe", |f| {
        let text = description().to_string();
        let described = f.text(&text);
        // The two last digits of the version, out of time and chance.
        let at = f.find("\"1.2.3\"") + 3;
        let digit = "(i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u {} (i64.const 10))))";
        format!(
            "(i32.store8 (i32.const {at}) {}) (i32.store8 (i32.const {}) {}) (call $answer_text {described})",
            digit.replace("{}", "(call $now)"),
            at + 2,
            digit.replace("{}", "(call $random)"),
        )
    });
    let mut versions = Vec::new();
    for _ in 0..3 {
        // A process of its own each time, as far as a driver can tell.
        let rig = Rig::new();
        let driver = rig.load(&by_the_clock).await.expect("a driver");
        versions.push(driver.description().version.clone());
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    let same = versions.windows(2).all(|pair| pair[0] == pair[1]);
    let outcome = format!("described the same in each process: {}", versions.join(", "));
    cases.row("a description by time and chance", &["1."], same, &outcome, "—");
}
