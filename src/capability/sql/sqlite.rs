//! SQLite: a connection is a directory, a database is a file `<name>.db` in it.
//!
//! Opening never creates. What makes and removes files are two statements that vend answers itself (`catalog`); everything else runs
//! inside one file, on a thread of its own, held by `guard` to what a driver's statement may do.

mod catalog;
mod guard;
mod inline;
mod run;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::capability::convert::cause;
use crate::capability::settings::Settings;
use crate::domain::contract::{Error, ErrorKind};

use super::{Failure, Fate, Rows, Sql, Statement, Transaction};
use catalog::Catalog;

/// What all calls share.
#[derive(Clone)]
pub struct Directory {
    place: Arc<Place>,
    slots: Arc<Semaphore>,
    timeout: Duration,
}

/// Where the files lie and which of them may be used.
struct Place {
    path: PathBuf,
    connection: String,
    patterns: Vec<String>,
    identity: OnceLock<String>,
}

impl Directory {
    /// Touches nothing. `path` is absolute.
    pub fn new(path: PathBuf, settings: Settings) -> Result<Self, Error> {
        if !path.is_absolute() {
            let message =
                format!("connection `{}`: the endpoint of a SQLite connection is an absolute directory", settings.name);
            return Err(Error::new(ErrorKind::InvalidInput, "DIRECTORY_NOT_ABSOLUTE", message));
        }
        Ok(Self {
            place: Arc::new(Place {
                path,
                connection: settings.name,
                patterns: settings.databases,
                identity: OnceLock::new(),
            }),
            slots: Arc::new(Semaphore::new(settings.concurrency.max(1) as usize)),
            timeout: Duration::from_millis(settings.timeout_ms.max(1)),
        })
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(self.timeout, self.slots.clone().acquire_owned()).await;
        let busy = || {
            Error::new(
                ErrorKind::Throttled,
                "CONNECTION_BUSY",
                format!("connection `{}` is busy", self.place.connection),
            )
        };
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Runs `work` where it may block, within the time that one call has.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place, Instant) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = self.turn().await.map_err(Failure::Refused)?;
        let (place, timeout) = (self.place.clone(), self.timeout);
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&place, Instant::now() + timeout)
        });
        task.await.unwrap_or_else(|error| Err(Failure::Lost(error.to_string())))
    }

    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place, Instant) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match self.blocking(move |place, deadline| work(place, deadline).map_err(Failure::Refused)).await {
            Ok(answer) => Ok(answer),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Lost(why)) => Err(Error::new(ErrorKind::Internal, "SQLITE_ABORTED", why)),
        }
    }
}

impl Place {
    /// The directory by its one real path; made if its parent is there.
    fn directory(&self) -> Result<PathBuf, Error> {
        let failed = |error: std::io::Error| {
            let message =
                format!("the directory of connection `{}` cannot be used: {}", self.connection, cause(&error));
            Error::new(ErrorKind::Unavailable, "DIRECTORY_UNUSABLE", message)
        };
        match std::fs::create_dir(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        self.path.canonicalize().map_err(failed)
    }

    fn catalog(&self) -> Result<Catalog<'_>, Error> {
        Ok(Catalog { directory: self.directory()?, patterns: &self.patterns, connection: &self.connection })
    }
}

#[async_trait]
impl Sql for Directory {
    async fn query(&self, database: Option<&str>, statement: &Statement) -> Result<Rows, Error> {
        let (database, statement) = (database.map(str::to_owned), statement.clone());
        self.reading(move |place, deadline| {
            let catalog = place.catalog()?;
            let connection = match &database {
                Some(name) => run::open_to_read(&catalog.file(name)?, deadline)?,
                None => catalog.as_database(deadline)?,
            };
            run::query(connection, &statement)
        })
        .await
    }

    async fn begin(&self, database: Option<&str>, statements: &[Statement]) -> Result<Box<dyn Transaction>, Error> {
        let (database, statements) = (database.map(str::to_owned), statements.to_vec());
        let file = self.reading(move |place, _| named(&place.catalog()?, database.as_deref())).await?;
        Ok(Box::new(Prepared { directory: self.clone(), file, statements }))
    }

    async fn fate(&self, _transaction: &str) -> Result<Fate, Error> {
        Ok(Fate::Unknown)
    }

    async fn execute(&self, database: Option<&str>, statement: &Statement) -> Result<Rows, Failure> {
        let (database, statement) = (database.map(str::to_owned), statement.clone());
        self.blocking(move |place, deadline| {
            let catalog = place.catalog().map_err(Failure::Refused)?;
            if database.is_none() {
                return catalog.execute(&statement);
            }
            let file = named(&catalog, database.as_deref()).map_err(Failure::Refused)?;
            let connection = run::open_to_write(&file, deadline).map_err(Failure::Refused)?;
            run::execute(connection, &statement)
        })
        .await
    }

    async fn identity(&self) -> Result<String, Error> {
        if let Some(known) = self.place.identity.get() {
            return Ok(known.clone());
        }
        let found = self.reading(|place, _| Ok(format!("sqlite:{}", place.directory()?.display()))).await?;
        Ok(self.place.identity.get_or_init(|| found).clone())
    }

    async fn check(&self) -> Result<Vec<String>, Error> {
        self.reading(|place, _| {
            place.catalog()?.names()?;
            Ok(Vec::new())
        })
        .await
    }
}

/// SQLite keeps no numbers of transactions, so this one runs as a whole when it is committed.
struct Prepared {
    directory: Directory,
    file: PathBuf,
    statements: Vec<Statement>,
}

#[async_trait]
impl Transaction for Prepared {
    fn proof(&self) -> Option<(&str, &[Rows])> {
        None
    }

    async fn commit(self: Box<Self>) -> Result<Vec<Rows>, Failure> {
        let Prepared { directory, file, statements } = *self;
        directory
            .blocking(move |_, deadline| {
                let connection = run::open_to_write(&file, deadline).map_err(Failure::Refused)?;
                run::transact(connection, &statements)
            })
            .await
    }
}

fn named(catalog: &Catalog, database: Option<&str>) -> Result<PathBuf, Error> {
    let name = database.ok_or_else(|| {
        let message =
            "without a database there are only `CREATE DATABASE name` and `DROP DATABASE name`, one at a time";
        Error::new(ErrorKind::InvalidInput, "DATABASE_MISSING", message)
    })?;
    catalog.file(name)
}

/// Makes what was done in `directory` survive a loss of power.
fn sync(directory: &Path) -> std::io::Result<()> {
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
