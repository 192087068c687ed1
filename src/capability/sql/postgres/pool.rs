//! Sessions kept for reuse, and the bound on how many there are.
//!
//! Only sessions to the maintenance database wait here: an idle one elsewhere would stand in the way of dropping that database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::domain::contract::{Error, ErrorKind};

use super::door::{Door, Purpose};
use super::session::Session;

/// An idle session older than this is closed instead of used.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

pub(super) struct Pool {
    pub(super) door: Door,
    /// How long a caller waits for its turn.
    patience: Duration,
    size: usize,
    turns: Arc<Semaphore>,
    /// Oldest first.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    session: Session,
    purpose: Purpose,
    since: Instant,
}

/// A session in somebody's hands. Dropped instead of given back, it is closed.
pub(super) struct Lent {
    pub(super) session: Session,
    purpose: Purpose,
    reusable: bool,
    _turn: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(door: Door, size: u32, patience: Duration) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { door, patience, size, turns: Arc::new(Semaphore::new(size)), idle: Mutex::default() }
    }

    pub(super) async fn take(&self, purpose: Purpose, database: &str) -> Result<Lent, Error> {
        let turn = match timeout(self.patience, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => return Err(self.busy()),
        };
        let reusable = database == self.door.endpoint.database;
        while reusable && let Some(session) = self.pop(purpose) {
            if session.is_alive().await {
                return Ok(Lent { session, purpose, reusable, _turn: turn });
            }
        }
        self.make_room();
        let session = self.door.open(purpose, database).await?;
        Ok(Lent { session, purpose, reusable, _turn: turn })
    }

    /// For sessions on which everything went well and no transaction is open.
    pub(super) async fn give_back(&self, lent: Lent) {
        if !lent.reusable || !lent.session.reset().await {
            return;
        }
        let idle = Idle { session: lent.session, purpose: lent.purpose, since: Instant::now() };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }

    /// The youngest idle session for `purpose`; those that have waited too long are closed on the way.
    fn pop(&self, purpose: Purpose) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < IDLE_LIMIT);
        let index = idle.iter().rposition(|idle| idle.purpose == purpose)?;
        Some(idle.remove(index).session)
    }

    /// Idle sessions count, too: the oldest make way for those in use, whatever their purpose.
    fn make_room(&self) {
        let in_use = self.size - self.turns.available_permits();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while !idle.is_empty() && idle.len() + in_use > self.size {
            idle.remove(0);
        }
    }

    fn busy(&self) -> Error {
        let mut error = Error::new(
            ErrorKind::Throttled,
            "CONNECTION_BUSY",
            format!("all {} sessions of connection `{}` are in use", self.size, self.door.connection),
        );
        error.retry_after_ms = Some(1_000);
        error
    }
}
