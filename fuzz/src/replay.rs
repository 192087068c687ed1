//! Cut and replay over any list of entries, one for each two bytes: nothing panics, and what is promised of a history holds.

use serde_json::json;
use vend::capability::replay::{self, Error, Next, Replay};
use vend::domain::contract::{self, ErrorKind};
use vend::domain::effect::{Class, Effect, Entry, Outcome, Request};
use vend::domain::time::Timestamp;

const MOST: usize = 256;

pub fn target(bytes: &[u8]) {
    let entries: Vec<Entry> = bytes.chunks_exact(2).take(MOST).map(|pair| entry(pair[0], pair[1])).collect();
    judge(&entries);
    let unanswered = replay::unanswered(&entries);
    assert!(unanswered.iter().all(|doubt| doubt.class != Class::Read), "a read is never in doubt");
    let effective = replay::effective(entries);
    assert_eq!(replay::effective(effective.clone()), effective, "an effective record stays as it is");
    judge(&effective);
}

fn judge(history: &[Entry]) {
    let kept = replay::cut(history);
    assert!(kept <= history.len());
    if kept > 0 {
        let last = &history[kept - 1];
        assert!(matches!(last, Entry::Outcome { outcome: Outcome::Applied(_), .. }), "cut behind {last:?}");
    }
    let open = replay::open_write(history);
    match replay::effect(history) {
        Effect::Unknown => assert!(open.is_some()),
        Effect::None => assert!(open.is_none() && kept == 0),
        Effect::Applied => assert!(open.is_none() && kept > 0),
    }
    if let Ok(replay) = Replay::new(history, |_| true) {
        assert_eq!(replay.kept(), kept, "what may be repeated is left behind the cut");
    }
    let mut replay = match Replay::new(history, |_| false) {
        Ok(replay) => replay,
        Err(Error::InDoubt(doubt)) => return assert_eq!(open, Some(*doubt)),
        Err(Error::Malformed { index, .. }) => return assert!(index < history.len()),
    };
    assert!(open.is_none(), "a doubt is gone on from");
    assert_eq!(replay.kept(), kept);

    // Every outcome of the kept part comes back in order, and nothing of what is behind it.
    let kept_outcomes: Vec<&Outcome> = history[..kept].iter().filter_map(outcome).collect();
    let requests: Vec<&Request> = history[..kept].iter().filter_map(request).collect();
    let strange = Request { function: "strange".to_owned(), class: Class::Read, arguments: json!(null) };
    let mut written = 0;
    for (number, of) in requests.iter().take(kept_outcomes.len()).enumerate() {
        assert!(!replay.is_live(), "live at {number} of {}", kept_outcomes.len());
        assert!(replay.ended().is_some(), "an end before all is replayed is a divergence");
        assert!(matches!(replay.next(&strange), Next::Diverged { .. }));
        match replay.next(of) {
            Next::Replayed(outcome) => assert_eq!(&outcome, kept_outcomes[number]),
            other => panic!("{other:?}"),
        }
        written += usize::from(of.class != Class::Read && kept_outcomes[number].is_applied());
    }
    assert!(replay.is_live() && replay.ended().is_none());
    assert_eq!(replay.next(&strange), Next::Live(u32::try_from(kept_outcomes.len()).expect("few entries")));

    // No applied write is behind the cut: it would be sent again.
    let mut writing = false;
    for entry in &history[kept..] {
        match entry {
            Entry::Intent { request, .. } => writing = request.class != Class::Read,
            Entry::Outcome { outcome, .. } => assert!(!(writing && outcome.is_applied()), "a write is forgotten"),
            Entry::Begun { .. } => {}
        }
    }
    assert!(kept == 0 || written > 0, "kept without a write");
}

fn outcome(entry: &Entry) -> Option<&Outcome> {
    match entry {
        Entry::Outcome { outcome, .. } => Some(outcome),
        _ => None,
    }
}

fn request(entry: &Entry) -> Option<&Request> {
    match entry {
        Entry::Intent { request, .. } => Some(request),
        _ => None,
    }
}

/// Two bits of kind, five of class and the like; the second byte is number and time.
fn entry(what: u8, place: u8) -> Entry {
    let seq = u32::from(place % 16);
    let time = Timestamp::from_ms(u64::from(place));
    match what % 4 {
        0 => Entry::Begun { seq, time, settled: what / 128 == 1 },
        1 => {
            let classes = [Class::Read, Class::Idempotent, Class::Keyed, Class::Transactional, Class::Unsafe];
            let class = classes[usize::from(what / 4) % classes.len()];
            let request = Request { function: format!("f{}", what / 32), class, arguments: json!({ "a": seq }) };
            Entry::Intent { seq, time, request_hash: replay::hash(&request), request, proof: None }
        }
        2 => Entry::Outcome { seq, time, outcome: Outcome::Applied(json!(what)) },
        _ => {
            let error = contract::Error::new(ErrorKind::Conflict, "X", "refused");
            Entry::Outcome { seq, time, outcome: Outcome::Refused(error) }
        }
    }
}
