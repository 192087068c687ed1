//! PostgreSQL as a SQL backend, spoken to in the extended protocol.
//!
//! Reads run as one statement in a READ ONLY transaction that is always rolled back, under a role that cannot do more. What
//! writes answers either with proof or with `Failure::Lost`. Must never know what a statement is for, or see a handle.
//!
//! A statement that carries a secret reaches the server's own log if the server logs statements; therefore passwords go as
//! SCRAM verifiers, which is seen to before a statement comes here.

mod endpoint;
mod tls;
mod meter;
mod door;
mod role;
mod pool;
pub mod lexer;
pub mod literal;
pub mod statement;
mod session;
mod transaction;
mod param;
mod result;
mod cell;
mod text;
mod numeric;
mod array;
mod error;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use crate::capability::failure::unavailable;
use crate::capability::pattern::matches;
use crate::capability::rate::Rate;
use crate::capability::settings::Settings;
use crate::domain::contract::{Error, ErrorKind};

use super::{Failure, Fate, Rows, Sql, Statement, Transaction};
use door::{Door, Purpose};
use error::Trouble;
use pool::{Lent, Pool};
use result::Budget;
use session::Session;
use statement::Ready;

/// One PostgreSQL server behind one connection.
pub struct Postgres {
    pool: Arc<Pool>,
    rate: Option<Rate>,
    databases: Vec<String>,
    timeout: Duration,
    identity: OnceCell<String>,
    tells_fates: OnceCell<bool>,
}

impl Postgres {
    /// Connects to nothing yet. Refuses settings that cannot work, with code `CONNECTION_INVALID`.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let name = settings.name.clone();
        let invalid = |what: String| {
            Error::new(ErrorKind::InvalidInput, "CONNECTION_INVALID", format!("connection `{name}`: {what}"))
        };
        if settings.concurrency == 0 || settings.timeout_ms == 0 || settings.rate_per_second == Some(0) {
            return Err(invalid("concurrency, rate and timeout are at least one".to_owned()));
        }
        let timeout = Duration::from_millis(settings.timeout_ms);
        let concurrency = settings.concurrency;
        let rate = settings.rate_per_second.map(Rate::new);
        let databases = settings.databases.clone();
        let door = Door::new(settings).map_err(invalid)?;
        let pool = Arc::new(Pool::new(door, concurrency, timeout));
        Ok(Self { pool, rate, databases, timeout, identity: OnceCell::new(), tells_fates: OnceCell::new() })
    }

    /// The database meant, if the connection may use it. The maintenance database always is: it is what `None` means.
    fn database<'a>(&'a self, asked: Option<&'a str>) -> Result<&'a str, Error> {
        let door = &self.pool.door;
        let Some(asked) = asked else { return Ok(&door.endpoint.database) };
        let allowed = asked == door.endpoint.database || self.databases.iter().any(|pattern| matches(pattern, asked));
        if !allowed || asked.contains('\0') {
            return Err(Error::new(
                ErrorKind::Denied,
                "DATABASE_NOT_ALLOWED",
                format!("connection `{}` does not allow database `{}`", door.connection, asked.escape_debug()),
            ));
        }
        Ok(asked)
    }

    /// A session, once the connection's rate and concurrency allow it.
    async fn admit(&self, purpose: Purpose, database: &str) -> Result<Lent, Error> {
        if let Some(rate) = &self.rate {
            let wait = rate.reserve(Instant::now(), self.timeout).map_err(|wait| self.too_fast(wait))?;
            sleep(wait).await;
        }
        self.pool.take(purpose, database).await
    }

    fn too_fast(&self, wait: Duration) -> Error {
        let message = format!("connection `{}` is used more often than its rate allows", self.pool.door.connection);
        let mut error = Error::new(ErrorKind::Throttled, "RATE_LIMITED", message);
        error.retry_after_ms = Some(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        error
    }

    fn no_answer(&self) -> String {
        format!("no answer within {} ms", self.timeout.as_millis())
    }

    async fn writer(&self, database: Option<&str>) -> Result<Lent, Error> {
        let database = self.database(database)?;
        if !self.pool.door.can_write() {
            return Err(self.pool.door.read_only());
        }
        self.admit(Purpose::Apply, database).await
    }

    /// Whether the server numbers transactions and tells later what became of them. Those that only speak like PostgreSQL do not.
    async fn tells_fates(&self, session: &Session) -> Result<bool, Error> {
        let asked = self.tells_fates.get_or_try_init(|| transaction::tells_fates(session));
        timeout(self.timeout, asked).await.map_err(|_| unavailable(self.no_answer()))?.copied()
    }
}

