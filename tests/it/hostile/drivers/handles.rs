//! Secrets of others, and secrets in places where none may stand. The twin of a foreign handle is the same handle, granted.

use serde_json::{Value, json};

use vend::domain::contract::{Call, Claim, Input, Prior};
use vend::domain::secret::Handle;

use super::cases::{Cases, outcome};
use super::fixture::{Fixture, description};
use super::rig::{Rig, Step, creating, input};
use crate::support::drivers::component;

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_good_for_its_resource_and_stands_in_its_place() {
    let rig = Rig::new();
    let mut cases = Cases::new("handles");
    foreign(&rig, &mut cases).await;
    smuggled(&rig, &mut cases).await;
    misplaced(&rig, &mut cases).await;
    told(&rig, &mut cases).await;
    by_probe(&rig, &mut cases).await;
    many(&rig, &mut cases).await;
    cases.end();
}

/// Of another resource.
fn theirs() -> Handle {
    Handle::from_bytes(&[0x77; 32])
}

/// A type whose params have a secret as well.
fn secretive() -> Value {
    let mut described = description();
    described["types"]["thing"]["params"] = json!({
        "type": "object", "properties": { "token": { "type": "string", "x-vend-secret": true } },
    });
    described
}

async fn row(cases: &mut Cases, rig: &Rig, case: &str, words: &[&str], fixture: Fixture, call: Call) {
    let driver = rig.load(&fixture).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    let (hostile, twin) = (rig.step(), rig.step().knowing(&theirs(), "their-secret"));
    cases.attempt(case, words, hostile.run(&driver, call.clone()), twin.run(&driver, call)).await;
}

fn create() -> Call {
    Call::Create(input(json!({})))
}

async fn foreign(rig: &Rig, cases: &mut Cases) {
    let handle = theirs().to_string();
    let composed = creating(|f| f.compose(&handle) + &f.done("{}"));
    let words = ["EGRESS_DENIED", "HANDLE_NOT_GRANTED"];
    row(cases, rig, "somebody else's handle, composed into one of one's own", &words, composed, create()).await;
    let words = ["DRIVER_UNFIT", "outputs/password holds a handle that is not of this resource"];
    let outputs = creating(|f| f.done(&json!({ "password": handle }).to_string()));
    row(cases, rig, "somebody else's handle as an output", &words, outputs, create()).await;
    let words = ["DRIVER_UNFIT", "params/token holds a handle that is not of this resource"];
    let params = json!({ "token": handle }).to_string();
    let validating = Fixture::new().describe(&secretive()).verb("validate", |f| f.ok_text(&params));
    row(cases, rig, "somebody else's handle as a param", &words, validating, Call::Validate(input(json!({})))).await;
    let words = ["DRIVER_UNFIT", "stands in the change of "];
    let planning = Fixture::new().describe(&description()).verb("plan", |f| {
        let after = json!(handle).to_string();
        let _ = f.text(&after);
        let (at, length, outputs) = (f.find(&after), after.len(), f.text("{}"));
        // One change at 3000, whose `after` is the handle.
        format!(
            "(drop (call $plan_none {outputs})) (i32.store (i32.const 72) (i32.const 3000)) (i32.store (i32.const 76) (i32.const 1)) \
             (memory.fill (i32.const 3000) (i32.const 0) (i32.const 36)) (i32.store (i32.const 3020) (i32.const 1)) \
             (i32.store (i32.const 3024) (i32.const {at})) (i32.store (i32.const 3028) (i32.const {length})) (i32.const 64)"
        )
    });
    row(cases, rig, "somebody else's handle as a change", &words, planning, Call::Plan(input(json!({})))).await;
}

/// A driver puts a handle where it gets it back from the host, and then offers it as if the host had given it.
async fn smuggled(rig: &Rig, cases: &mut Cases) {
    let handle = theirs();
    let offering = || creating(|f| f.done(&json!({ "password": theirs() }).to_string()));
    let with = |change: &dyn Fn(&mut Input)| {
        let mut input = input(json!({}));
        change(&mut input);
        Call::Create(input)
    };
    let prior = |external_id: &str, state: Value| Prior {
        claim: Claim { external_id: Some(external_id.into()), state },
        params: json!({}),
        config: json!({}),
        outputs: json!({}),
    };
    let words = ["DRIVER_UNFIT", "not of this resource"];
    let text = handle.to_string();
    for (where_from, call) in [
        ("a continuation", with(&|input| input.continuation = Some(json!({ "h": text })))),
        ("a state", with(&|input| input.prior = Some(prior("id", json!({ "h": text }))))),
        ("an external id", with(&|input| input.prior = Some(prior(&text, json!({}))))),
        ("a recipe's config", with(&|input| input.config = json!({ "h": text }))),
    ] {
        row(cases, rig, &format!("a handle smuggled through {where_from}"), &words, offering(), call).await;
    }
}

