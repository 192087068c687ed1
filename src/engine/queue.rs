//! Which operations run now: always found by asking the store what is due; signals only wake it early.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::reason::Reason;
use crate::store::{self, Commit, Site, Write};

use super::journal::tally;
use super::{Engine, Error};

/// The longest sleep: what is due is looked for at least this often.
const POLL: Duration = Duration::from_secs(1);
/// How long attempts may go on after the stop was asked for.
const GRACE: Duration = Duration::from_secs(10);
/// Steps one operation takes in a row before it queues again.
const STEPS: u32 = 64;

impl Engine {
    /// Works until `shutdown`. Attempts that are still going then have a grace period; what they leave is picked up at the
    /// next start.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), Error> {
        let room = Arc::new(Semaphore::new(self.concurrency));
        let tasks = TaskTracker::new();
        while !shutdown.is_cancelled() {
            let wait = match self.start_due(&room, &tasks).await {
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

    /// Starts what is due and says how long there is nothing more to do.
    async fn start_due(self: &Arc<Self>, room: &Arc<Semaphore>, tasks: &TaskTracker) -> Result<Duration, Error> {
        let now = self.clock.now();
        let free = room.available_permits();
        if free == 0 {
            return Ok(POLL);
        }
        let limit = u32::try_from(self.running() + free).unwrap_or(u32::MAX);
        for operation in self.store.due(now, limit).await? {
            let Some(resource) = operation.resource.clone() else { continue };
            let Ok(permit) = room.clone().try_acquire_owned() else { return Ok(POLL) };
            if !self.busy.lock().expect("nothing panics while holding it").insert(resource.to_string()) {
                continue;
            }
            let engine = self.clone();
            tasks.spawn(async move {
                engine.work(&operation.id).await;
                engine.busy.lock().expect("nothing panics while holding it").remove(resource.as_str());
                drop(permit);
                engine.wake.notify_one();
            });
        }
        let next = self.store.next_due(now).await?;
        Ok(next.map_or(POLL, |at| Duration::from_millis(at.since_ms(now)).min(POLL)))
    }

    async fn work(&self, id: &OperationId) {
        for _ in 0..STEPS {
            match self.step(id).await {
                Ok(true) => {}
                Ok(false) => return,
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
        match self.store.commit(commit).await {
            Ok(()) | Err(store::Error::Conflict { .. }) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}
