//! Effects and the entries of the journal that keeps them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::Error;
use super::time::Timestamp;

/// What sending twice would do; decides what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Changes nothing: run again.
    Read,
    /// Twice is the same as once.
    Idempotent,
    /// Carries a key that the backend honours.
    Keyed,
    /// A transaction whose fate the backend can tell.
    Transactional,
    /// Never sent twice.
    Unsafe,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Read => "read",
            Class::Idempotent => "idempotent",
            Class::Keyed => "keyed",
            Class::Transactional => "transactional",
            Class::Unsafe => "unsafe",
        }
    }
}

/// What lets a backend tell later whether a transaction was committed, and the answer that it then has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proof {
    /// Which backend, however it is reached: the same number means something else at another one.
    pub system: String,
    /// The transaction's number there.
    pub transaction: String,
    /// What the guest gets if it was committed.
    pub answer: Value,
}

/// A write that was sent, or may have been, and whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub seq: u32,
    pub function: String,
    pub class: Class,
    /// The slot it went through.
    pub slot: String,
    pub request_hash: String,
    /// When it was first about to be sent.
    pub time: Timestamp,
    /// When it was about to be sent for the last time.
    pub last_time: Timestamp,
    pub proof: Option<Proof>,
}

impl Doubt {
    pub fn of(entry: &Entry) -> Option<Self> {
        let Entry::Intent { seq, time, request_hash, request, proof } = entry else { return None };
        (request.class != Class::Read).then(|| Self {
            seq: *seq,
            function: request.function.clone(),
            class: request.class,
            slot: request.arguments.get("connection").and_then(Value::as_str).unwrap_or_default().to_owned(),
            request_hash: request_hash.clone(),
            time: *time,
            last_time: *time,
            proof: proof.clone(),
        })
    }

    /// Whether sending it once more, at the latest at `until`, does no harm. A key is good for `key_retention_ms` at its backend;
    /// 0 says that nothing is known of it.
    pub fn may_be_repeated(&self, until: Timestamp, key_retention_ms: u64) -> bool {
        match self.class {
            Class::Read | Class::Idempotent => true,
            Class::Keyed => until.since_ms(self.time) < key_retention_ms,
            Class::Transactional | Class::Unsafe => false,
        }
    }
}

/// One call that leaves the sandbox, as the guest made it: before secrets and credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// `sql-write.execute`, `http-read.fetch`, …
    pub function: String,
    pub class: Class,
    /// The arguments in canonical form; handles stand where secrets will.
    pub arguments: Value,
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The backend did it (or, of a read, answered); the value is what the guest got.
    Applied(Value),
    /// The backend answered, and for certain did not do it; the value is what the guest got.
    Declined(Value),
    /// The backend refused, or nothing was sent: for certain not applied.
    Refused(Error),
}

impl Outcome {
    pub fn is_applied(&self) -> bool {
        matches!(self, Outcome::Applied(_))
    }
}

/// One line of an attempt's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// An attempt goes on from here, live: every earlier entry with this `seq` or a later one is void. Its time is the guest's from here on.
    Begun {
        seq: u32,
        time: Timestamp,
        /// A look at the backend has shown that no write whose answer was lost before this was applied.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        settled: bool,
    },
    /// About to be sent. Durable before the first byte leaves (reads excepted).
    Intent {
        seq: u32,
        time: Timestamp,
        request_hash: String,
        request: Request,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Proof>,
    },
    /// How it ended. Durable before the guest sees it (reads excepted).
    Outcome { seq: u32, time: Timestamp, outcome: Outcome },
}

impl Entry {
    pub fn seq(&self) -> u32 {
        match self {
            Entry::Begun { seq, .. } | Entry::Intent { seq, .. } | Entry::Outcome { seq, .. } => *seq,
        }
    }

    pub fn time(&self) -> Timestamp {
        match self {
            Entry::Begun { time, .. } | Entry::Intent { time, .. } | Entry::Outcome { time, .. } => *time,
        }
    }
}

/// What an operation is known to have changed: computed by the host from the journal, never claimed by a driver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    #[default]
    None,
    Applied,
    /// A write was sent and its answer is not known.
    Unknown,
}

impl Effect {
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::None => "none",
            Effect::Applied => "applied",
            Effect::Unknown => "unknown",
        }
    }
}