/// Handles of one's own, where none may stand: there the twin is a text that is none.
async fn misplaced(rig: &Rig, cases: &mut Cases) {
    let handle = theirs().to_string();
    let escaped = handle.replacen("vsec", r"\u0076sec", 1);
    let done = |id: &str, state: &str, outputs: &str| {
        let (id, state, outputs) = (id.to_owned(), state.to_owned(), outputs.to_owned());
        creating(move |f| format!("(call $done {} {} {})", f.text(&id), f.text(&state), f.text(&outputs)))
    };
    let state = |text: &str| format!(r#"{{"h":"{text}"}}"#);
    let named = |text: &str| format!(r#"{{"name":"{text}"}}"#);
    let rows: Vec<(&str, Vec<&str>, Fixture, Fixture)> = vec![
        (
            "a handle in the state",
            vec!["DRIVER_UNFIT", "stands in state"],
            done("id", &state(&handle), "{}"),
            done("id", &state("vsec_none"), "{}"),
        ),
        (
            "a handle in the state, spelt otherwise",
            vec!["DRIVER_UNFIT", "stands in state"],
            done("id", &state(&escaped), "{}"),
            done("id", &state("vsec_none"), "{}"),
        ),
        (
            "a handle as external id",
            vec!["DRIVER_UNFIT", "stands in an external id"],
            done(&handle, "{}", "{}"),
            done("vsec_none", "{}", "{}"),
        ),
        (
            "a handle within an external id",
            vec!["DRIVER_UNFIT", "stands in an external id"],
            done(&format!("x-{handle}-y"), "{}", "{}"),
            done("x-vsec_none-y", "{}", "{}"),
        ),
        (
            "a handle at an output that is not secret",
            vec!["DRIVER_UNFIT", "outputs/name", "not mark as secret"],
            done("id", "{}", &named(&handle)),
            done("id", "{}", &named("vsec_none")),
        ),
        (
            "a handle within an output that is not secret",
            vec!["DRIVER_UNFIT", "outputs/name", "not mark as secret"],
            done("id", "{}", &named(&format!("postgres://u:{handle}@h"))),
            done("id", "{}", &named("postgres://u:p@h")),
        ),
        (
            "a handle within an output that is secret",
            vec!["DRIVER_UNFIT", "outputs/password is secret and holds no handle"],
            done("id", "{}", &json!({ "password": format!("x{handle}") }).to_string()),
            done("id", "{}", &json!({ "password": handle }).to_string()),
        ),
        (
            "a secret output in the clear",
            vec!["DRIVER_UNFIT", "outputs/password is secret and holds no handle"],
            done("id", "{}", r#"{"password":"hunter2"}"#),
            done("id", "{}", &json!({ "password": handle }).to_string()),
        ),
        (
            "a handle in a continuation",
            vec!["DRIVER_UNFIT", "stands in the continuation"],
            creating(|f| f.pending(&state(&handle), 1_000)),
            creating(|f| f.pending(&state("vsec_none"), 1_000)),
        ),
        (
            "a handle in a claim",
            vec!["CLAIM_INVALID", "no secret handles"],
            creating(|f| f.checkpoint(&state(&handle)) + &f.done("{}")),
            creating(|f| f.checkpoint(&state("vsec_none")) + &f.done("{}")),
        ),
        (
            "a handle in a claim, spelt otherwise",
            vec!["CLAIM_INVALID", "no secret handles"],
            creating(|f| f.checkpoint(&state(&escaped)) + &f.done("{}")),
            creating(|f| f.checkpoint(&state("vsec_none")) + &f.done("{}")),
        ),
        (
            "a handle as mere text in a statement",
            vec!["SECRET_NOT_LISTED"],
            creating(|f| f.execute_in("db", "t", &format!("INSERT INTO note VALUES ('{handle}')")) + &f.done("{}")),
            creating(|f| f.execute_in("db", "t", "INSERT INTO note VALUES ('vsec_none')") + &f.done("{}")),
        ),
        (
            "a handle in a query",
            vec!["EGRESS_DENIED", "HANDLE_IN_QUERY"],
            creating(|f| f.query_in("db", "t", &format!("SELECT '{handle}'")) + &f.done("{}")),
            creating(|f| f.query_in("db", "t", "SELECT 'vsec_none'") + &f.done("{}")),
        ),
    ];
    let known = |step: Step| step.knowing(&theirs(), "a-secret-of-ones-own");
    let before = rig.written();
    for (case, words, hostile, twin) in rows {
        let (bad, good) = (rig.load(&hostile).await, rig.load(&twin).await);
        let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
        let (hostile, twin) = (known(rig.step()), known(rig.step()));
        cases.attempt(case, &words, hostile.create(&bad), twin.create(&good)).await;
    }
    cases.check("a handle as mere text", rig.written() - before == 1, "one text that is no handle arrived");
}

/// What people read has no handles in it, and no values.
async fn told(rig: &Rig, cases: &mut Cases) {
    let handle = theirs().to_string();
    let text = format!("it is {handle}, or the-value-itself");
    let telling = Fixture::new().describe(&description()).verb("create", |f| {
        let said = f.log(&text) + &f.status(&text);
        let (code, message) = (f.text("TOLD"), f.text(&text));
        said + &Fixture::error(&code, &message, "(i32.const 0) (i32.const 0)")
    });
    let driver = rig.load(&telling).await.expect("a driver");
    let report = rig.step().knowing(&theirs(), "the-value-itself").create(&driver).await;
    let said = format!("{:?} {:?} {}", report.logs, report.status, outcome(&report.result));
    let case = "a handle and its value told in log, status and error";
    let masked = report.logs[0].1 == "it is [secret], or the-value-itself" && !said.contains(&handle);
    // A log is not searched for values: what a driver could tell there it would have had to be told before.
    let words = ["BACKEND_REFUSED", "TOLD: it is [secret], or [secret]"];
    cases.row(case, &words, masked, &outcome(&report.result), "—");
}

async fn by_probe(rig: &Rig, cases: &mut Cases) {
    let probe = rig.load_component(component("probe")).await.expect("a driver");
    let call = |acts: Value| {
        let mut input = input(json!({ "name": "p", "bare": true, "database": "t", "on-create": acts }));
        input.resource_type = "probe".into();
        Call::Create(input)
    };
    let slots = |step: Step| step.granted("server", rig.files(), vend::domain::description::Access::ReadWrite);
    let handle = theirs();
    let rest = &handle.as_str()[Handle::PREFIX.len()..];
    let table = json!({ "execute": "CREATE TABLE write (verb TEXT, at_ms INTEGER)" });
    let made = slots(rig.step()).run(&probe, call(json!([table]))).await;
    cases.check("a table", made.result.is_ok(), outcome(&made.result));
    let act = call(json!([{ "foreign-handle": rest }]));
    let (hostile, twin) = (slots(rig.step()), slots(rig.step()).knowing(&handle, "granted"));
    let words = ["EGRESS_DENIED", "HANDLE_NOT_GRANTED"];
    let case = "somebody else's handle, put together from pieces";
    cases.attempt(case, &words, hostile.run(&probe, act.clone()), twin.run(&probe, act)).await;
    let made_up = call(json!([{ "foreign-handle": "0".repeat(52) }]));
    let own = call(json!(["generate", "compose"]));
    let step = slots(rig.step());
    cases.attempt("a handle that was made up", &words, step.run(&probe, made_up), step.run(&probe, own)).await;
    // The value that was written comes back from the backend as a mark.
    let report = slots(rig.step()).run(&probe, call(json!(["echo-secret"]))).await;
    let note = match &report.result {
        Ok(vend::domain::contract::Answer::Done(object)) => object.outputs["note"].to_string(),
        _ => outcome(&report.result),
    };
    let masked = note.contains("[secret]");
    cases.row("a secret written and read back", &["[secret]"], masked, &format!("withheld: {note}"), "—");
}

async fn many(rig: &Rig, cases: &mut Cases) {
    // Letters of the name are counted up, so that each is another secret.
    let generating = |times: u32| {
        creating(move |f| {
            let generate = f.generate("secret-aa");
            let at = f.find("secret-aa") + 7;
            let next = format!(
                "(i32.store8 (i32.const {at}) (i32.add (i32.const 97) (i32.div_u (global.get $count) (i32.const 26)))) \
                 (i32.store8 (i32.const {}) (i32.add (i32.const 97) (i32.rem_u (global.get $count) (i32.const 26))))",
                at + 1
            );
            Fixture::repeat(times, &(next + &generate)) + &f.done("{}")
        })
    };
    let (bad, good) = (rig.load(&generating(101)).await, rig.load(&generating(100)).await);
    let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
    let (hostile, twin) = (rig.step(), rig.step());
    cases
        .attempt("a hundred and one new secrets", &["TOO_MANY_SECRETS"], hostile.create(&bad), twin.create(&good))
        .await;
    let composing = |times: u32| {
        let handle = theirs().to_string();
        creating(move |f| {
            let compose = f.compose(&handle) + "(global.set $next (i32.const 65536))";
            Fixture::repeat(times, &compose) + &f.done("{}")
        })
    };
    let (bad, good) = (rig.load(&composing(1_200)).await, rig.load(&composing(1_000)).await);
    let (bad, good) = (bad.expect("a driver"), good.expect("a driver"));
    let known = || rig.step().knowing(&theirs(), &"k".repeat(60_000));
    let (hostile, twin) = (known(), known());
    cases
        .attempt(
            "a secret of 60 kB written 1,200 times",
            &["TOO_MANY_SECRETS"],
            hostile.create(&bad),
            twin.create(&good),
        )
        .await;
}
