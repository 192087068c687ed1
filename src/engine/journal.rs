//! The journal over the store: sealed rows, one header an attempt, and the effective history that a new attempt starts from.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::capability::journal::{Batch, Error, Journal};
use crate::capability::replay;
use crate::capability::tape::Past;
use crate::domain::contract::{Call, Claim};
use crate::domain::description::Access;
use crate::domain::effect::{Effect, Entry};
use crate::domain::limits::Limits;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::resource::Resource;
use crate::domain::time::{Clock, Entropy, Timestamp};
use crate::secret::{Keyring, Sealer};
use crate::store::{self, Commit, JournalRow, Site, Store, Write};

use super::conclude::keep_claim;

/// One entry of a journal. A row holds those that became durable together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// Before the first attempt of a step that a plan has led to: the generation that was planned for.
    Planned(u64),
    Header(Box<Header>),
    Entry(Entry),
    Look(Look),
    Log {
        level: String,
        message: String,
    },
    End {
        outcome: String,
        message: String,
    },
}

/// The host asked what had become of a write whose answer was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Look {
    /// How it asked: `find`, `plan`, `read`, or `transaction` for the backend's own word.
    pub how: String,
    /// The effect in doubt.
    pub seq: u32,
    /// Where the next attempt goes live if it was not applied: behind the last applied write.
    pub from: u32,
    pub time: Timestamp,
    /// What the look proves, if anything.
    pub applied: Option<bool>,
    pub message: String,
}

/// What an attempt was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Header {
    pub call: Call,
    pub driver_digest: String,
    pub contract: String,
    pub limits: Limits,
    pub grants: Vec<Granted>,
    /// How many effects of the attempts before it this one replays: those with a lower sequence number.
    pub replayed: u32,
}

/// One slot as an attempt had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Granted {
    pub slot: String,
    pub connection: String,
    pub access: Access,
    /// Which backend the connection led to; empty if it could not be asked.
    pub backend: String,
}

/// The journal of one step as a new attempt finds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    pub past: Past,
    /// The call that what is replayed was an answer to.
    pub call: Option<Call>,
    /// What its first attempt was granted; no later one gets more.
    pub grants: Option<Vec<Granted>>,
    pub attempts: u32,
    /// When the first row of the step was written.
    pub begun: Option<Timestamp>,
    /// The generation that the step was planned for, if it was.
    pub planned: Option<u64>,
    /// What the steps before this one have changed.
    pub before: Effect,
}

impl History {
    /// From the payloads of a step, by attempt and position.
    pub fn from_payloads(payloads: impl IntoIterator<Item = (u32, Payload)>) -> Self {
        let mut history = History::default();
        let mut record = Vec::new();
        for (attempt, payload) in payloads {
            history.attempts = history.attempts.max(attempt);
            match payload {
                Payload::Planned(generation) => history.planned = Some(generation),
                Payload::Header(header) => {
                    // What nothing is replayed of need not be called as it was.
                    if header.replayed == 0 {
                        history.call = Some(header.call);
                    }
                    history.grants.get_or_insert(header.grants);
                }
                Payload::Entry(entry) => record.push(entry),
                Payload::Look(look) => match look.applied {
                    None => {}
                    Some(applied) => {
                        record.push(Entry::Begun { seq: look.from, time: look.time, settled: true });
                        if applied {
                            history.before = Effect::Applied;
                        }
                    }
                },
                Payload::Log { .. } | Payload::End { .. } => {}
            }
        }
        history.past.unanswered = replay::unanswered(&record);
        history.past.history = replay::effective(record);
        history
    }

    /// How many effects another attempt would replay.
    pub fn replayed(&self) -> u32 {
        let kept = replay::cut(&self.past.history);
        self.past.history[..kept].last().map_or(0, |entry| entry.seq() + 1)
    }

    /// What the operation is known to have changed up to now.
    pub fn effect(&self) -> Effect {
        self.before.max(self.past.effect())
    }
}

pub(super) fn field(row: &JournalRow) -> String {
    format!("journal/{}/{}/{}", row.step, row.attempt, row.position)
}

/// Opens a row: its entries, in their order.
pub fn open(keyring: &Keyring, row: &JournalRow) -> Result<Vec<Payload>, super::Error> {
    let place = crate::secret::Place { project: &row.project, record: row.operation.as_str(), field: &field(row) };
    let bytes = keyring.open(place, &row.payload)?;
    let damaged = |source| crate::secret::Error::Damaged { what: "journal", record: row.operation.to_string(), source };
    // Rows of before hold one entry, as it is.
    match bytes.first() {
        Some(b'[') => Ok(serde_json::from_slice(&bytes).map_err(damaged)?),
        _ => Ok(vec![serde_json::from_slice(&bytes).map_err(damaged)?]),
    }
}