#[async_trait]
impl Sql for Postgres {
    async fn query(&self, database: Option<&str>, statement: &Statement) -> Result<Rows, Error> {
        let database = self.database(database)?;
        let ready = Ready::read(statement)?;
        let mut lent = self.admit(Purpose::Observe, database).await?;
        match timeout(self.timeout, read(&mut lent.session, &ready)).await {
            Ok(Ok(rows)) => {
                self.pool.give_back(lent).await;
                Ok(rows)
            }
            Ok(Err(trouble)) => Err(trouble.into_error()),
            Err(_) => Err(unavailable(self.no_answer())),
        }
    }

    async fn begin(&self, database: Option<&str>, statements: &[Statement]) -> Result<Box<dyn Transaction>, Error> {
        let ready = Ready::writes(statements)?;
        let lent = self.writer(database).await?;
        let tells_fates = self.tells_fates(&lent.session).await?;
        match timeout(self.timeout, transaction::Open::begin(lent, &ready, tells_fates)).await {
            Ok(begun) => Ok(Box::new(begun?.within(self.pool.clone(), self.timeout))),
            Err(_) => Err(unavailable(self.no_answer())),
        }
    }

    async fn fate(&self, transaction: &str) -> Result<Fate, Error> {
        let lent = self.pool.take(Purpose::Observe, &self.pool.door.endpoint.database).await?;
        if !self.tells_fates(&lent.session).await? {
            return Ok(Fate::Unknown);
        }
        let fate = timeout(self.timeout, transaction::fate(&lent.session, transaction)).await;
        let fate = fate.map_err(|_| unavailable(self.no_answer()))??;
        self.pool.give_back(lent).await;
        Ok(fate)
    }

    async fn execute(&self, database: Option<&str>, statement: &Statement) -> Result<Rows, Failure> {
        let ready = Ready::write(statement).map_err(Failure::Refused)?;
        let mut lent = self.writer(database).await.map_err(Failure::Refused)?;
        match timeout(self.timeout, lent.session.run(&ready, &mut Budget::new())).await {
            Ok(Ok(rows)) => {
                self.pool.give_back(lent).await;
                Ok(rows)
            }
            Ok(Err(Trouble::Refused(error))) => Err(Failure::Refused(error)),
            Ok(Err(Trouble::Broken(message))) => Err(Failure::Lost(message)),
            Ok(Err(Trouble::TooLarge)) => Err(Failure::Lost(error::TOO_LARGE.to_owned())),
            Err(_) => Err(Failure::Lost(self.no_answer())),
        }
    }

    async fn identity(&self) -> Result<String, Error> {
        self.identity.get_or_try_init(|| self.identify()).await.cloned()
    }

    async fn check(&self) -> Result<Vec<String>, Error> {
        let door = &self.pool.door;
        let mut warnings = Vec::new();
        let reader = self.pool.take(Purpose::Observe, &door.endpoint.database).await?;
        self.pool.give_back(reader).await;
        if !door.reads_apart() {
            warnings.push(
                "reads use the writing credential: nothing but READ ONLY transactions holds them to reading".to_owned(),
            );
        }
        if !door.can_write() {
            warnings.push("there is no writing credential: every write is refused".to_owned());
            return Ok(warnings);
        }
        let writer = self.pool.take(Purpose::Apply, &door.endpoint.database).await?;
        if role::powers(&writer.session).await?.iter().any(|power| power == "SUPERUSER") {
            warnings
                .push("the writing credential is a superuser's: a role with CREATEDB and CREATEROLE does".to_owned());
        }
        self.pool.give_back(writer).await;
        Ok(warnings)
    }
}

impl Postgres {
    async fn identify(&self) -> Result<String, Error> {
        let endpoint = &self.pool.door.endpoint;
        let lent = self.pool.take(Purpose::Observe, &endpoint.database).await?;
        let asked = lent.session.client.query_one("select system_identifier from pg_catalog.pg_control_system()", &[]);
        match timeout(self.timeout, asked).await.map_err(|_| unavailable(self.no_answer()))? {
            Ok(row) => {
                let number: i64 = row.try_get(0).map_err(|error| Trouble::of(&error, false).into_error())?;
                self.pool.give_back(lent).await;
                Ok(format!("postgres:{}", number.cast_unsigned()))
            }
            // Not permitted, or a server that only speaks like PostgreSQL.
            Err(error) if matches!(error.code().map(|code| code.code()), Some("42501" | "42883")) => {
                Ok(format!("postgres://{}:{}", endpoint.host.to_ascii_lowercase(), endpoint.port))
            }
            Err(error) => Err(Trouble::of(&error, false).into_error()),
        }
    }
}

/// Rolled back even when it succeeds: what PostgreSQL lets happen in spite of READ ONLY does not stay (large objects before
/// version 16, the table of an `EXPLAIN ANALYZE CREATE TABLE AS`).
async fn read(session: &mut Session, ready: &Ready<'_>) -> Result<Rows, Trouble> {
    session.command("BEGIN READ ONLY", false).await?;
    let rows = session.run(ready, &mut Budget::new()).await?;
    session.command("ROLLBACK", false).await?;
    Ok(rows)
}
