//! The story of an operation, told from its journal.

use serde_json::Value;

use crate::domain::effect::{Entry, Outcome};
use crate::domain::id::OperationId;
use crate::domain::operation::Operation;
use crate::domain::time::Timestamp;

use super::journal::{Payload, open};
use super::{Engine, Error};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoryKind {
    Attempt,
    Effect,
    /// The host found out, or tried to, what had become of a write whose answer was lost.
    Look,
    Log,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Sent in this attempt.
    Live,
    /// Sent in this attempt, and before it with an answer that was lost.
    Reissued,
    /// Taken from the journal: nothing was sent again.
    Replayed,
    /// Its answer was lost, and what became of it was found out later.
    Settled,
}

/// One line. Secrets in it are handles.
#[derive(Debug, Clone, PartialEq)]
pub struct StoryLine {
    pub operation: OperationId,
    pub step: u32,
    pub attempt: u32,
    pub sequence: u32,
    pub time: Timestamp,
    pub kind: StoryKind,
    /// Of an effect: how its answer came about.
    pub origin: Origin,
    /// Of an attempt: the verb.
    pub function: String,
    pub class: String,
    pub request: Option<Value>,
    /// `applied`, `refused`, `unknown`; of an end: `done`, `pending`, `failed`.
    pub outcome: String,
    pub answer: Option<Value>,
    pub message: String,
}

impl Engine {
    pub async fn story(&self, operation: &Operation) -> Result<Vec<StoryLine>, Error> {
        let mut teller = Teller {
            operation: operation.id.clone(),
            lines: Vec::new(),
            step: 0,
            effective: Vec::new(),
            open: None,
            lost: Vec::new(),
        };
        for row in self.store.journal(&operation.id).await? {
            for payload in open(&self.keyring, &row)? {
                teller.tell(row.step, row.attempt, row.time, payload);
            }
        }
        Ok(teller.lines)
    }
}

struct Teller {
    operation: OperationId,
    lines: Vec<StoryLine>,
    step: u32,
    /// Lines of the effects that hold, in order: what the next attempt may replay.
    effective: Vec<StoryLine>,
    /// The write, or read, that has no answer yet: sequence, attempt, hash.
    open: Option<(u32, u32, String)>,
    /// Hashes of requests whose answers were lost.
    lost: Vec<String>,
}

impl Teller {
    fn tell(&mut self, step: u32, attempt: u32, time: Timestamp, payload: Payload) {
        if step != self.step {
            self.step = step;
            self.effective.clear();
            self.open = None;
            self.lost.clear();
        }
        let mut line = StoryLine {
            operation: self.operation.clone(),
            step,
            attempt,
            sequence: 0,
            time,
            kind: StoryKind::Attempt,
            origin: Origin::Live,
            function: String::new(),
            class: String::new(),
            request: None,
            outcome: String::new(),
            answer: None,
            message: String::new(),
        };
        match payload {
            Payload::Planned(_) => {}
            Payload::Header(header) => {
                line.function = header.call.verb().as_str().to_owned();
                self.lines.push(line);
                self.replay(attempt, time, header.replayed);
            }
            Payload::Entry(Entry::Intent { seq, time, request, request_hash, .. }) => {
                if self.lost.contains(&request_hash) {
                    line.origin = Origin::Reissued;
                }
                self.open = Some((seq, attempt, request_hash));
                line.kind = StoryKind::Effect;
                (line.sequence, line.time) = (seq, time);
                line.function = request.function;
                line.class = request.class.as_str().to_owned();
                line.request = Some(request.arguments);
                line.outcome = "unknown".into();
                self.effective.push(line.clone());
                self.lines.push(line);
            }
            Payload::Entry(Entry::Begun { seq, .. }) => self.lose(seq),
            Payload::Look(look) => {
                line.kind = StoryKind::Look;
                (line.sequence, line.time) = (look.seq, look.time);
                line.function = look.how;
                line.origin = Origin::Settled;
                line.outcome = match look.applied {
                    Some(true) => "applied",
                    Some(false) => "not-applied",
                    None => "unknown",
                }
                .into();
                line.message = look.message;
                self.lines.push(line);
            }
            Payload::Entry(Entry::Outcome { seq, outcome, .. }) => self.answer(attempt, seq, &outcome),
            Payload::Log { level, message } => {
                line.kind = StoryKind::Log;
                line.function = level;
                line.message = message;
                self.lines.push(line);
            }
            Payload::End { outcome, message } => {
                line.kind = StoryKind::End;
                line.outcome = outcome;
                line.message = message;
                self.lines.push(line);
            }
        }
    }

    /// The attempt takes over the first `count` effects.
    fn replay(&mut self, attempt: u32, time: Timestamp, count: u32) {
        self.effective.retain(|effect| effect.sequence < count);
        let replayed =
            self.effective.iter().map(|it| StoryLine { attempt, time, origin: Origin::Replayed, ..it.clone() });
        self.lines.extend(replayed);
    }

    /// Another attempt goes on from `seq`.
    fn lose(&mut self, seq: u32) {
        self.lost.extend(self.open.take().filter(|(open, ..)| *open >= seq).map(|(_, _, hash)| hash));
    }

    fn answer(&mut self, attempt: u32, seq: u32, outcome: &Outcome) {
        let (word, answer, message) = match outcome {
            Outcome::Applied(value) => ("applied", Some(value.clone()), String::new()),
            Outcome::Declined(value) => ("refused", Some(value.clone()), String::new()),
            Outcome::Refused(error) => ("refused", None, error.to_string()),
        };
        // One that stands in an attempt of its own was found out later, about the write of an earlier one.
        let asked = match self.open.take() {
            Some((open, asked, _)) if open == seq => asked,
            _ => attempt,
        };
        let of = |it: &&mut StoryLine| it.kind == StoryKind::Effect && it.sequence == seq && it.attempt == asked;
        let told = self.lines.iter_mut().rev().find(of);
        for line in told.into_iter().chain(self.effective.iter_mut().rev().find(of)) {
            line.outcome = word.to_owned();
            if asked != attempt {
                line.origin = Origin::Settled;
            }
            line.answer = answer.clone();
            line.message = message.clone();
        }
    }
}
