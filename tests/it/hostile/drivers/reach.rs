//! What a driver may reach: by the verb it is in, by the slots it was granted. A call that is refused never gets to the backend, and the
//! twin that differs only in verb or grant does.

use std::collections::BTreeMap;

use serde_json::json;

use vend::domain::contract::{Call, Verb};
use vend::domain::description::Access;

use super::cases::Cases;
use super::fixture::{Fixture, description};
use super::rig::{Rig, creating, input};

const WRITE: &str = "INSERT INTO note VALUES ('reached')";

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_reaches_what_verb_and_grant_allow() {
    let rig = Rig::new();
    let mut cases = Cases::new("reach");
    by_verb(&rig, &mut cases).await;
    by_grant(&rig, &mut cases).await;
    cases.end();
}

/// All verbs make the same call; create is the twin of each.
async fn by_verb(rig: &Rig, cases: &mut Cases) {
    type Body = fn(&mut Fixture) -> String;
    let acts: [(&str, Body); 5] = [
        ("a query", |f| f.query_in("db", "t", "SELECT 1")),
        ("a write", |f| f.execute_in("db", "t", WRITE)),
        ("a new secret", |f| f.generate("password")),
        ("a claim", |f| f.checkpoint("{}")),
        ("an idempotency key", |f| format!("(call $key {} (i32.const 512))", f.text("k"))),
    ];
    let denied = |act: &str, verb: Verb| match verb {
        Verb::Validate | Verb::Migrate => Some("DENIED_IN_PURE"),
        _ if act == "a query" => None,
        _ => Some("DENIED_IN_OBSERVE"),
    };
    for (act, body) in acts {
        let with = |verb: &'static str| {
            move |f: &mut Fixture| {
                let done = match verb {
                    "validate" | "migrate" => f.ok_text("{}"),
                    "plan" => format!("(call $plan_none {})", f.text("{}")),
                    "read" => "(call $absent)".to_owned(),
                    "find" => "(call $ok)".to_owned(),
                    "adopt" => format!("(call $adopted {} {})", f.text("id"), f.text("{}")),
                    _ => f.done("{}"),
                };
                body(f) + &done
            }
        };
        let mut fixture = Fixture::new().describe(&description());
        for verb in ["validate", "plan", "create", "read", "find", "adopt", "migrate"] {
            fixture = fixture.verb(verb, with(verb));
        }
        let driver = rig.load(&fixture).await.expect("a driver");
        let migrate = Call::Migrate { resource_type: "thing".into(), from_version: 1, to_version: 2, state: json!({}) };
        let calls = [
            Call::Validate(input(json!({}))),
            migrate,
            Call::Plan(input(json!({}))),
            Call::Read(input(json!({}))),
            Call::Find(input(json!({}))),
            Call::Adopt { input: input(json!({})), external_id: "id".into() },
        ];
        for call in calls {
            let Some(code) = denied(act, call.verb()) else { continue };
            let case = format!("{act} in {}", call.verb().as_str());
            let before = rig.written();
            let step = rig.step();
            let report = async {
                let report = step.run(&driver, call).await;
                assert_eq!((report.usage.denied, rig.written()), (1, before), "{case}: counted, and nothing arrived");
                report
            };
            cases.attempt(&case, &["EGRESS_DENIED", code], report, rig.step().create(&driver)).await;
            let expected = before + i64::from(act == "a write");
            cases.check(&case, rig.written() == expected, "the twin's write arrived");
        }
    }
    // `describe` has no way to tell of an error: what was denied there falls over.
    let describing = |call: &str| {
        let text = description().to_string();
        Fixture::new().verb("describe", |f| {
            let query =
                f.execute_in("db", "t", WRITE).replace("(return (call $failed (i32.const 512)))", "unreachable");
            let query = if call.is_empty() { String::new() } else { query };
            format!("{query} (call $answer_text {})", f.text(&text))
        })
    };
    let words = ["describe failed", "unreachable"];
    let before = rig.written();
    cases.load("a write in describe", &words, rig.load(&describing("write")), rig.load(&describing(""))).await;
    cases.check("a write in describe", rig.written() == before, "nothing arrived");
}

async fn by_grant(rig: &Rig, cases: &mut Cases) {
    let before = rig.written();
    let writing = creating(|f| f.execute_in("db", "t", WRITE) + &f.done("{}"));
    let driver = rig.load(&writing).await.expect("a driver");
    let granted = || rig.step();
    let mut nothing = rig.step();
    nothing.slots = BTreeMap::new();
    let words = ["EGRESS_DENIED", "SLOT_NOT_GRANTED"];
    cases.attempt("a slot that was not granted", &words, nothing.create(&driver), granted().create(&driver)).await;
    let read_only = rig.step().granted("db", rig.files(), Access::Read);
    let words = ["EGRESS_DENIED", "SLOT_READ_ONLY"];
    cases
        .attempt("a write through a read-only slot", &words, read_only.create(&driver), granted().create(&driver))
        .await;
    cases.check("a write through a read-only slot", rig.written() - before == 2, "the twins' writes arrived");

    let elsewhere = creating(|f| f.query_in("elsewhere", "t", "SELECT 1") + &f.done("{}"));
    let driver = rig.load(&elsewhere).await.expect("a driver");
    let twin = rig.step().granted("elsewhere", rig.files(), Access::Read);
    let words = ["EGRESS_DENIED", "SLOT_NOT_GRANTED", "`elsewhere`"];
    let hostile = rig.step();
    cases.attempt("a slot that was never described", &words, hostile.create(&driver), twin.create(&driver)).await;

    for (case, database) in [
        ("a database outside the directory", "../t"),
        ("a database by its path", "/etc/passwd"),
        ("a database with a zero in its name", "t\0"),
    ] {
        let reading =
            |database: &'static str| creating(move |f| f.query_in("db", database, "SELECT 1") + &f.done("{}"));
        let (bad, good) = (rig.load(&reading(database)).await, rig.load(&reading("t")).await);
        let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
        cases.attempt(case, &["DATABASE_NAME_INVALID"], rig.step().create(&bad), rig.step().create(&good)).await;
    }
}
