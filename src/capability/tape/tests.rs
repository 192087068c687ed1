//! What is durable when, and what is counted.

use serde_json::json;

use super::*;
use crate::capability::journal::memory::MemoryJournal;
use crate::capability::testing::Ticking;
use crate::domain::contract::ErrorKind;

fn request(class: Class, n: u32) -> Request {
    Request { function: "test".to_owned(), class, arguments: json!({ "n": n }) }
}

fn tape(journal: &Arc<MemoryJournal>, limits: &Limits) -> Tape {
    let past = journal.past();
    let clock = Arc::new(Ticking::from_ms(100 * (journal.record().commits as u64 + 1)));
    Tape::new(&past, journal.clone(), clock, limits, Phase::default()).expect("no doubt is open")
}

async fn write(tape: &mut Tape, n: u32) -> Result<Outcome, Abort> {
    let Asked::Live(ticket) = tape.next(request(Class::Unsafe, n))? else { panic!("{n} is recorded") };
    let sent = tape.intend(ticket, None).await?;
    tape.conclude(sent, Outcome::Applied(json!(n))).await
}

fn read(tape: &mut Tape, n: u32) -> Result<Outcome, Abort> {
    let Asked::Live(ticket) = tape.next(request(Class::Read, n))? else { panic!("{n} is recorded") };
    tape.note(ticket, Outcome::Applied(json!(n)))
}

#[tokio::test]
async fn reads_travel_with_the_next_write_and_a_write_is_durable_before_it_is_sent() {
    let journal = Arc::new(MemoryJournal::new());
    let mut tape = tape(&journal, &Limits::default());
    read(&mut tape, 0).expect("read");
    assert_eq!(journal.record().commits, 0);
    let Ok(Asked::Live(ticket)) = tape.next(request(Class::Unsafe, 1)) else { panic!("live") };
    let sent = tape.intend(ticket, None).await.expect("committed");
    assert_eq!((journal.record().commits, journal.record().entries.len()), (1, 4), "begun, the read, the intent");
    assert_eq!(tape.effect(), Effect::Unknown);
    tape.conclude(sent, Outcome::Applied(json!(1))).await.expect("committed");
    assert_eq!((journal.record().commits, tape.effect()), (2, Effect::Applied));
    read(&mut tape, 2).expect("read");
    assert_eq!(tape.take_rest().entries.len(), 2, "what was not committed goes back");
}

#[tokio::test]
async fn a_limit_met_behind_a_write_does_not_forget_the_write() {
    let journal = Arc::new(MemoryJournal::new());
    let limits = Limits { body_bytes: 20, ..Limits::default() };
    let mut tape = tape(&journal, &limits);
    let Ok(Asked::Live(ticket)) = tape.next(request(Class::Unsafe, 0)) else { panic!("live") };
    let sent = tape.intend(ticket, None).await.expect("committed");
    let large = Outcome::Applied(json!("x".repeat(100)));
    assert!(matches!(tape.conclude(sent, large).await, Err(Abort::Limit { .. })));
    assert_eq!((replay::effect(&journal.history()), tape.effect()), (Effect::Applied, Effect::Applied));
}

#[tokio::test]
async fn time_that_runs_out_while_the_intent_is_written_sends_nothing() {
    let journal = Arc::new(MemoryJournal::new());
    let mut tape = tape(&journal, &Limits::default());
    let Ok(Asked::Live(ticket)) = tape.next(request(Class::Unsafe, 0)) else { panic!("live") };
    tape.phase.expire(1);
    assert!(matches!(tape.intend(ticket, None).await, Err(Abort::Limit { .. })));
    assert_eq!((replay::effect(&journal.history()), tape.effect()), (Effect::None, Effect::None));
}

