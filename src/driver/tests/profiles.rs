//! What a verb may do is decided by how it is linked: each denial has a twin that succeeds.

use super::*;
use crate::domain::contract::{Answer, Observation};
use crate::domain::effect::Effect;
use crate::driver::Failure;

fn code(report: &Report) -> &str {
    match &report.result {
        Err(Failure::Driver(error)) => &error.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn observing_reads_and_applying_writes() {
    let fixture = Fixture::new()
        .describe(&description())
        .verb("validate", |f| f.query("db", "look") + "unreachable")
        .verb("read", |f| f.query("db", "look") + "(call $absent)")
        .verb("find", |f| f.execute("db", "write") + "unreachable")
        .verb("plan", |f| f.generate("password") + "unreachable")
        .verb("adopt", |f| f.checkpoint("{}") + "unreachable")
        .verb("create", |f| f.query("db", "look") + &f.execute("db", "write") + &f.done("{}"));
    let driver = load(&fixture).await.expect("a driver");

    for (call, expected) in [
        (Call::Validate(input()), "DENIED_IN_PURE"),
        (Call::Find(input()), "DENIED_IN_OBSERVE"),
        (Call::Plan(input()), "DENIED_IN_OBSERVE"),
        (Call::Adopt { input: input(), external_id: "x".to_owned() }, "DENIED_IN_OBSERVE"),
    ] {
        let step = Step::new();
        let verb = call.verb().as_str();
        let report = driver.run(step.attempt(call)).await;
        assert_eq!((code(&report), report.usage.denied), (expected, 1), "{verb}");
        assert!(step.backend.asked().is_empty() && report.rest.is_empty(), "{verb}");
        assert_eq!(report.effect, Effect::None);
    }

    let step = Step::new();
    let report = driver.run(step.attempt(Call::Read(input()))).await;
    assert!(matches!(report.result, Ok(Answer::Observed(Observation::Absent))), "{:?}", report.result);
    assert_eq!(
        (step.backend.asked(), step.journal.record().commits),
        (vec!["look".to_owned()], 0),
        "a read needs no barrier"
    );

    let step = Step::new();
    let report = step.create(&driver).await;
    assert!(matches!(report.result, Ok(Answer::Done(_))), "{:?}", report.result);
    assert_eq!((step.backend.asked().len(), step.journal.record().commits, report.effect), (2, 2, Effect::Applied));
}

#[tokio::test]
async fn a_denied_key_ends_the_attempt_with_the_denial() {
    let fixture = Fixture::new()
        .describe(&description())
        .verb("read", |f| format!("(call $key {} (i32.const 512)) unreachable", f.text("k")));
    let driver = load(&fixture).await.expect("a driver");
    let report = driver.run(Step::new().attempt(Call::Read(input()))).await;
    assert_eq!(code(&report), "DENIED_IN_OBSERVE");
}

#[tokio::test]
async fn grants_are_held() {
    let step = Step::new();
    let report = create(&creating(|f| f.query("other", "look") + "unreachable"), &step).await;
    assert_eq!((code(&report), report.usage.denied), ("SLOT_NOT_GRANTED", 1));
    let read_only = Step { access: Access::Read, ..Step::new() };
    let report =
        create(&creating(|f| f.query("db", "look") + &f.execute("db", "write") + "unreachable"), &read_only).await;
    assert_eq!((code(&report), read_only.backend.asked()), ("SLOT_READ_ONLY", vec!["look".to_owned()]));
    assert_eq!(read_only.journal.record().commits, 0, "what is never sent needs no barrier");
    assert_eq!(report.rest.entries.len(), 5, "and is told all the same: begun, two intents, two outcomes");
}
