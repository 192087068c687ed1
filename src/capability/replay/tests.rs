//! Every history of a few effects, failed at every position: an applied write is never live again.

use serde_json::json;

use super::*;
use crate::domain::contract::{Error as Refusal, ErrorKind};

/// `r` a read, `w` a write that was applied, `f` a write that was refused, `o` a write without an outcome, `|` another attempt.
fn history(script: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut seq = 0;
    for (tick, step) in script.chars().enumerate() {
        let time = Timestamp::from_ms(100 * (tick as u64 + 1));
        if step == '|' {
            entries.push(Entry::Begun { seq, time, settled: false });
            continue;
        }
        let request = request(step, seq);
        entries.push(Entry::Intent { seq, time, request_hash: hash(&request), request, proof: None });
        if step != 'o' {
            entries.push(Entry::Outcome { seq, time: time.plus_ms(1), outcome: outcome(step, seq) });
        }
        seq += 1;
    }
    entries
}

fn never(_: &Doubt) -> bool {
    false
}

fn request(step: char, seq: u32) -> Request {
    let class = if step == 'r' { Class::Read } else { Class::Unsafe };
    Request { function: format!("test.{step}"), class, arguments: json!({ "n": seq }) }
}

fn outcome(step: char, seq: u32) -> Outcome {
    match step {
        'f' => Outcome::Refused(Refusal::new(ErrorKind::Conflict, "NO", "no")),
        _ => Outcome::Applied(json!(seq)),
    }
}

#[test]
fn the_cut_stands_behind_the_last_applied_write() {
    for (script, kept) in [
        ("", 0),
        ("|", 0),
        ("r", 0),
        ("rr", 0),
        ("f", 0),
        ("w", 2),
        ("|w", 3),
        ("rw", 4),
        ("wr", 2),
        ("wf", 2),
        ("wfw", 6),
        ("w|rw", 7),
        ("w|r", 2),
        ("rwrwrf", 8),
        ("wo", 2),
    ] {
        assert_eq!(cut(&history(script)), kept, "{script}");
    }
}

#[test]
fn an_open_write_stops_an_attempt_before_it_starts() {
    for script in ["o", "ro", "wo", "w|rfo"] {
        let entries = history(script);
        let seq = entries.last().expect("not empty").seq();
        assert_eq!(
            Replay::new(&entries, never).err(),
            open_write(&entries).filter(|doubt| doubt.seq == seq).map(|doubt| Error::InDoubt(Box::new(doubt))),
            "{script}"
        );
        assert_eq!(effect(&entries), Effect::Unknown, "{script}");
    }
    assert!(Replay::new(&history("rwf"), never).is_ok());
}

#[test]
fn a_write_that_may_be_repeated_is_left_behind_the_cut() {
    for script in ["o", "ro", "wro", "w|rfo"] {
        let entries = history(script);
        let replay = Replay::new(&entries, |_| true).expect("it goes on");
        assert_eq!(replay.kept(), cut(&entries), "{script}");
    }
}

/// `i` asks for the same as every other `i`: sent and not answered. `a` is the same with an answer, `n` the same and refused.
fn same(script: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (tick, step) in script.chars().enumerate() {
        let time = Timestamp::from_ms(100 * (tick as u64 + 1));
        let request = Request { function: "put".to_owned(), class: Class::Idempotent, arguments: json!({}) };
        let intent = Entry::Intent { seq: 0, time, request_hash: hash(&request), request, proof: None };
        let ended = |outcome| Entry::Outcome { seq: 0, time, outcome };
        match step {
            '|' => entries.push(Entry::Begun { seq: 0, time, settled: false }),
            's' => entries.push(Entry::Begun { seq: 0, time, settled: true }),
            'i' => entries.push(intent),
            'a' => entries.extend([intent, ended(outcome('w', 0))]),
            _ => entries.extend([intent, ended(outcome('f', 0))]),
        }
    }
    entries
}

#[test]
fn an_answer_is_missing_until_the_same_was_applied_or_a_look_has_settled_it() {
    for (script, first_and_last_sent) in [
        ("", None),
        ("|i", Some((200, 200))),
        ("|i|", Some((200, 200))),
        ("|i|i", Some((200, 400))),
        ("|i|i|i", Some((200, 600))),
        ("|i|a", None),
        // That the second was refused says nothing of the first.
        ("|i|n", Some((200, 200))),
        ("|n", None),
        ("|is", None),
        ("|i|s", None),
        ("|is|i", Some((500, 500))),
    ] {
        let sent = |doubt: Doubt| (doubt.time.ms(), doubt.last_time.ms());
        let lost: Vec<_> = unanswered(&same(script)).into_iter().map(sent).collect();
        assert_eq!(lost, first_and_last_sent.into_iter().collect::<Vec<_>>(), "{script}");
    }
}

#[test]
fn what_is_repeated_depends_on_the_class_and_on_how_long_a_key_is_good() {
    let doubt = |class| {
        let request = Request { function: "f".to_owned(), class, arguments: json!({}) };
        let time = Timestamp::from_ms(1_000);
        Doubt::of(&Entry::Intent { seq: 0, time, request_hash: hash(&request), request, proof: None })
    };
    for (class, until, retention, expected) in [
        (Class::Idempotent, 1_000_000, 0, true),
        (Class::Keyed, 1_500, 0, false),
        (Class::Keyed, 1_500, 600, true),
        (Class::Keyed, 1_600, 600, false),
        (Class::Transactional, 1_000, 600, false),
        (Class::Unsafe, 1_000, 600, false),
    ] {
        let doubt = doubt(class).expect("a write");
        assert_eq!(doubt.may_be_repeated(Timestamp::from_ms(until), retention), expected, "{class:?} {until}");
    }
    assert_eq!(doubt(Class::Read), None);
}

