//! What runs along an attempt's effects: replays those that happened, records those that happen, counts both against the limits.
//!
//! The order of calls for one effect: `next`, and if it is live either `note` (a read, or a refusal before anything was sent), or
//! `intend` → send → `conclude`. Must never know what is sent, or to whom.

mod meter;
mod phase;

use std::sync::Arc;

use crate::domain::contract::{Claim, Error, ErrorKind};
use crate::domain::effect::{Class, Effect, Entry, Outcome, Request};
use crate::domain::limits::Limits;
use crate::domain::secret::Fresh;
use crate::domain::time::{Clock, Timestamp};

use super::abort::Abort;
use super::journal::{self, Batch, Journal};
use super::replay::{self, Next, Replay};

pub use meter::Meter;
pub use phase::Phase;

/// What became of a request.
#[derive(Debug)]
pub enum Asked {
    /// It happened in an earlier attempt: this is how it ended.
    Recorded(Outcome),
    /// It is to happen now.
    Live(Ticket),
}

/// One live effect that has not ended. Neither copied nor made elsewhere: an effect ends once.
#[derive(Debug)]
pub struct Ticket {
    seq: u32,
    request: Request,
}

pub struct Tape {
    replay: Replay,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    phase: Phase,
    meter: Meter,
    /// Not durable yet; goes with the next commit, or back to whoever runs the attempt.
    rest: Batch,
    begun: bool,
    /// The guest's time once it is live.
    time: Timestamp,
    effect: Effect,
}

impl Tape {
    pub fn new(
        history: &[Entry],
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        limits: &Limits,
        phase: Phase,
    ) -> Result<Self, Abort> {
        let replay = Replay::new(history).map_err(|error| match error {
            replay::Error::InDoubt { seq, function } => Abort::InDoubt { seq, function },
            replay::Error::Malformed { .. } => Abort::Journal(journal::Error::Store(error.to_string())),
        })?;
        let kept = &history[..replay.kept()];
        // Of what is cut as well: an earlier attempt's guest has seen that time, and a clock may have been set back since.
        let latest = history.iter().map(Entry::time).max().unwrap_or_default();
        let mut meter = Meter::new(limits);
        for entry in kept {
            meter.add_kept(entry);
        }
        Ok(Self {
            time: clock.now().max(latest),
            effect: replay::effect(kept),
            replay,
            journal,
            clock,
            phase,
            meter,
            rest: Batch::default(),
            begun: false,
        })
    }

    /// That of the latest journal entry: the same on every replay, real behind the cut.
    pub fn now(&self) -> Timestamp {
        self.replay.time().unwrap_or(self.time)
    }

    pub fn is_live(&self) -> bool {
        self.replay.is_live()
    }

    /// Entries of the history that are kept.
    pub fn kept(&self) -> usize {
        self.replay.kept()
    }

