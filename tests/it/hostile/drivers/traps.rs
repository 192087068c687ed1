//! A crash in each verb is the driver's alone: it is told, nothing else is harmed, and the next attempt starts afresh.

use serde_json::json;

use vend::domain::contract::{Call, Verb};

use super::cases::Cases;
use super::fixture::{Fixture, description};
use super::rig::{Rig, creating, input};

const VERBS: [Verb; 10] = [
    Verb::Describe,
    Verb::Validate,
    Verb::Plan,
    Verb::Create,
    Verb::Read,
    Verb::Find,
    Verb::Update,
    Verb::Delete,
    Verb::Adopt,
    Verb::Migrate,
];

/// With all verbs, each of which does well unless it is `crashing`.
fn driver(crashing: Option<Verb>) -> Fixture {
    let document = description().to_string();
    let mut fixture = Fixture::new();
    for verb in VERBS {
        let document = document.clone();
        fixture = fixture.verb(verb.as_str(), move |f| match verb {
            _ if crashing == Some(verb) => f.log("about to fall") + "unreachable",
            Verb::Describe => format!("(call $answer_text {})", f.text(&document)),
            Verb::Validate | Verb::Migrate => f.ok_text("{}"),
            Verb::Plan => format!("(call $plan_none {})", f.text("{}")),
            Verb::Create | Verb::Update => f.done("{}"),
            Verb::Read => "(call $absent)".to_owned(),
            Verb::Find | Verb::Delete => "(call $ok)".to_owned(),
            Verb::Discover => "unreachable".to_owned(),
            Verb::Adopt => format!("(call $adopted {} {})", f.text("id"), f.text("{}")),
        });
    }
    fixture
}

fn call(verb: Verb) -> Option<Call> {
    let input = input(json!({}));
    Some(match verb {
        // The fixture does not export the second.
        Verb::Describe | Verb::Discover => return None,
        Verb::Validate => Call::Validate(input),
        Verb::Plan => Call::Plan(input),
        Verb::Create => Call::Create(input),
        Verb::Read => Call::Read(input),
        Verb::Find => Call::Find(input),
        Verb::Update => Call::Update(input),
        Verb::Delete => Call::Delete(input),
        Verb::Adopt => Call::Adopt { input, external_id: "id".into() },
        Verb::Migrate => {
            Call::Migrate { resource_type: "thing".into(), from_version: 1, to_version: 2, state: json!({}) }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_a_verb_is_told_and_harms_nobody() {
    let rig = Rig::new();
    let mut cases = Cases::new("traps");
    let words = ["describe failed", "crashed", "unreachable", "about to fall"];
    cases.load("a crash in describe", &words, rig.load(&driver(Some(Verb::Describe))), rig.load(&driver(None))).await;
    let good = rig.load(&driver(None)).await.expect("a driver");
    for verb in VERBS.into_iter().filter(|verb| *verb != Verb::Describe) {
        let bad = rig.load(&driver(Some(verb))).await.expect("a driver");
        let step = rig.step();
        let of = || call(verb).expect("a call");
        let words = ["DRIVER_TRAPPED", "unreachable", "it last said: about to fall"];
        let case = format!("a crash in {}", verb.as_str());
        cases.attempt(&case, &words, step.run(&bad, of()), step.run(&good, of())).await;
    }
    cases.end();
}

/// Crash upon crash, at once and one after the other, between which a neighbour does its work; and what was left of each goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_keeps_crashing_harms_no_neighbour() {
    let rig = Rig::new();
    let mut cases = Cases::new("neighbours");
    let filling = "(drop (memory.grow (i32.const 1000))) \
                   (memory.fill (i32.const 131072) (i32.const 1) (i32.const 60000000)) unreachable";
    let bad = rig.load(&creating(|_| filling.to_owned())).await.expect("a driver");
    let write = "INSERT INTO note VALUES ('neighbour')";
    let good = rig.load(&creating(|f| f.execute_in("db", "t", write) + &f.done("{}"))).await.expect("a driver");
    let before = super::rig::resident_mib();
    let (mut crashed, mut done, mut cpu_ms) = (0, 0, 0);
    for _ in 0..15 {
        let (bads, goods) = ([rig.step(), rig.step(), rig.step(), rig.step()], [rig.step(), rig.step()]);
        let crashing = futures::future::join_all(bads.iter().map(|step| step.create(&bad)));
        let working = futures::future::join_all(goods.iter().map(|step| step.create(&good)));
        let (crashes, works) = tokio::join!(crashing, working);
        crashed +=
            crashes.iter().filter(|report| super::cases::outcome(&report.result).contains("DRIVER_TRAPPED")).count();
        cpu_ms += crashes.iter().map(|report| report.usage.cpu_ms).sum::<u64>();
        done += works.iter().filter(|report| report.result.is_ok()).count();
    }
    let case = "sixty crashes of 60 MB beside a neighbour";
    cases.check(case, (crashed, done) == (60, 30) && rig.written() == 30, (crashed, done, rig.written()));
    let left = super::rig::resident_mib() - before;
    cases.check(case, left < 300, format!("{left} MiB are left in memory"));
    let outcome = format!("DRIVER_TRAPPED {crashed} times; the neighbour: {done} of 30 done");
    cases.row(
        case,
        &["DRIVER_TRAPPED 60 times", "30 of 30"],
        true,
        &outcome,
        &format!("{cpu_ms} ms, process {left:+} MiB"),
    );
    cases.end();
}
