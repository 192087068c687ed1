//! What has been kept for long enough goes: journals of what succeeded are reduced to digests, then operations that have ended
//! go with all that is theirs, and old events. Never what is open, never an audit entry, and no secret: those go with what
//! they belong to.
//!
//! In small commits, one after the other, so that orders do not wait; ended in the middle, it begins there again. Clocks are
//! believed no more than need be: one that is set ahead while the core runs makes nothing old.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::id::OperationId;
use crate::domain::operation::OperationState;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::secret::Sealer;
use crate::store::{Commit, Ended, Filter, JournalRow, Paging, Site, Write};

use super::journal::{field, open};
use super::reduce::reduced;
use super::{Engine, Error};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// After the start there is better to do.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// Between two looks for what may go.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Between two commits.
const PAUSE: Duration = Duration::from_millis(50);
/// Where all steps of drivers are at work, it waits for so long that one of them ends.
const PATIENCE: Duration = Duration::from_secs(1);
/// Of one commit.
const ROWS: usize = 256;
const OPERATIONS: usize = 32;
const EVENTS: u32 = 512;
/// Of the ended ones that are looked at together.
const PAGE: u32 = 64;

/// How long what is kept. What an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Operations of orders that succeeded, with their children and journals, from their end on.
    pub succeeded_ms: u64,
    /// Those that ended otherwise.
    pub failed_ms: u64,
    /// Journals of children that succeeded are whole for so long.
    pub journal_ms: u64,
    pub event_ms: u64,
    /// Events of one shard, whatever their age.
    pub events: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            succeeded_ms: 30 * DAY_MS,
            failed_ms: 90 * DAY_MS,
            journal_ms: 7 * DAY_MS,
            event_ms: 7 * DAY_MS,
            events: 1_000_000,
        }
    }
}

impl Retention {
    fn kept_ms(&self, state: OperationState) -> u64 {
        match state {
            OperationState::Succeeded => self.succeeded_ms,
            _ => self.failed_ms,
        }
    }
}

/// One pass over all there is. What it knows may be lost: the next pass begins anew.
#[derive(Debug, Default)]
pub struct Pass {
    stage: Stage,
    /// It is not later than this, whatever the clock says.
    latest: Option<Timestamp>,
    /// Up to here nothing that has ended may go yet.
    seen: Option<Ended>,
    /// The last row that was reduced of a journal which is larger than a commit.
    row: Option<JournalRow>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Journals,
    Operations,
    Events,
}

