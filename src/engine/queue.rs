//! Which operations run now. What is due is found by asking the store; what this process itself makes due it is told in between, which is
//! sooner and costs no look.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::hold::Hold;
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::operation::{Operation, OperationState};
use crate::domain::reason::Reason;
use crate::domain::time::Timestamp;
use crate::store::{self, Commit, Site, Write};

use super::backlog::first;
use super::hold::held::PAGE;
use super::journal::tally;
use super::{Engine, Error};

/// The longest sleep: what is due is looked for at least this often.
const POLL: Duration = Duration::from_secs(1);
/// How long attempts may go on after the stop was asked for.
const GRACE: Duration = Duration::from_secs(10);
/// Steps one operation takes in a row before it queues again.
const STEPS: u32 = 64;
/// Pages of operations that have to wait, put aside in a row before the loop looks at anything else.
const PAGES: u32 = 64;

/// What the loop knows of what is held.
struct Known {
    loaded: Option<Instant>,
    renewals: u64,
}

/// A resource that is worked on: nobody else's until this is dropped.
struct Place {
    engine: Arc<Engine>,
    resource: String,
    operation: OperationId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.engine.leaves_circuits(&self.operation);
        self.engine.busy.lock().expect("nothing panics while holding it").remove(&self.resource);
    }
}

