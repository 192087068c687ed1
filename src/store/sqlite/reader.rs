//! A few connections that can only read, lent out one query at a time: some for what may take its time, on threads where that is allowed,
//! some for a few rows by their key.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::hook::Hooks;
use super::open::plan_once;
use crate::store::Error;
use crate::telemetry::metrics::metrics;

const READERS: usize = 4;
/// As many as there are threads that run tasks, and no more than these; who finds none reads like the others.
const GLANCERS: usize = 16;
/// Nobody waits longer for a connection.
const WAIT: Duration = Duration::from_secs(10);
const ACTION: &str = "read from the store";

pub struct Readers {
    free: Arc<Semaphore>,
    idle: Arc<Idle>,
    glancing: Arc<Idle>,
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
        let some = |count: usize, cache_kib: i64| {
            let connections: Result<Vec<_>, _> = (0..count).map(|_| connect(path, cache_kib)).collect();
            Ok::<_, rusqlite::Error>(Arc::new(Idle(Mutex::new(connections?))))
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (idle, glancing) = (some(READERS, 8_192)?, some(threads.min(GLANCERS), 2_048)?);
        Ok(Self { free: Arc::new(Semaphore::new(READERS)), idle, glancing, hooks })
    }

    /// Runs a query for a few rows by their key right here, which takes less time than to hand it to another thread; like [`Readers::read`]
    /// where all connections are lent out.
    pub async fn glance<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.hooks.check()?;
        metrics().read("key");
        let Some(connection) = self.glancing.take() else { return self.run(query).await };
        let loan = Loan { connection: Some(connection), idle: Arc::clone(&self.glancing) };
        query(loan.connection.as_ref().expect("it was just put there"))
    }

    /// Runs `query` where blocking is allowed. It sees everything that was committed before it begins.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.hooks.check()?;
        metrics().read("list");
        self.run(query).await
    }

    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let free = tokio::time::timeout(WAIT, Arc::clone(&self.free).acquire_owned());
        let permit = free.await.map_err(|elapsed| Error::Backend { action: ACTION, source: elapsed.into() })?;
        let permit = permit.map_err(|_| Error::Closed)?;
        let idle = Arc::clone(&self.idle);
        let work = tokio::task::spawn_blocking(move || {
            let loan = Loan { connection: idle.take(), idle };
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

fn connect(path: &Path, cache_kib: i64) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.busy_timeout(WAIT)?;
    connection.set_prepared_statement_cache_capacity(64);
    plan_once(&connection)?;
    Ok(connection)
}

impl Idle {
    fn take(&self) -> Option<Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