/// Where a row stands, in the operation's present step.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub operation: &'a Operation,
    pub attempt: u32,
    pub position: u32,
}

/// A row of these entries, sealed.
pub fn row(keyring: &Keyring, entropy: &dyn Entropy, place: Place<'_>, time: Timestamp, payloads: &[Payload]) -> Write {
    let mut row = JournalRow {
        project: place.operation.order.project.to_string(),
        operation: place.operation.id.clone(),
        step: place.operation.step,
        attempt: place.attempt,
        position: place.position,
        time,
        payload: crate::domain::sealed::Sealed { format: 0, key_id: 0, nonce: [0; 12], ciphertext: Vec::new() },
    };
    let sealer = Sealer { keyring, entropy, project: &row.project };
    row.payload = sealer.json(row.operation.as_str(), &field(&row), payloads);
    Write::Journal(row)
}

/// One attempt's journal.
pub struct StoreJournal {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    inner: Mutex<Inner>,
}

/// The records as this attempt last wrote or read them.
#[derive(Clone)]
pub struct Inner {
    pub operation: Operation,
    pub resource: Resource,
    header: Header,
    attempt: u32,
    position: u32,
    begun: bool,
}

impl StoreJournal {
    pub fn new(
        engine: &super::Engine,
        operation: Operation,
        resource: Resource,
        header: Header,
        attempt: u32,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: engine.store.clone(),
            keyring: engine.keyring.clone(),
            clock: engine.clock.clone(),
            entropy: engine.entropy.clone(),
            inner: Mutex::new(Inner { operation, resource, header, attempt, position: 0, begun: false }),
        })
    }

    pub fn inner(&self) -> Inner {
        self.inner.lock().expect("nothing panics while holding it").clone()
    }

    fn row(&self, inner: &mut Inner, time: Timestamp, payloads: &[Payload]) -> Write {
        let place = Place { operation: &inner.operation, attempt: inner.attempt, position: inner.position };
        let row = row(&self.keyring, &*self.entropy, place, time, payloads);
        inner.position += 1;
        row
    }

    /// The writes that make `batch` durable, on top of `inner`, which they bring up to date.
    fn writes(&self, inner: &mut Inner, batch: &Batch, now: Timestamp) -> Vec<Write> {
        let (mut writes, mut payloads) = (Vec::new(), Vec::new());
        if !inner.begun {
            let before = inner.operation.state;
            inner.operation.state = OperationState::Running;
            inner.operation.version += 1;
            inner.operation.update_time = now;
            writes.push(Write::Operation(Box::new(inner.operation.clone())));
            writes.extend(tally(&inner.operation, before, now));
            payloads.push(Payload::Header(Box::new(inner.header.clone())));
            inner.begun = true;
        }
        payloads.extend(batch.entries.iter().cloned().map(Payload::Entry));
        if !payloads.is_empty() {
            writes.push(self.row(inner, now, &payloads));
        }
        let project = inner.operation.order.project.to_string();
        let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: &project };
        for fresh in &batch.secrets {
            let record = sealer.secret(fresh, &inner.resource.id, &inner.operation.principal, now);
            writes.push(Write::Secret(Box::new(record)));
        }
        if let Some(claim) = &batch.claim {
            put_claim(inner, claim, &sealer, now);
            writes.push(Write::Resource(Box::new(inner.resource.clone())));
        }
        writes
    }

    /// The row that closes the attempt: entries not yet durable, logs, how it ended. Nothing if the attempt left no trace
    /// and ended well, so that reads alone cost no rows.
    pub fn closing(
        &self,
        rest: &Batch,
        logs: &[(String, String)],
        end: (&str, &str),
        now: Timestamp,
    ) -> (Inner, Vec<Write>) {
        let mut inner = self.inner();
        let mut writes = Vec::new();
        if !inner.begun && end.0 == "done" && logs.is_empty() && rest.secrets.is_empty() && rest.entries.is_empty() {
            return (inner, writes);
        }
        let mut payloads = Vec::new();
        if !inner.begun {
            payloads.push(Payload::Header(Box::new(inner.header.clone())));
        }
        payloads.extend(rest.entries.iter().cloned().map(Payload::Entry));
        let log = |(level, message): &(String, String)| Payload::Log { level: level.clone(), message: message.clone() };
        payloads.extend(logs.iter().map(log));
        payloads.push(Payload::End { outcome: end.0.into(), message: end.1.into() });
        writes.push(self.row(&mut inner, now, &payloads));
        let project = inner.operation.order.project.to_string();
        let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: &project };
        for fresh in &rest.secrets {
            let record = sealer.secret(fresh, &inner.resource.id, &inner.operation.principal, now);
            writes.push(Write::Secret(Box::new(record)));
        }
        (inner, writes)
    }

    /// Takes over what others changed meanwhile, if the operation still stands where this attempt began.
    async fn refresh(&self, inner: &Inner) -> Result<Inner, Error> {
        let gone = |what: &str| Error::Fenced(format!("{what} of {} is gone", inner.operation.id));
        let store = |error: store::Error| Error::Store(error.to_string());
        let operation =
            self.store.operation(&inner.operation.id).await.map_err(store)?.ok_or_else(|| gone("record"))?;
        let resource = self.store.resource(&inner.resource.id).await.map_err(store)?.ok_or_else(|| gone("resource"))?;
        if operation.state.is_terminal() || operation.step != inner.operation.step {
            return Err(Error::Fenced(format!("{} has moved on", operation.id)));
        }
        let operation = Operation { stage: inner.operation.stage, ..operation };
        Ok(Inner { operation, resource, ..inner.clone() })
    }
}