impl Engine {
    /// Works until `shutdown`. Attempts that are still going then have a grace period; what they leave is picked up at the
    /// next start.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), Error> {
        let room = Arc::new(Semaphore::new(self.concurrency));
        let tasks = TaskTracker::new();
        let mut known = Known { loaded: None, renewals: self.stock.renewals() };
        while !shutdown.is_cancelled() {
            let wait = match self.round(&mut known, &room, &tasks).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!("cannot look for work: {error}");
                    POLL
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {}
            }
        }
        tasks.close();
        if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("stopping with {} operations in mid-step: they go on at the next start", self.running());
        }
        Ok(())
    }

    /// Sees to what is held, starts what is due, and says how long there is nothing more to do.
    async fn round(
        self: &Arc<Self>,
        known: &mut Known,
        room: &Arc<Semaphore>,
        tasks: &TaskTracker,
    ) -> Result<Duration, Error> {
        if known.loaded.is_none_or(|at| at.elapsed() >= POLL) {
            // Nothing starts before it is known what must not.
            self.load_holds().await?;
            self.backlog().doubt();
            known.loaded = Some(Instant::now());
        }
        let now = self.clock.now();
        let renewals = self.stock.renewals();
        if renewals != known.renewals {
            self.renew_circuits(now).await?;
            known.renewals = renewals;
        }
        self.call_probes(now).await?;
        let more = self.bring_back().await?;
        let wait = self.start_due(room, tasks).await?;
        Ok(if more { Duration::ZERO } else { wait })
    }

    /// Starts what is due, puts aside what has to wait for something else, and says how long there is nothing more to do.
    async fn start_due(self: &Arc<Self>, room: &Arc<Semaphore>, tasks: &TaskTracker) -> Result<Duration, Error> {
        for _ in 0..PAGES {
            let now = self.clock.now();
            if room.available_permits() == 0 {
                return Ok(POLL);
            }
            let short = self.backlog().is_short(now);
            if short {
                self.ask_store(now).await?;
            }
            let waiting = self.start_page(now, room, tasks).await?;
            if waiting.is_empty() {
                let backlog = self.backlog();
                return Ok(match backlog.next() {
                    _ if backlog.is_short(now) && room.available_permits() > 0 => Duration::ZERO,
                    Some(next) => Duration::from_millis(next.since_ms(now)).min(POLL),
                    None => POLL,
                });
            }
            // There may be many of them before the next that can start.
            self.put_aside(waiting, now).await?;
        }
        Ok(Duration::ZERO)
    }

    async fn ask_store(&self, now: Timestamp) -> Result<(), Error> {
        self.backlog().asking();
        let asked = self.ask_for_a_page(now).await;
        if asked.is_err() {
            self.backlog().doubt();
        }
        asked
    }

    async fn ask_for_a_page(&self, now: Timestamp) -> Result<(), Error> {
        // One due row for each resource that is worked on, and a page beside: nobody is overlooked.
        let limit = PAGE.saturating_add(u32::try_from(self.running()).unwrap_or(u32::MAX));
        let due = self.store.due(now, limit).await?;
        let all = due.len() < limit as usize;
        let next = if all { self.store.next_due(now).await? } else { None };
        let busy = self.busy.lock().expect("nothing panics while holding it");
        let idle =
            due.into_iter().filter_map(|it| Some((it.id, it.resource?))).filter(|it| !busy.contains(it.1.as_str()));
        self.backlog().refill(idle, all, next);
        Ok(())
    }

    /// Those that have to wait, a page at most; others are started as long as there is room.
    async fn start_page(
        self: &Arc<Self>,
        now: Timestamp,
        room: &Arc<Semaphore>,
        tasks: &TaskTracker,
    ) -> Result<Vec<(Operation, Hold)>, Error> {
        let mut waiting = Vec::new();
        while waiting.len() < PAGE as usize {
            let Ok(permit) = room.clone().try_acquire_owned() else { break };
            let Some((id, resource)) = self.backlog().take() else { break };
            if !self.busy.lock().expect("nothing panics while holding it").insert(resource.to_string()) {
                // Whoever works on the resource looks for the next one.
                continue;
            }
            let place = Place { engine: self.clone(), resource: resource.to_string(), operation: id.clone() };
            match self.held_up(&id, now).await {
                Ok(None) => {}
                Ok(Some(held)) => {
                    waiting.push(held);
                    continue;
                }
                Err(error) => {
                    self.backlog().doubt();
                    return Err(error);
                }
            }
            tasks.spawn(async move {
                place.engine.work(&id).await;
                drop(permit);
                let engine = place.engine.clone();
                drop(place);
                engine.follow(&resource).await;
            });
        }
        Ok(waiting)
    }

    /// The operation, and what it has to wait for.
    async fn held_up(&self, id: &OperationId, now: Timestamp) -> Result<Option<(Operation, Hold)>, Error> {
        if self.nothing_holds() {
            return Ok(None);
        }
        let Some(operation) = self.store.operation(id).await? else { return Ok(None) };
        if !operation.state.is_runnable() || operation.held.is_some() {
            return Ok(None);
        }
        Ok(self.waits_for(&operation, now).await?.map(|hold| (operation, hold)))
    }

    /// Of the operations of a resource that nobody works on any more the next may be due.
    async fn follow(&self, resource: &ResourceId) {
        match self.store.open_operations(resource).await {
            Ok(open) => match first(&open) {
                Some((id, resource, due)) if due <= self.clock.now() => {
                    self.backlog().add(id.clone(), resource.clone());
                }
                Some((.., due)) => self.backlog().expect(due),
                None => {}
            },
            Err(error) => {
                tracing::warn!("cannot see what is next for {resource}: {error}");
                self.backlog().doubt();
            }
        }
        self.wake.notify_one();
    }

    /// Commits; what waited for an operation that this has ended begins.
    pub(super) async fn put(&self, commit: Commit) -> Result<(), store::Error> {
        let released = self.store.commit(commit).await?.released;
        if !released.is_empty() {
            self.begin(released, false);
        }
        Ok(())
    }

    /// These are due now, and with `moved` perhaps others.
    pub(super) fn begin(&self, ready: Vec<(OperationId, ResourceId)>, moved: bool) {
        {
            let mut backlog = self.backlog();
            for (id, resource) in ready {
                backlog.add(id, resource);
            }
            if moved {
                backlog.doubt();
            }
        }
        self.wake.notify_one();
    }

    async fn work(&self, id: &OperationId) {
        for step in 0..STEPS {
            match self.step(id, step == 0).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.stumbled(id, &error).await,
            }
            // The next step waits for what has come up meanwhile; it stays due, and the queue puts it aside.
            match self.held_up(id, self.clock.now()).await {
                Ok(None) => {}
                Ok(Some(_)) => return,
                Err(error) => return self.stumbled(id, &error).await,
            }
        }
    }

    /// A step that could not even be tried: the store is in trouble (it will be tried again), or a record is damaged or its
    /// driver gone (a person is needed).
    async fn stumbled(&self, id: &OperationId, error: &Error) {
        tracing::error!(operation.id = %id, "cannot work on an operation: {error}");
        if matches!(error, Error::Store(_)) {
            tokio::time::sleep(POLL).await;
            return;
        }
        if let Err(error) = self.park(id, &error.to_string()).await {
            tracing::error!(operation.id = %id, "cannot park it either: {error}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn park(&self, id: &OperationId, message: &str) -> Result<(), Error> {
        let Some(operation) = self.store.operation(id).await? else { return Ok(()) };
        let now = self.clock.now();
        let after = Operation {
            state: OperationState::NeedsAttention,
            reason: Some(Reason::Internal),
            message: message.to_owned(),
            version: operation.version + 1,
            update_time: now,
            ..operation.clone()
        };
        let mut commit = Commit::new(Site::Operation);
        commit.writes.extend(tally(&after, operation.state, now));
        commit.writes.push(Write::Operation(Box::new(after)));
        match self.put(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}
