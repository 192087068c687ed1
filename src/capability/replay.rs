//! Cut and replay: what an attempt takes over from the journal of those before it, and where it goes live.
//!
//! A pure state machine: no I/O, no clock, no tasks. `tape` feeds it with what the guest asks.

use std::collections::HashMap;

use crate::domain::effect::{Class, Doubt, Effect, Entry, Outcome, Request};
use crate::domain::json::canonical;
use crate::domain::time::Timestamp;

use super::digest;

/// Version of the canonical form that is hashed.
const FORM: &str = "v1";

/// Why a history cannot be gone on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A write was sent and nobody knows what became of it: it must be settled first.
    #[error("effect {} ({}) is in doubt", .0.seq, .0.function)]
    InDoubt(Box<Doubt>),
    #[error("the journal is out of order at entry {index}: {why}")]
    Malformed { index: usize, why: &'static str },
}

/// What becomes of the next thing the guest asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It happened before: this is how it ended.
    Replayed(Outcome),
    /// Something else happened here before. Nothing may be sent.
    Diverged { seq: u32, recorded: String, asked: String },
    /// New: it is effect `seq`.
    Live(u32),
}

/// How many entries at the front are kept: up to and including the outcome of the last applied write.
pub fn cut(history: &[Entry]) -> usize {
    let mut kept = 0;
    let mut writing = false;
    for (index, entry) in history.iter().enumerate() {
        match entry {
            Entry::Begun { .. } => {}
            Entry::Intent { request, .. } => writing = request.class != Class::Read,
            Entry::Outcome { outcome, .. } if writing && outcome.is_applied() => kept = index + 1,
            Entry::Outcome { .. } => {}
        }
    }
    kept
}

/// A record as it was committed, without what later attempts voided. Does nothing to a record that is effective already.
pub fn effective(record: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::with_capacity(record.len());
    for entry in record {
        if let Entry::Begun { seq, .. } = &entry {
            while kept.last().is_some_and(|last| last.seq() >= *seq) {
                kept.pop();
            }
        }
        kept.push(entry);
    }
    kept
}

/// The write that has an intent and no outcome, if there is one.
pub fn open_write(history: &[Entry]) -> Option<Doubt> {
    let mut open = None;
    for entry in history {
        match entry {
            Entry::Begun { .. } => {}
            Entry::Intent { .. } => open = Doubt::of(entry).or(open),
            Entry::Outcome { seq, .. } => open = open.filter(|doubt| doubt.seq != *seq),
        }
    }
    open
}

/// Of a record as it was committed, voided entries included: the writes whose end was never written down, and which were not applied
/// since. One for each request, with the times it was first and last sent.
pub fn unanswered(record: &[Entry]) -> Vec<Doubt> {
    let mut open: Option<Doubt> = None;
    let mut lost: Vec<Doubt> = Vec::new();
    for entry in record {
        match entry {
            Entry::Begun { settled: true, .. } => {
                open = None;
                lost.clear();
            }
            Entry::Begun { .. } => lost.extend(open.take()),
            Entry::Intent { .. } => {
                lost.extend(open.take());
                open = Doubt::of(entry);
            }
            Entry::Outcome { outcome, .. } => {
                // A refusal says nothing of those before it.
                if let Some(answered) = open.take().filter(|_| outcome.is_applied()) {
                    lost.retain(|doubt| doubt.request_hash != answered.request_hash);
                }
            }
        }
    }
    lost.extend(open);
    let mut once: Vec<Doubt> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for doubt in lost {
        match places.get(&doubt.request_hash) {
            Some(at) => once[*at].last_time = doubt.last_time,
            None => {
                places.insert(doubt.request_hash.clone(), once.len());
                once.push(doubt);
            }
        }
    }
    once
}

/// What the entries prove about the world.
pub fn effect(history: &[Entry]) -> Effect {
    if open_write(history).is_some() { Effect::Unknown } else { known(history) }
}

/// What they prove without the write that is in doubt.
pub fn known(history: &[Entry]) -> Effect {
    if cut(history) == 0 { Effect::None } else { Effect::Applied }
}

/// Tells one request from another: `v1:` and the SHA-256 of its canonical form.
pub fn hash(request: &Request) -> String {
    let mut form = format!("{FORM}\n{}\n{}\n", request.function, request.class.as_str());
    form.push_str(&canonical(&request.arguments));
    format!("{FORM}:{}", digest::sha256_hex(form.as_bytes()))
}