fn put_claim(inner: &mut Inner, claim: &Claim, sealer: &Sealer<'_>, now: Timestamp) {
    keep_claim(&mut inner.resource, inner.operation.stage, claim, &inner.header.call, sealer);
    inner.resource.version += 1;
    inner.resource.update_time = now;
}

/// Counts a child's move at its parent.
pub fn tally(operation: &Operation, from: OperationState, now: Timestamp) -> Option<Write> {
    let parent = operation.parent.clone()?;
    (from != operation.state).then_some(Write::Tally { parent, from, to: operation.state, time: now })
}

/// How often a commit is tried again after somebody else changed a record.
const CONFLICT_TRIES: u32 = 8;

#[async_trait]
impl Journal for StoreJournal {
    async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let site = match batch.entries.last() {
            Some(Entry::Outcome { .. }) => Site::Outcome,
            _ => Site::Intent,
        };
        let mut base = self.inner();
        for _ in 0..CONFLICT_TRIES {
            let mut inner = base.clone();
            let now = self.clock.now();
            let writes = self.writes(&mut inner, &batch, now);
            match self.store.commit(Commit { site, writes, audit: Vec::new() }).await {
                Ok(_) => {
                    *self.inner.lock().expect("nothing panics while holding it") = inner;
                    return Ok(());
                }
                Err(store::Error::Conflict { .. }) => base = self.refresh(&base).await?,
                Err(store::Error::Fenced { shard }) => {
                    return Err(Error::Fenced(format!("shard {shard} was taken over")));
                }
                Err(other) => return Err(Error::Store(other.to_string())),
            }
        }
        Err(Error::Store("the records kept changing".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::effect::{Class, Outcome, Request};

    fn intent(seq: u32) -> Entry {
        let request = Request { function: "f".into(), class: Class::Unsafe, arguments: serde_json::Value::Null };
        Entry::Intent { seq, time: Timestamp::ZERO, request_hash: "h".into(), request, proof: None }
    }

    fn outcome(seq: u32) -> Entry {
        Entry::Outcome { seq, time: Timestamp::ZERO, outcome: Outcome::Applied(serde_json::Value::Null) }
    }

    fn header(replayed: u32) -> Payload {
        Payload::Header(Box::new(Header {
            call: Call::Describe,
            driver_digest: String::new(),
            contract: String::new(),
            limits: Limits::default(),
            grants: Vec::new(),
            replayed,
        }))
    }

    #[test]
    fn each_attempt_cuts_what_it_does_not_replay() {
        let begun = Entry::Begun { seq: 2, time: Timestamp::ZERO, settled: false };
        let payloads = [
            (1, header(0)),
            (1, Payload::Entry(intent(1))),
            (1, Payload::Entry(outcome(1))),
            (1, Payload::Entry(intent(2))),
            (
                1,
                Payload::Entry(Entry::Outcome {
                    seq: 2,
                    time: Timestamp::ZERO,
                    outcome: Outcome::Refused(crate::domain::contract::Error::new(
                        crate::domain::contract::ErrorKind::Conflict,
                        "X",
                        "x",
                    )),
                }),
            ),
            (2, header(2)),
            (2, Payload::Entry(begun.clone())),
            (2, Payload::Entry(intent(2))),
        ];
        let history = History::from_payloads(payloads);
        assert_eq!(history.past.history, [intent(1), outcome(1), begun, intent(2)]);
        assert_eq!((history.attempts, history.call), (2, Some(Call::Describe)));
    }
}
