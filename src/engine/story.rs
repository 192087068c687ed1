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
    Log,
    End,
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
    /// Taken from the journal, not sent again.
    pub replayed: bool,
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
        let mut teller = Teller { operation: operation.id.clone(), lines: Vec::new(), step: 0, effective: Vec::new() };
        for row in self.store.journal(&operation.id).await? {
            let payload = open(&self.keyring, &row)?;
            teller.tell(row.step, row.attempt, row.time, payload);
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
}

impl Teller {
    fn tell(&mut self, step: u32, attempt: u32, time: Timestamp, payload: Payload) {
        if step != self.step {
            self.step = step;
            self.effective.clear();
        }
        let mut line = StoryLine {
            operation: self.operation.clone(),
            step,
            attempt,
            sequence: 0,
            time,
            kind: StoryKind::Attempt,
            replayed: false,
            function: String::new(),
            class: String::new(),
            request: None,
            outcome: String::new(),
            answer: None,
            message: String::new(),
        };
        match payload {
            Payload::Header(header) => {
                line.function = header.call.verb().as_str().to_owned();
                self.lines.push(line);
                self.replay(attempt, time, header.replayed);
            }
            Payload::Entry(Entry::Intent { seq, time, request, .. }) => {
                line.kind = StoryKind::Effect;
                (line.sequence, line.time) = (seq, time);
                line.function = request.function;
                line.class = request.class.as_str().to_owned();
                line.request = Some(request.arguments);
                line.outcome = "unknown".into();
                self.effective.push(line.clone());
                self.lines.push(line);
            }
            Payload::Entry(Entry::Begun { .. }) => {}
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
        let replayed = self.effective.iter().map(|it| StoryLine { attempt, time, replayed: true, ..it.clone() });
        self.lines.extend(replayed);
    }

    fn answer(&mut self, attempt: u32, seq: u32, outcome: &Outcome) {
        let (word, answer, message) = match outcome {
            Outcome::Applied(value) => ("applied", Some(value.clone()), String::new()),
            Outcome::Declined(value) => ("refused", Some(value.clone()), String::new()),
            Outcome::Refused(error) => ("refused", None, error.to_string()),
        };
        let of = |it: &&mut StoryLine| it.kind == StoryKind::Effect && it.sequence == seq && it.attempt == attempt;
        let told = self.lines.iter_mut().rev().find(of);
        for line in told.into_iter().chain(self.effective.iter_mut().rev().find(of)) {
            line.outcome = word.to_owned();
            line.answer = answer.clone();
            line.message = message.clone();
        }
    }
}
