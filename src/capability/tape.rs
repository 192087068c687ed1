//! What runs along an attempt's effects: replays those that happened, records those that happen, counts both against the limits.
//!
//! The order of calls for one effect: `next`, and if it is live either `note` (a read, or a refusal before anything was sent), or
//! `intend` → send → `conclude`. Must never know what is sent, or to whom.

mod meter;
mod phase;

use std::sync::Arc;

use crate::domain::contract::{Claim, Error, ErrorKind};
use crate::domain::effect::{Class, Doubt, Effect, Entry, Outcome, Proof, Request};
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
    reissued: bool,
}

impl Ticket {
    /// The same request was sent before, and its answer was lost.
    pub fn is_reissued(&self) -> bool {
        self.reissued
    }
}

/// What an attempt knows of those before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// The journal of the step so far, effective entries only, uncut.
    pub history: Vec<Entry>,
    /// Writes of which no answer was ever written down: whoever asks for one of them again is told.
    pub unanswered: Vec<Doubt>,
    /// How long the backend honours an idempotency key, milliseconds; 0: not known.
    pub key_retention_ms: u64,
}

impl Past {
    /// The write that has to be settled before an attempt that ends by `until` may begin.
    pub fn to_settle(&self, until: Timestamp) -> Option<Doubt> {
        let repeatable = |doubt: &&Doubt| doubt.may_be_repeated(until, self.key_retention_ms);
        self.unanswered.iter().find(|doubt| !repeatable(doubt)).cloned()
    }

    /// When one of those that are unanswered was sent last.
    pub fn last_sent(&self) -> Timestamp {
        self.unanswered.iter().map(|doubt| doubt.last_time).max().unwrap_or_default()
    }

    /// What the step is known to have changed so far.
    pub fn effect(&self) -> Effect {
        if self.unanswered.is_empty() { replay::effect(&self.history) } else { Effect::Unknown }
    }
}

impl From<Vec<Entry>> for Past {
    fn from(history: Vec<Entry>) -> Self {
        let unanswered = replay::unanswered(&history);
        Self { history, unanswered, key_retention_ms: 0 }
    }
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
    unanswered: Vec<Doubt>,
}

impl Tape {
    pub fn new(
        past: &Past,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        limits: &Limits,
        phase: Phase,
    ) -> Result<Self, Abort> {
        let history = &past.history;
        // Whatever is sent again leaves before the attempt has run out of time.
        if let Some(doubt) = past.to_settle(clock.now().plus_ms(limits.time_ms)) {
            return Err(Abort::InDoubt(Box::new(doubt)));
        }
        let listed = |doubt: &Doubt| past.unanswered.iter().any(|it| it.request_hash == doubt.request_hash);
        let replay = Replay::new(history, listed).map_err(|error| match error {
            replay::Error::InDoubt(doubt) => Abort::InDoubt(doubt),
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
            unanswered: past.unanswered.clone(),
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

    /// When one of those that are unanswered was sent last.
    pub fn last_sent(&self) -> Timestamp {
        self.unanswered.iter().map(|doubt| doubt.last_time).max().unwrap_or_default()
    }

    /// What the step is known to have changed so far.
    pub fn effect(&self) -> Effect {
        match self.phase.in_doubt().is_some() || !self.unanswered.is_empty() {
            true => Effect::Unknown,
            false => self.effect,
        }
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
                    self.rest.entries.push(Entry::Begun { seq, time: self.time, settled: false });
                }
                self.meter.count(request.class)?;
                self.meter.check_body(&request.arguments)?;
                let lost = |hash: String| self.unanswered.iter().any(|doubt| doubt.request_hash == hash);
                let reissued = !self.unanswered.is_empty() && lost(replay::hash(&request));
                Ok(Asked::Live(Ticket { seq, request, reissued }))
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
        let entries = [intent(seq, time, ticket.request, None), Entry::Outcome { seq, time, outcome: outcome.clone() }];
        // Both or neither: an intent alone would be a doubt.
        for entry in &entries {
            self.meter.add(entry)?;
        }
        self.rest.entries.extend(entries);
        Ok(outcome)
    }

    /// Makes the intent durable, with all that waits. From here until `conclude` the write is in doubt, whatever happens.
    pub async fn intend(&mut self, ticket: Ticket, proof: Option<Proof>) -> Result<Sent, Abort> {
        let entry = intent(ticket.seq, self.stamp(), ticket.request, proof);
        let sent = Sent(Doubt::of(&entry).expect("only writes are intended"));
        self.meter.add(&entry)?;
        self.rest.entries.push(entry);
        self.phase.committing(sent.0.clone());
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
        let entry = Entry::Outcome { seq: sent.0.seq, time: self.stamp(), outcome: outcome.clone() };
        // What happened is recorded even if it is too large; the attempt ends behind it.
        let fits = self.check_answer(&outcome).and(self.meter.add(&entry));
        self.rest.entries.push(entry);
        self.phase.concluding();
        self.commit().await?;
        self.phase.idle();
        if outcome.is_applied() {
            // The earlier ones that were the same did no more than this. (Were it refused, they might still have been applied.)
            self.unanswered.retain(|doubt| doubt.request_hash != sent.0.request_hash);
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
        Abort::InDoubt(Box::new(sent.0))
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
pub struct Sent(Doubt);

fn intent(seq: u32, time: Timestamp, request: Request, proof: Option<Proof>) -> Entry {
    Entry::Intent { seq, time, request_hash: replay::hash(&request), request, proof }
}

#[cfg(test)]
mod tests;
