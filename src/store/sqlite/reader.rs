//! A few connections that can only read, lent out one query at a time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::hook::Hooks;
use crate::store::Error;

const READERS: usize = 4;
/// Nobody waits longer for a connection.
const WAIT: Duration = Duration::from_secs(10);
const ACTION: &str = "read from the store";

pub struct Readers {
    free: Arc<Semaphore>,
    idle: Arc<Idle>,
    hooks: Arc<Hooks>,
}

struct Idle(Mutex<Vec<Connection>>);

/// A connection on loan: returned when dropped, also by a query that panicked.
struct Loan {
    connection: Option<Connection>,
    idle: Arc<Idle>,
}

impl Readers {
    pub fn open(path: &Path, hooks: Arc<Hooks>) -> Result<Self, rusqlite::Error> {
        let mut idle = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let connection =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -8_192)?;
            connection.busy_timeout(WAIT)?;
            connection.set_prepared_statement_cache_capacity(64);
            idle.push(connection);
        }
        Ok(Self { free: Arc::new(Semaphore::new(READERS)), idle: Arc::new(Idle(Mutex::new(idle))), hooks })
    }

    /// Runs `query` where blocking is allowed. It sees everything that was committed before it begins.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.hooks.check()?;
        let free = tokio::time::timeout(WAIT, Arc::clone(&self.free).acquire_owned());
        let permit = free.await.map_err(|elapsed| Error::Backend { action: ACTION, source: elapsed.into() })?;
        let permit = permit.map_err(|_| Error::Closed)?;
        let idle = Arc::clone(&self.idle);
        let work = tokio::task::spawn_blocking(move || {
            let connection = idle.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let loan = Loan { connection, idle };
            let result = query(loan.connection.as_ref().expect("a permit stands for an idle connection"));
            drop(loan);
            drop(permit);
            result
        });
        work.await.map_err(|error| Error::Backend { action: ACTION, source: error.into() })?
    }

    /// As [`Readers::read`], all of its queries seeing the same state.
    pub async fn snapshot<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let result = query(&transaction);
            transaction.rollback()?;
            result
        })
        .await
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
