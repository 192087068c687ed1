//! An attempt goes on where the last one was cut; an applied write is never sent again.

use super::*;
use crate::domain::contract::Answer;
use crate::domain::effect::Effect;
use crate::driver::Failure;

/// Look, write, look, write, done; checkpoints in between.
fn two_writes() -> Fixture {
    creating(|f| {
        [
            f.query("db", "look 1"),
            f.checkpoint(r#"{"n":1}"#),
            f.execute("db", "write 1"),
            f.query("db", "look 2"),
            f.checkpoint(r#"{"n":2}"#),
            f.execute("db", "write 2"),
            f.done("{}"),
        ]
        .concat()
    })
}

#[tokio::test]
async fn a_journal_that_fails_at_any_commit_never_makes_a_write_twice() {
    let driver = load(&two_writes()).await.expect("a driver");
    for commit in 1..=5 {
        let broken = Step::with_journal(MemoryJournal::failing_at(commit));
        let report = broken.create(&driver).await;
        let sent = broken.backend.asked();
        // Commits are: intent 1, outcome 1, intent 2, outcome 2.
        let (effect, expected) = match commit {
            1 => (Effect::None, vec!["look 1"]),
            2 => (Effect::Unknown, vec!["look 1", "write 1"]),
            3 => (Effect::Applied, vec!["look 1", "write 1", "look 2"]),
            4 => (Effect::Unknown, vec!["look 1", "write 1", "look 2", "write 2"]),
            _ => (Effect::Applied, vec!["look 1", "write 1", "look 2", "write 2"]),
        };
        assert_eq!(
            (report.effect, sent),
            (effect, expected.iter().map(|s| (*s).to_owned()).collect()),
            "commit {commit}"
        );
        assert_eq!(report.result.is_ok(), commit == 5, "{:?}", report.result);

        let next = Step { journal: Arc::new(MemoryJournal::new()), ..Step::new() };
        let mut attempt = next.attempt(Call::Create(input()));
        attempt.past = broken.journal.past();
        let report = driver.run(attempt).await;
        let sent = next.backend.asked();
        match commit {
            1 => assert_eq!(sent.len(), 4),
            3 => assert_eq!(sent, ["look 2", "write 2"]),
            5 => assert!(sent.is_empty()),
            _ => {
                assert!(matches!(report.result, Err(Failure::InDoubt(_))), "{:?}", report.result);
                assert!(sent.is_empty() && report.effect == Effect::Unknown);
                continue;
            }
        }
        assert!(matches!(report.result, Ok(Answer::Done(_))), "{:?}", report.result);
        assert_eq!(report.effect, Effect::Applied);
    }
}

#[tokio::test]
async fn a_refused_write_is_tried_again_and_an_applied_one_is_not() {
    let fixture = creating(|f| {
        [f.execute("db", "write"), f.query("db", "look"), f.execute("db", "refuse"), f.done("{}")].concat()
    });
    let driver = load(&fixture).await.expect("a driver");
    let step = Step::new();
    for round in 1..=3 {
        let report = step.create(&driver).await;
        assert!(matches!(&report.result, Err(Failure::Driver(error)) if error.code == "TOLD"), "{:?}", report.result);
        assert_eq!(report.effect, Effect::Applied);
        assert_eq!(report.replayed, if round == 1 { 0 } else { 3 });
    }
    let writes = step.backend.asked().iter().filter(|sql| *sql == "write").count();
    assert_eq!((writes, step.backend.asked().len()), (1, 7));
}

#[tokio::test]
async fn a_lost_answer_is_a_doubt_that_no_attempt_starts_on() {
    let driver = load(&creating(|f| f.execute("db", "lose") + &f.done("{}"))).await.expect("a driver");
    let step = Step::new();
    for _ in 0..2 {
        let report = step.create(&driver).await;
        assert!(
            matches!(&report.result, Err(Failure::InDoubt(doubt)) if doubt.seq == 0 && doubt.function == "sql-write.execute"),
            "{:?}",
            report.result
        );
        assert_eq!(report.effect, Effect::Unknown);
    }
    assert_eq!(step.backend.asked().len(), 1);
}

#[tokio::test]
async fn another_request_on_replay_sends_nothing() {
    let step = Step::new();
    create(&creating(|f| f.execute("db", "write 1") + "unreachable"), &step).await;
    let report = create(&creating(|f| f.execute("db", "write 2") + "unreachable"), &step).await;
    let Err(Failure::Diverged { seq: 0, recorded, asked }) = &report.result else { panic!("{:?}", report.result) };
    assert!(recorded.contains("write 1") && asked.contains("write 2"), "{recorded} {asked}");
    let report = create(&creating(|f| f.done("{}")), &step).await;
    assert!(
        matches!(&report.result, Err(Failure::Diverged { asked, .. }) if asked.contains("ended")),
        "{:?}",
        report.result
    );
    assert_eq!(step.backend.asked(), ["write 1"]);
}

#[tokio::test]
async fn a_claim_is_durable_before_what_follows_it_and_never_falls_back() {
    let driver = load(&two_writes()).await.expect("a driver");
    let broken = Step::with_journal(MemoryJournal::failing_at(3));
    broken.create(&driver).await;
    assert_eq!(broken.journal.record().claim.expect("kept").state, json!({ "n": 1 }));
    let mut attempt = broken.attempt(Call::Create(input()));
    let journal = Arc::new(MemoryJournal::new());
    attempt.journal = journal.clone();
    let report = driver.run(attempt).await;
    assert!(report.result.is_ok());
    assert_eq!(journal.record().claim.expect("kept").state, json!({ "n": 2 }));
}

/// The statement holds the time: were it another one on replay, the requests would differ.
#[tokio::test]
async fn time_and_attempts_go_together() {
    let stamped = creating(|f| {
        let write = f.execute("db", "write at ................");
        stamp(f, "write at ................") + &write + &f.execute("db", "refuse") + &f.done("{}")
    });
    let driver = load(&stamped).await.expect("a driver");
    let step = Step::new();
    for _ in 0..3 {
        let report = step.create(&driver).await;
        assert!(matches!(report.result, Err(Failure::Driver(_))), "{:?}", report.result);
    }
    let writes: Vec<String> = step.backend.asked().into_iter().filter(|sql| sql.starts_with("write")).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(writes[0].ends_with(|c: char| c.is_ascii_digit()), "{writes:?}");
}

/// Writes `now-ms` in decimal over the end of a text that is in memory already.
fn stamp(f: &mut Fixture, text: &str) -> String {
    let at = f.find(text) + text.len() as u32 - 1;
    format!(
        "(local $t i64) (local $at i32) (local.set $t (call $now)) (local.set $at (i32.const {at})) \
         (loop $l (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $t) (i64.const 10))))) \
         (local.set $t (i64.div_u (local.get $t) (i64.const 10))) (local.set $at (i32.sub (local.get $at) (i32.const 1))) \
         (br_if $l (i64.ne (local.get $t) (i64.const 0)))) "
    )
}