#[tokio::test]
async fn the_time_is_that_of_the_latest_entry() {
    let journal = Arc::new(MemoryJournal::new());
    let mut first = tape(&journal, &Limits::default());
    let begun = first.now();
    read(&mut first, 0).expect("read");
    let looked = first.now();
    write(&mut first, 1).await.expect("written");
    let written = first.now();
    assert!(begun < looked && looked < written);

    let mut second = tape(&journal, &Limits::default());
    assert_eq!(second.now(), begun);
    assert!(matches!(second.next(request(Class::Read, 0)), Ok(Asked::Recorded(_))));
    assert_eq!(second.now(), looked);
    assert!(matches!(second.next(request(Class::Unsafe, 1)), Ok(Asked::Recorded(_))));
    assert!(second.now() > written, "real behind the cut");
    let live = second.now();
    write(&mut second, 2).await.expect("written");

    let mut third = tape(&journal, &Limits::default());
    third.next(request(Class::Read, 0)).expect("recorded");
    third.next(request(Class::Unsafe, 1)).expect("recorded");
    assert_eq!(third.now(), live, "the same on the next replay");
}

#[tokio::test]
async fn what_waits_is_kept_with_the_next_commit_and_not_while_replaying() {
    let journal = Arc::new(MemoryJournal::new());
    let claim = |n: u32| Claim { external_id: None, state: json!({ "n": n }) };
    let mut first = tape(&journal, &Limits::default());
    first.keep_claim(claim(1));
    write(&mut first, 0).await.expect("written");
    first.keep_claim(claim(2));
    assert_eq!(first.take_rest().claim, Some(claim(2)));
    let mut second = tape(&journal, &Limits::default());
    second.keep_claim(claim(1));
    assert_eq!(second.take_rest().claim, None);
}

#[tokio::test]
async fn a_refusal_before_sending_is_recorded_without_a_barrier() {
    let journal = Arc::new(MemoryJournal::new());
    let mut tape = tape(&journal, &Limits::default());
    let Ok(Asked::Live(ticket)) = tape.next(request(Class::Unsafe, 0)) else { panic!("live") };
    tape.note(ticket, Outcome::Refused(Error::new(ErrorKind::Denied, "NO", "no"))).expect("noted");
    assert_eq!((journal.record().commits, tape.effect()), (0, Effect::None));
}

#[test]
fn a_journal_that_is_full_takes_no_half_of_an_effect() {
    let journal = Arc::new(MemoryJournal::new());
    let refusal = || Outcome::Refused(Error::new(ErrorKind::Denied, "NO", "x".repeat(400)));
    let mut tape = tape(&journal, &Limits { journal_bytes: 500, ..Limits::default() });
    let Ok(Asked::Live(ticket)) = tape.next(request(Class::Unsafe, 0)) else { panic!("live") };
    assert!(matches!(tape.note(ticket, refusal()), Err(Abort::Limit { .. })));
    assert_eq!(replay::open_write(&tape.take_rest().entries), None);
}

/// Clocks are set back: within a step, over all its attempts, time is not.
#[tokio::test]
async fn time_never_goes_back_within_a_step() {
    let journal = Arc::new(MemoryJournal::new());
    let limits = Limits::default();
    let at =
        |ms| Tape::new(&journal.past(), journal.clone(), Arc::new(Ticking::from_ms(ms)), &limits, Phase::default());
    let mut first = at(1_000_000).expect("no doubt is open");
    write(&mut first, 0).await.expect("committed");
    let Ok(Asked::Live(ticket)) = first.next(request(Class::Unsafe, 1)) else { panic!("live") };
    let sent = first.intend(ticket, None).await.expect("committed");
    let error = Error::new(ErrorKind::Unavailable, "X", "not now");
    first.conclude(sent, Outcome::Refused(error)).await.expect("committed");
    let seen = first.now();

    let mut second = at(5).expect("no doubt is open");
    let mut before = second.now();
    assert!(before < seen, "what is replayed is shown its own time");
    let Ok(Asked::Recorded(_)) = second.next(request(Class::Unsafe, 0)) else { panic!("recorded") };
    assert!(second.is_live() && second.now() >= seen, "{} after {seen}", second.now());
    for n in 1..4 {
        before = before.max(second.now());
        write(&mut second, n).await.expect("committed");
        assert!(second.now() >= before && second.now() >= seen);
    }
}
