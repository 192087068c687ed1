//! Connections kept for reuse, and the bound on how many requests are under way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::domain::contract::{Error, ErrorKind};

use super::door::Line;
use super::rule::Kind;

/// An idle connection older than this is closed instead of used.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// For a write it is less: a backend that hangs up just as a write is on its way leaves a doubt behind.
const IDLE_LIMIT_OF_WRITES: Duration = Duration::from_secs(2);

pub(super) struct Pool {
    connection: String,
    size: usize,
    turns: Arc<Semaphore>,
    /// Oldest first; never more than `size`.
    idle: Mutex<Vec<(Line, Instant)>>,
}

impl Pool {
    pub(super) fn new(connection: String, size: u32) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { connection, size, turns: Arc::new(Semaphore::new(size)), idle: Mutex::default() }
    }

    /// A turn: as long as it is held, one request more is under way.
    pub(super) async fn turn(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Error> {
        match timeout(patience, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(self.busy()),
        }
    }

    /// The youngest idle connection; those that have waited too long are closed on the way.
    pub(super) fn take(&self, kind: Kind) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(line, since)| since.elapsed() < IDLE_LIMIT && !line.is_closed());
        let limit = if kind == Kind::Write { IDLE_LIMIT_OF_WRITES } else { IDLE_LIMIT };
        idle.pop_if(|(_, since)| since.elapsed() < limit).map(|(line, _)| line)
    }

    /// For connections whose last answer was read to its end.
    pub(super) fn give_back(&self, line: Line) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() == self.size {
            idle.remove(0);
        }
        idle.push((line, Instant::now()));
    }

    fn busy(&self) -> Error {
        let message =
            format!("connection `{}` has {} requests under way, as many as it may", self.connection, self.size);
        let mut error = Error::new(ErrorKind::Throttled, "CONNECTION_BUSY", message);
        error.retry_after_ms = Some(1_000);
        error
    }
}