/// One line that a person can compare with another one.
fn readable(request: &Request) -> String {
    const LONGEST: usize = 300;
    let mut text = format!("{} {}", request.function, canonical(&request.arguments));
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[derive(Debug)]
struct Recorded {
    request: Request,
    hash: String,
    outcome: Outcome,
    /// The time from its outcome on: of the outcome, or of the attempt that went live right behind it.
    time: Timestamp,
}

/// Walks along the kept prefix of a history, then goes live.
#[derive(Debug)]
pub struct Replay {
    effects: std::vec::IntoIter<Recorded>,
    kept: usize,
    seq: u32,
    time: Option<Timestamp>,
}

impl Replay {
    /// `history` holds effective entries in order, uncut. A write in doubt that `may_be_repeated` is left behind the cut: the guest asks for
    /// it again, or has learnt by reading that it need not.
    pub fn new(history: &[Entry], may_be_repeated: impl FnOnce(&Doubt) -> bool) -> Result<Self, Error> {
        let history = match open_write(history) {
            None => history,
            Some(doubt) if may_be_repeated(&doubt) => match history.split_last() {
                Some((Entry::Intent { seq, .. }, before)) if *seq == doubt.seq => before,
                _ => {
                    return Err(Error::Malformed {
                        index: history.len() - 1,
                        why: "something follows a write in doubt",
                    });
                }
            },
            Some(doubt) => return Err(Error::InDoubt(Box::new(doubt))),
        };
        let kept = cut(history);
        let malformed = |index, why| Err(Error::Malformed { index, why });
        let mut effects: Vec<Recorded> = Vec::new();
        let mut kept_effects = 0;
        let mut first_time = None;
        let mut open: Option<(&Request, &String)> = None;
        // All of it, though only the front is kept: an outcome without its intent behind the cut would be a write forgotten.
        for (index, entry) in history.iter().enumerate() {
            if entry.seq() as usize != effects.len() {
                return malformed(index, "a number is missing or stands twice");
            }
            match entry {
                Entry::Begun { time, .. } => match effects.last_mut() {
                    _ if open.is_some() => return malformed(index, "an attempt begins inside an effect"),
                    Some(before) => before.time = *time,
                    None => first_time = Some(*time),
                },
                Entry::Intent { request, request_hash, .. } => {
                    if open.replace((request, request_hash)).is_some() {
                        return malformed(index, "an intent follows an intent");
                    }
                }
                Entry::Outcome { time, outcome, .. } => {
                    let Some((request, hash)) = open.take() else {
                        return malformed(index, "an outcome has no intent");
                    };
                    effects.push(Recorded {
                        request: request.clone(),
                        hash: hash.clone(),
                        outcome: outcome.clone(),
                        time: *time,
                    });
                    if index < kept {
                        kept_effects = effects.len();
                    }
                }
            }
        }
        effects.truncate(kept_effects);
        Ok(Self { effects: effects.into_iter(), kept, seq: 0, time: first_time })
    }

    /// Entries at the front of the history that this walks along.
    pub fn kept(&self) -> usize {
        self.kept
    }

    pub fn is_live(&self) -> bool {
        self.effects.as_slice().is_empty()
    }

    /// The recorded time at this point; `None` where the present attempt has to supply its own.
    pub fn time(&self) -> Option<Timestamp> {
        if self.is_live() { None } else { self.time }
    }

    /// The number that the next effect has.
    pub fn seq(&self) -> u32 {
        self.seq
    }

    pub fn next(&mut self, request: &Request) -> Next {
        let seq = self.seq;
        let Some(recorded) = self.effects.as_slice().first() else {
            self.seq += 1;
            return Next::Live(seq);
        };
        if recorded.hash != hash(request) {
            return Next::Diverged { seq, recorded: readable(&recorded.request), asked: readable(request) };
        }
        let recorded = self.effects.next().expect("there is a first one");
        self.seq += 1;
        self.time = Some(recorded.time);
        Next::Replayed(recorded.outcome)
    }

    /// To be asked when the guest has ended: an effect that was recorded and not asked again is a divergence too.
    pub fn ended(&self) -> Option<Next> {
        let left = self.effects.as_slice().first()?;
        Some(Next::Diverged {
            seq: self.seq,
            recorded: readable(&left.request),
            asked: "nothing more: the driver ended".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
