//! A restored store, and what became of its resources since the backup was made: suspected until their drivers have looked.

use serde::{Deserialize, Serialize};

use super::id::ResourceId;
use super::time::Timestamp;

/// That a store is what a backup was restored to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Counts the lives of the store: the first was never restored, so that this is 2 or more.
    pub incarnation: u32,
    /// When the backup was made: nothing that was done later is on record.
    pub backup_time: Timestamp,
    pub restore_time: Timestamp,
}

impl Restored {
    /// No generation up to this one is used again: the seconds of the time of the restoration, where no counter of changes comes to.
    /// So no idempotency key of the lost time, which the generation is part of, is ever derived again for something else, however often
    /// the same backup is restored.
    pub fn generations_before(&self) -> u64 {
        self.restore_time.ms() / 1_000
    }
}

/// A resource of a restored store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    pub resource: ResourceId,
    /// While this holds no attempt of an operation on it starts.
    pub open: bool,
    /// `None`: nobody has looked yet.
    pub finding: Option<Finding>,
    /// What was found, in a line.
    pub detail: String,
}

/// What the backend says of a resource, beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// As recorded.
    Confirmed,
    /// There, and other than recorded; or made since.
    Changed,
    /// Recorded, and for certain not there.
    Gone,
    /// It could not be told.
    Unknown,
}

impl Finding {
    pub fn as_str(self) -> &'static str {
        match self {
            Finding::Confirmed => "confirmed",
            Finding::Changed => "changed",
            Finding::Gone => "gone",
            Finding::Unknown => "unknown",
        }
    }
}