#[test]
fn the_effect_is_what_the_entries_prove() {
    for (script, expected) in [
        ("", Effect::None),
        ("rf", Effect::None),
        ("rw", Effect::Applied),
        ("wf", Effect::Applied),
        ("o", Effect::Unknown),
    ] {
        assert_eq!(effect(&history(script)), expected, "{script}");
    }
}

#[test]
fn what_is_kept_is_replayed_and_the_rest_is_live() {
    let mut replay = Replay::new(&history("rwfr"), never).expect("in order");
    assert_eq!(replay.next(&request('r', 0)), Next::Replayed(outcome('r', 0)));
    assert!(!replay.is_live());
    assert_eq!(replay.next(&request('w', 1)), Next::Replayed(outcome('w', 1)));
    assert!(replay.is_live());
    assert_eq!(replay.next(&request('f', 2)), Next::Live(2));
    assert_eq!(replay.next(&request('r', 3)), Next::Live(3));
    assert_eq!(replay.ended(), None);
}

#[test]
fn another_request_at_any_position_diverges_and_stays_diverged() {
    let script = "rwwfw";
    for at in 0..script.len() {
        let mut replay = Replay::new(&history(script), never).expect("in order");
        for (seq, step) in script.chars().enumerate().take(at) {
            assert!(matches!(replay.next(&request(step, seq as u32)), Next::Replayed(_)));
        }
        for other in [request('w', 99), request('x', at as u32)] {
            let Next::Diverged { seq, recorded, asked } = replay.next(&other) else { panic!("not noticed at {at}") };
            assert_eq!(seq as usize, at);
            assert_ne!(recorded, asked);
        }
    }
}

#[test]
fn an_end_before_the_cut_is_a_divergence() {
    let mut replay = Replay::new(&history("ww"), never).expect("in order");
    replay.next(&request('w', 0));
    assert!(matches!(replay.ended(), Some(Next::Diverged { seq: 1, .. })));
}

#[test]
fn time_is_the_same_on_every_replay_and_real_behind_the_cut() {
    // Begun at 100, written at 200, begun again at 300, written at 400.
    let mut replay = Replay::new(&history("|w|w"), never).expect("in order");
    assert_eq!(replay.time(), Some(Timestamp::from_ms(100)));
    replay.next(&request('w', 0));
    assert_eq!(replay.time(), Some(Timestamp::from_ms(300)), "the second attempt went live here");
    replay.next(&request('w', 1));
    assert_eq!(replay.time(), None);
}

#[test]
fn a_record_is_effective_without_what_later_attempts_voided() {
    let mut record = history("|wrf");
    let again = [Entry::Begun { seq: 1, time: Timestamp::from_ms(900), settled: false }];
    record.extend(again.clone());
    let expected: Vec<_> = history("|w").into_iter().chain(again).collect();
    assert_eq!(effective(record), expected);
    assert_eq!(effective(expected.clone()), expected);
}

#[test]
fn a_history_out_of_order_is_refused() {
    let entries = history("wrw");
    for remove in 0..entries.len() - 1 {
        let mut broken = entries.clone();
        broken.remove(remove);
        assert!(Replay::new(&broken, never).is_err(), "without entry {remove}");
    }
    let doubled: Vec<_> = entries.iter().chain(&entries).cloned().collect();
    assert!(Replay::new(&doubled, never).is_err());
}

#[test]
fn the_hash_knows_function_class_and_arguments_but_not_the_order_of_members() {
    let base = Request { function: "f".to_owned(), class: Class::Unsafe, arguments: json!({ "a": 1, "b": 2 }) };
    let same = Request { arguments: serde_json::from_str(r#"{"b":2,"a":1}"#).expect("JSON"), ..base.clone() };
    assert_eq!(hash(&base), hash(&same));
    assert!(hash(&base).starts_with("v1:"));
    for other in [
        Request { function: "g".to_owned(), ..base.clone() },
        Request { class: Class::Idempotent, ..base.clone() },
        Request { arguments: json!({ "a": 1, "b": 3 }), ..base.clone() },
    ] {
        assert_ne!(hash(&base), hash(&other));
    }
}

/// Every script of up to six effects over read, applied write and refused write, each replayed from every prefix of its record:
/// no write that the record shows as applied is ever live.
#[test]
fn an_applied_write_is_never_live_again() {
    for length in 0..=6u32 {
        for number in 0..3u32.pow(length) {
            let script: String = (0..length).map(|at| ['r', 'w', 'f'][(number / 3u32.pow(at) % 3) as usize]).collect();
            let entries = history(&script);
            for until in 0..=entries.len() {
                let known = &entries[..until];
                let Ok(mut replay) = Replay::new(known, never) else {
                    assert!(open_write(known).is_some(), "{script} until {until}");
                    continue;
                };
                for (seq, step) in script.chars().enumerate() {
                    let applied = known.iter().any(|entry| {
                        matches!(entry, Entry::Outcome { seq: s, outcome, .. } if *s as usize == seq && step == 'w' && outcome.is_applied())
                    });
                    let next = replay.next(&request(step, seq as u32));
                    assert!(
                        !applied || matches!(next, Next::Replayed(_)),
                        "{script} until {until}: {seq} would be sent again"
                    );
                }
            }
        }
    }
}
