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
    Begun { seq: u32, time: Timestamp },
    /// About to be sent. Durable before the first byte leaves (reads excepted).
    Intent { seq: u32, time: Timestamp, request_hash: String, request: Request },
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