    /// Bytes that one answer may have.
    pub fn max_body(&self) -> u64 {
        self.meter.max_body()
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What the step is known to have changed so far.
    pub fn effect(&self) -> Effect {
        if self.phase.in_doubt().is_some() { Effect::Unknown } else { self.effect }
    }

    /// To be asked when the guest has ended without a trap.
    pub fn ended(&self) -> Result<(), Abort> {
        match self.replay.ended() {
            Some(Next::Diverged { seq, recorded, asked }) => Err(Abort::Diverged { seq, recorded, asked }),
            _ => Ok(()),
        }
    }

    /// What is not durable yet.
    pub fn take_rest(&mut self) -> Batch {
        std::mem::take(&mut self.rest)
    }

    /// Goes with the next commit. While replaying there is nothing to keep: what stood before an applied write was committed with it.
    pub fn keep_claim(&mut self, claim: Claim) {
        if self.is_live() {
            self.rest.claim = Some(claim);
        }
    }

    /// Goes with the next commit. A secret that comes up fresh in the replayed part was lost: going on would put another value in its place.
    pub fn keep_secret(&mut self, fresh: Fresh) -> Result<(), Abort> {
        if !self.is_live() {
            return Err(journal::Error::Store(format!(
                "the value of secret `{}` is missing from the record",
                fresh.name
            ))
            .into());
        }
        self.rest.secrets.push(fresh);
        Ok(())
    }

    pub fn next(&mut self, request: Request) -> Result<Asked, Abort> {
        match self.replay.next(&request) {
            Next::Replayed(outcome) => Ok(Asked::Recorded(outcome)),
            Next::Diverged { seq, recorded, asked } => Err(Abort::Diverged { seq, recorded, asked }),
            Next::Live(seq) => {
                if !self.begun {
                    self.begun = true;
                    self.rest.entries.push(Entry::Begun { seq, time: self.time });
                }
                self.meter.count(request.class)?;
                self.meter.check_body(&request.arguments)?;
                Ok(Asked::Live(Ticket { seq, request }))
            }
        }
    }

    /// Records an effect that needs no barrier: a read with its answer, or a refusal before anything was sent.
    pub fn note(&mut self, ticket: Ticket, outcome: Outcome) -> Result<Outcome, Abort> {
        debug_assert!(
            ticket.request.class == Class::Read || !outcome.is_applied(),
            "an applied write needs its intent first"
        );
        self.check_answer(&outcome)?;
        let (seq, time) = (ticket.seq, self.stamp());
        let entries = [intent(seq, time, ticket.request), Entry::Outcome { seq, time, outcome: outcome.clone() }];
        // Both or neither: an intent alone would be a doubt.
        for entry in &entries {
            self.meter.add(entry)?;
        }
        self.rest.entries.extend(entries);
        Ok(outcome)
    }

    /// Makes the intent durable, with all that waits. From here until `conclude` the write is in doubt, whatever happens.
    pub async fn intend(&mut self, ticket: Ticket) -> Result<Sent, Abort> {
        let sent = Sent { seq: ticket.seq, function: ticket.request.function.clone() };
        let entry = intent(ticket.seq, self.stamp(), ticket.request);
        self.meter.add(&entry)?;
        self.rest.entries.push(entry);
        self.phase.committing(sent.seq, sent.function.clone());
        if let Err(error) = self.commit().await {
            // Nothing was sent. Should the intent stand in the journal all the same, the next attempt finds it open.
            self.phase.idle();
            return Err(error);
        }
        if let Some(abort) = self.phase.expired() {
            let error =
                Error::new(ErrorKind::Unavailable, "OUT_OF_TIME", "the attempt ran out of time before this was sent");
            self.conclude(sent, Outcome::Refused(error)).await?;
            return Err(abort);
        }
        self.phase.sending();
        Ok(sent)
    }

    /// Makes the outcome of a write durable; only then may the guest see it.
    pub async fn conclude(&mut self, sent: Sent, outcome: Outcome) -> Result<Outcome, Abort> {
        let entry = Entry::Outcome { seq: sent.seq, time: self.stamp(), outcome: outcome.clone() };
        // What happened is recorded even if it is too large; the attempt ends behind it.
        let fits = self.check_answer(&outcome).and(self.meter.add(&entry));
        self.rest.entries.push(entry);
        self.phase.concluding();
        self.commit().await?;
        self.phase.idle();
        if outcome.is_applied() {
            self.effect = Effect::Applied;
        }
        fits?;
        match self.phase.expired() {
            Some(abort) => Err(abort),
            None => Ok(outcome),
        }
    }

    /// Nothing proves what became of the write: the attempt ends, and its intent stays open.
    pub fn lost(&self, sent: Sent) -> Abort {
        Abort::InDoubt { seq: sent.seq, function: sent.function }
    }

    async fn commit(&mut self) -> Result<(), Abort> {
        let batch = self.take_rest();
        Ok(self.journal.commit(batch).await?)
    }

    fn stamp(&mut self) -> Timestamp {
        self.time = self.clock.now().max(self.time);
        self.time
    }

    fn check_answer(&self, outcome: &Outcome) -> Result<(), Abort> {
        match outcome {
            Outcome::Applied(answer) | Outcome::Declined(answer) => self.meter.check_body(answer),
            Outcome::Refused(_) => Ok(()),
        }
    }
}

/// A write whose intent is durable and whose outcome is not.
#[derive(Debug)]
pub struct Sent {
    seq: u32,
    function: String,
}

fn intent(seq: u32, time: Timestamp, request: Request) -> Entry {
    Entry::Intent { seq, time, request_hash: replay::hash(&request), request }
}

#[cfg(test)]
mod tests;
