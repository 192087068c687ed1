//! Looking at what is due, one after the other, beside the queue. Who is due is found by an index, and nobody looks for it before
//! the next one is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::id::ResourceId;
use crate::domain::time::Timestamp;
use crate::stock::interval::DEFAULT_MS;
use crate::store::{Commit, Site, Write};

use super::keep::due;
use super::line::Line;
use crate::engine::{Engine, Error};

/// The longest sleep, should a clock be set or a word be missed.
const POLL: Duration = Duration::from_secs(30);
/// The line is not filled more often than this.
const PAUSE: Duration = Duration::from_millis(500);
const PAGE: u32 = 256;
/// Of those that are due, so many are looked through for some whose connections have room.
const PAGES: u32 = 8;
/// How long looks may go on after the stop was asked for.
const GRACE: Duration = Duration::from_secs(5);

impl Engine {
    /// Until `shutdown`.
    pub async fn observe_all(self: Arc<Self>, shutdown: CancellationToken) {
        let (mut line, mut looks) = (Line::default(), JoinSet::new());
        let mut at_work = HashMap::new();
        let mut filled: Option<Instant> = None;
        loop {
            let fills = line.has_room() && filled.is_none_or(|at| at.elapsed() >= PAUSE);
            let mut wait = PAUSE;
            if fills {
                filled = Some(Instant::now());
                wait = match self.line_up(&mut line).await {
                    Ok(wait) => wait,
                    Err(error) => {
                        tracing::error!("cannot see whose turn it is to be looked at: {error}");
                        POLL
                    }
                };
            }
            while let Some(due) = line.take() {
                let (engine, id) = (Arc::clone(&self), due.resource.clone());
                let look = looks.spawn(async move { engine.look_or_leave(&id).await });
                at_work.insert(look.id(), due);
            }
            tokio::select! {
                Some(ended) = looks.join_next_with_id() => {
                    if let Some(due) = at_work.remove(&id(ended)) {
                        line.done(&due);
                    }
                }
                () = self.observing.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => break,
            }
        }
        let all = async { while looks.join_next().await.is_some() {} };
        // What is cut off is due at the next start.
        let _ = tokio::time::timeout(GRACE, all).await;
    }

    /// One whose record is damaged has its turn again when others have had theirs.
    async fn look_or_leave(&self, id: &ResourceId) {
        let Err(error) = self.look_at_due(id).await else { return };
        tracing::warn!(resource.id = %id, "cannot be looked at: {error}");
        if matches!(error, Error::Store(_)) {
            return tokio::time::sleep(PAUSE).await;
        }
        let Ok(Some(resource)) = self.store.resource(id).await else { return };
        let mut commit = Commit::new(Site::Audit);
        commit.writes.push(Write::ResetObservation {
            project: resource.name.order.project.to_string(),
            resource: resource.id,
            generation: resource.observed_generation,
            due: due(Some(DEFAULT_MS), self.clock.now(), self.roll_at_all()),
        });
        if let Err(error) = self.put(commit).await {
            tracing::warn!(resource.id = %id, "cannot be put off either: {error}");
        }
    }

    /// Puts those that are due into the line, and says how long there is nothing more to do.
    async fn line_up(&self, line: &mut Line) -> Result<Duration, Error> {
        let now = self.clock.now();
        let mut after = None;
        for _ in 0..PAGES {
            let page = self.store.due_observations(after.as_ref(), now, PAGE).await?;
            let full = page.len() == PAGE as usize;
            after = page.last().map(|it| (it.due, it.resource.clone()));
            page.into_iter().for_each(|it| line.add(it));
            if !full || line.is_full() {
                break;
            }
        }
        if !line.is_idle() {
            return Ok(PAUSE);
        }
        let next = self.store.next_observation().await?;
        Ok(next.map_or(POLL, |next| Duration::from_millis(next.since_ms(now)).clamp(PAUSE, POLL)))
    }

    /// A look will be due then: the one who looks may have meant to sleep for longer.
    pub(in crate::engine) fn looks_at(&self, due: Option<Timestamp>, now: Timestamp) {
        if due.is_some_and(|due| due.since_ms(now) < u64::try_from(POLL.as_millis()).unwrap_or(u64::MAX)) {
            self.observing.notify_one();
        }
    }
}

fn id(ended: Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((id, ())) => id,
        Err(error) => {
            tracing::error!("a look was broken off: {error}");
            error.id()
        }
    }
}
