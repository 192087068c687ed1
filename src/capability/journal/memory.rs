//! A journal in memory, for the workbench and for tests: readable, and made to fail where a test wants it.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use crate::domain::contract::Claim;
use crate::domain::effect::Entry;
use crate::domain::secret::Fresh;

use super::{Batch, Error, Journal};
use crate::capability::replay;
use crate::capability::tape::Past;

/// What was committed so far.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// In the order of commits, void ones included.
    pub entries: Vec<Entry>,
    pub secrets: Vec<Fresh>,
    pub claim: Option<Claim>,
    pub commits: usize,
}

/// Keeps every batch until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    record: Mutex<Record>,
    /// The commit, counted from 1, that fails and after which all others do.
    fail_at: Option<usize>,
}

impl MemoryJournal {
    pub fn new() -> Self {
        Self::default()
    }

    /// A journal whose `commit`th commit fails, as do all behind it.
    pub fn failing_at(commit: usize) -> Self {
        Self { fail_at: Some(commit), ..Self::default() }
    }

    pub fn record(&self) -> Record {
        self.lock().clone()
    }

    /// The effective entries: what a next attempt gets as its history.
    pub fn history(&self) -> Vec<Entry> {
        replay::effective(self.lock().entries.clone())
    }

    /// What a next attempt knows of those before it, where no key has a retention.
    pub fn past(&self) -> Past {
        let record = self.lock().entries.clone();
        let unanswered = replay::unanswered(&record);
        Past { history: replay::effective(record), unanswered, key_retention_ms: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let mut record = self.lock();
        if self.fail_at.is_some_and(|at| record.commits + 1 >= at) {
            return Err(Error::Store("made to fail".to_owned()));
        }
        record.commits += 1;
        record.entries.extend(batch.entries);
        record.secrets.extend(batch.secrets);
        record.claim = batch.claim.or(record.claim.take());
        Ok(())
    }
}
