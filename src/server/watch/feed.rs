//! One watcher's place in the events of its project.
//!
//! Nothing is queued for it: it reads the next batch from the store when its client has taken the last one, so a slow
//! client costs a cursor, and a fast one is woken by the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use tonic::Status;

use crate::pb;
use crate::server::convert;
use crate::server::core::{BATCH, Core};
use crate::server::status;

use super::beginning::Beginning;
use super::{Scope, token};

/// A client hears at least so often how far it is.
const BOOKMARK_EVERY: Duration = Duration::from_secs(30);

/// So many revisions that were not for this watcher are worth a bookmark: resuming behind them is cheaper.
const QUIET_REVISIONS: u64 = 1_000;

/// A busy store wakes every watcher at every commit; each reads at most so often. After a while of rest it reads at once.
const BETWEEN_READS: Duration = Duration::from_millis(10);

pub struct Feed {
    core: Arc<Core>,
    scope: Scope,
    changes: watch::Receiver<u64>,
    /// Still to be listed; `None` once the changes follow.
    beginning: Option<Beginning>,
    /// Read and not yet taken: one batch at most.
    ready: VecDeque<pb::WatchResponse>,
    /// Everything up to this revision was read.
    seen: u64,
    /// The revision of the last token that was given out, and when.
    told: u64,
    told_at: Instant,
    read_at: Instant,
    /// Given back when the watch ends.
    _slot: Arc<OwnedSemaphorePermit>,
}

impl Feed {
    pub async fn begin(
        core: Arc<Core>,
        scope: Scope,
        resume: Option<u64>,
        slot: Arc<OwnedSemaphorePermit>,
    ) -> Result<Self, Status> {
        let changes = core.store.changes();
        // Before the first look at any record: whatever changes from here on is told as a change.
        let seen = match resume {
            Some(revision) => revision,
            None => core.store.revision(scope.project.as_str()).await?,
        };
        let beginning = resume.is_none().then(|| Beginning::new(&scope));
        let mut feed = Self {
            core,
            scope,
            changes,
            beginning,
            ready: VecDeque::new(),
            seen,
            told: seen,
            told_at: Instant::now(),
            read_at: Instant::now(),
            _slot: slot,
        };
        if resume.is_some() {
            // A token that is too old is refused at once.
            feed.read().await?;
        }
        Ok(feed)
    }

    /// The next thing to tell; waits for it. A watch has no end of its own.
    pub async fn next(&mut self) -> Result<pb::WatchResponse, Status> {
        loop {
            if let Some(response) = self.ready.pop_front() {
                return Ok(response);
            }
            match &mut self.beginning {
                Some(beginning) => {
                    if !beginning.advance(&self.core, &mut self.ready).await? {
                        self.beginning = None;
                        self.bookmark();
                    }
                }
                None => self.follow().await?,
            }
        }
    }

    /// One batch of changes, a bookmark, or a sleep until there may be either.
    async fn follow(&mut self) -> Result<(), Status> {
        // Marked before reading: a commit that comes meanwhile ends the sleep below at once.
        self.changes.borrow_and_update();
        let all = self.read().await?;
        if !self.ready.is_empty() {
            return Ok(());
        }
        if self.seen.saturating_sub(self.told) >= QUIET_REVISIONS {
            self.bookmark();
            return Ok(());
        }
        if !all {
            return Ok(());
        }
        tokio::select! {
            changed = self.changes.changed() => {
                changed.map_err(|_| status::unavailable("the core is stopping"))?;
                tokio::time::sleep_until(self.read_at + BETWEEN_READS).await;
            }
            () = tokio::time::sleep_until(self.told_at + BOOKMARK_EVERY) => self.bookmark(),
            () = self.core.shutdown.cancelled() => {
                return Err(status::unavailable("the core is stopping: resume the watch when it is back"));
            }
        }
        Ok(())
    }

    /// Reads one batch; true if that was all there is.
    async fn read(&mut self) -> Result<bool, Status> {
        self.read_at = Instant::now();
        let project = &self.scope.project;
        let (events, upto) = self.core.store.events(project.as_str(), self.seen, BATCH).await?;
        let all = events.len() < BATCH as usize;
        for recorded in events {
            self.seen = recorded.revision;
            if !self.scope.tells(&recorded.event.order) {
                continue;
            }
            let resume = token::write(project, recorded.revision);
            if let Some(response) = convert::watch::event(recorded.event, resume) {
                self.ready.push_back(response);
                self.told = self.seen;
                self.told_at = Instant::now();
            }
        }
        if all {
            self.seen = self.seen.max(upto);
        }
        Ok(all)
    }

    fn bookmark(&mut self) {
        self.ready.push_back(convert::watch::bookmark(token::write(&self.scope.project, self.seen)));
        self.told = self.seen;
        self.told_at = Instant::now();
    }
}
