//! The journal as an attempt sees it: a place where entries become durable.
//!
//! `engine/journal.rs` implements it over the store, the workbench and tests in memory.

pub mod memory;

use async_trait::async_trait;

use crate::domain::contract::Claim;
use crate::domain::effect::Entry;
use crate::domain::secret::Fresh;

/// What becomes durable together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub entries: Vec<Entry>,
    pub secrets: Vec<Fresh>,
    /// The latest `claims.checkpoint`, if there was one since the last commit.
    pub claim: Option<Claim>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.secrets.is_empty() && self.claim.is_none()
    }
}

/// The journal could not be written: the attempt ends, nothing further may leave.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Another process owns the shard, or the operation moved on without this attempt.
    #[error("this attempt was fenced off: {0}")]
    Fenced(String),
    #[error("cannot write the journal: {0}")]
    Store(String),
}

/// Called by capabilities, in the order of effects, never concurrently within one attempt.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends the batch. The first one of an attempt opens with `Entry::Begun`, which voids what stood behind the cut
    /// (`replay::effective` applies that rule to a whole record). All of it is durable when this returns `Ok`; none of it is to be relied on otherwise.
    async fn commit(&self, batch: Batch) -> Result<(), Error>;
}
