//! What a backend has said of a resource last, and when it is asked again.

use serde::{Deserialize, Serialize};

use super::id::ResourceId;
use super::reason::Reason;
use super::resource::Pin;
use super::sealed::Sealed;
use super::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    Ready,
    /// There, and not in working order.
    Unready,
    /// For certain not there.
    Absent,
    /// Nothing was made yet. Never on record.
    Unmade,
}

impl Presence {
    pub fn as_str(self) -> &'static str {
        match self {
            Presence::Ready => "ready",
            Presence::Unready => "unready",
            Presence::Absent => "absent",
            Presence::Unmade => "unmade",
        }
    }
}

/// Of one resource; it goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub resource: ResourceId,
    /// `None`: nobody has looked since it was last made or changed.
    pub presence: Option<Presence>,
    pub presence_since: Option<Timestamp>,
    /// What differs from what was applied, sealed JSON of a list of `Change`; `None`: nothing.
    pub drift: Option<Sealed>,
    pub drift_since: Option<Timestamp>,
    /// The last look could not tell; what was told before stands.
    pub inconclusive: Option<Inconclusive>,
    /// When it was last told.
    pub time: Option<Timestamp>,
    /// The generation of the resource that was applied then: what was told is of this one alone.
    pub generation: u64,
    /// Corrections in a row that did not hold, the one that is under way included.
    pub corrections: u32,
    pub correct_time: Option<Timestamp>,
    /// `None`: nobody asks by themselves.
    pub due: Option<Timestamp>,
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inconclusive {
    pub reason: Reason,
    pub message: String,
    pub since: Timestamp,
}

/// A resource whose turn to be looked at has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueObservation {
    pub resource: ResourceId,
    pub due: Timestamp,
    pub pin: Pin,
}

impl Observation {
    /// Of a resource that nobody has looked at.
    pub fn new(resource: ResourceId, generation: u64) -> Self {
        Self {
            resource,
            presence: None,
            presence_since: None,
            drift: None,
            drift_since: None,
            inconclusive: None,
            time: None,
            generation,
            corrections: 0,
            correct_time: None,
            due: None,
            version: 0,
        }
    }
}