impl Engine {
    /// Until `shutdown`.
    pub async fn prune(&self, shutdown: CancellationToken) {
        let (begun, since) = (self.clock.now(), Instant::now());
        let mut pause = FIRST;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
            let elapsed_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            let pass = Pass { latest: Some(begun.plus_ms(elapsed_ms)), ..Pass::default() };
            let ended = tokio::select! {
                ended = self.prune_all(pass) => ended,
                () = shutdown.cancelled() => return,
            };
            if let Err(error) = ended {
                tracing::error!("cannot prune what has been kept for long enough: {error}");
            }
            pause = EVERY;
        }
    }

    /// One pass, whose commits leave room for others.
    pub async fn prune_all(&self, mut pass: Pass) -> Result<(), Error> {
        while self.prune_step(&mut pass).await? {
            tokio::time::sleep(PAUSE).await;
            let begun = Instant::now();
            while self.running() >= self.concurrency && begun.elapsed() < PATIENCE {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// One commit at most. False: the pass is over.
    pub async fn prune_step(&self, pass: &mut Pass) -> Result<bool, Error> {
        let more = match pass.stage {
            Stage::Journals => self.reduce_journals(pass).await?,
            Stage::Operations => self.prune_operations(pass).await?,
            Stage::Events => return self.prune_events(pass).await,
        };
        if !more {
            pass.stage = match pass.stage {
                Stage::Journals => Stage::Operations,
                Stage::Operations | Stage::Events => Stage::Events,
            };
        }
        Ok(true)
    }

    async fn reduce_journals(&self, pass: &mut Pass) -> Result<bool, Error> {
        let until = self.before(pass, self.retention.journal_ms);
        let mark = self.store.reduced_until().await?;
        let page = self.store.ended(mark.as_ref(), until, PAGE).await?;
        let mut commit = Commit::new(Site::Prune);
        let (mut read, mut done) = (0, None);
        for it in page {
            if it.parent.is_some() && it.state == OperationState::Succeeded && self.is_from_before(&it, until) {
                let after = pass.row.take().filter(|row| row.operation == it.id);
                let limit = ROWS - read;
                let rows =
                    self.store.journal_behind(&it.id, after.as_ref(), u32::try_from(limit).unwrap_or(u32::MAX)).await?;
                read += rows.len();
                let last = rows.last().filter(|_| rows.len() == limit).cloned();
                commit.writes.extend(rows.into_iter().filter_map(|row| self.reduced_row(row)));
                if last.is_some() {
                    // There may be more of it.
                    pass.row = last;
                    break;
                }
            }
            done = Some(it);
        }
        let more = pass.row.is_some() || done.is_some();
        commit.writes.extend(done.map(Write::ReducedUntil));
        if !commit.writes.is_empty() {
            self.put(commit).await?;
        }
        Ok(more)
    }

    /// `None` if it is reduced already, or cannot be read: then nobody else can either.
    fn reduced_row(&self, mut row: JournalRow) -> Option<Write> {
        let before = match open(&self.keyring, &row) {
            Ok(payloads) => payloads,
            Err(error) => {
                tracing::warn!(operation.id = %row.operation, "a row of a journal cannot be read, and stays as it is: {error}");
                return None;
            }
        };
        let after: Vec<_> = before.iter().cloned().map(reduced).collect();
        if after == before {
            return None;
        }
        let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: &row.project };
        row.payload = sealer.json(row.operation.as_str(), &field(&row), &after);
        Some(Write::ReduceJournal(row))
    }

    async fn prune_operations(&self, pass: &mut Pass) -> Result<bool, Error> {
        let shortest = self.retention.succeeded_ms.min(self.retention.failed_ms);
        let page = self.store.ended(pass.seen.as_ref(), self.before(pass, shortest), PAGE).await?;
        let mut commit = Commit::new(Site::Prune);
        let more = !page.is_empty();
        for it in page {
            // A child goes with its order's operation.
            let goes =
                it.parent.is_none() && self.is_from_before(&it, self.before(pass, self.retention.kept_ms(it.state)));
            if goes {
                commit.writes.extend(self.family(&it.id).await?);
            }
            if commit.writes.is_empty() {
                pass.seen = Some(it);
            } else if commit.writes.len() >= OPERATIONS {
                break;
            }
        }
        if !commit.writes.is_empty() {
            self.put(commit).await?;
        }
        Ok(more)
    }

    /// Its children, or the first of them, and then itself; nothing if one of them is open.
    async fn family(&self, parent: &OperationId) -> Result<Vec<Write>, Error> {
        let filter = Filter { parent: Some(parent.clone()), ..Filter::default() };
        let paging = Paging { limit: u32::try_from(OPERATIONS).unwrap_or(u32::MAX), after: None };
        let children = self.store.operations(&filter, &paging).await?.items;
        if children.iter().any(|child| !child.state.is_terminal()) {
            return Ok(Vec::new());
        }
        let rows = u32::try_from(ROWS / OPERATIONS).unwrap_or(1);
        let all = children.into_iter().map(|child| child.id).chain([parent.clone()]);
        Ok(all.map(|id| Write::PruneOperation { id, rows }).collect())
    }

    async fn prune_events(&self, pass: &Pass) -> Result<bool, Error> {
        let (before, most) = (self.before(pass, self.retention.event_ms), self.retention.events);
        let Some(shard) = self.store.stale_events(before, most).await?.first().copied() else { return Ok(false) };
        let mut commit = Commit::new(Site::Prune);
        commit.writes.push(Write::PruneEvents { shard, before, most, limit: EVENTS });
        self.put(commit).await?;
        Ok(true)
    }

    fn before(&self, pass: &Pass, kept_ms: u64) -> Timestamp {
        let now = self.clock.now();
        let now = pass.latest.map_or(now, |latest| now.min(latest));
        Timestamp::from_ms(now.ms().saturating_sub(kept_ms))
    }

    /// Nothing has ended before it began, or before there was a store: what says so was written under a clock that was wrong,
    /// and how old it is nobody knows.
    fn is_from_before(&self, it: &Ended, time: Timestamp) -> bool {
        let ended = it.end_time.max(it.id.time());
        ended <= time && ended >= self.store.core_id().time()
    }

    /// Why there is no operation of this id: there never was, or it is not kept any more.
    pub fn no_operation(&self, id: &OperationId) -> Refusal {
        let refusal = Refusal::new(Reason::NotFound, format!("there is no `{id}`"));
        let Retention { succeeded_ms, failed_ms, .. } = self.retention;
        if id.time() > self.before(&Pass::default(), succeeded_ms.min(failed_ms)) {
            return refusal;
        }
        let days = |ms: u64| ms.div_ceil(DAY_MS);
        refusal.hint(format!(
            "if there was one, it is not kept any more: operations that succeeded are kept for {} days, others for {}",
            days(succeeded_ms),
            days(failed_ms)
        ))
    }
}
