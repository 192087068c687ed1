//! A transaction of a driver's: open until it is committed or dropped, and what the server says of it later.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::capability::sql::{Failure, Fate, Rows, Transaction};
use crate::domain::contract::Error;

use super::error::Trouble;
use super::pool::{Lent, Pool};
use super::result::Budget;
use super::session::Session;
use super::statement::Ready;

/// Its statements have run, and nothing of them stays before the commit.
pub(super) struct Open {
    lent: Lent,
    rows: Vec<Rows>,
    /// The server's number of it.
    number: Option<String>,
    guarded: bool,
}

impl Open {
    /// No COMMIT follows an error here: whether the rollback is said or comes with the session's end, nothing stays.
    pub(super) async fn begin(mut lent: Lent, ready: &[Ready<'_>], numbered: bool) -> Result<Self, Error> {
        let session = &mut lent.session;
        session.command("BEGIN", false).await.map_err(Trouble::into_error)?;
        let mut budget = Budget::new();
        let mut rows = Vec::with_capacity(ready.len());
        for statement in ready {
            match session.run(statement, &mut budget).await {
                Ok(answer) => rows.push(answer),
                Err(trouble) => {
                    session.tidy("ROLLBACK").await;
                    return Err(trouble.into_error());
                }
            }
        }
        let number = match numbered {
            true => Some(number(session).await?),
            false => None,
        };
        Ok(Self { lent, rows, number, guarded: ready.iter().any(|statement| statement.guarded) })
    }

    pub(super) fn within(self, pool: Arc<Pool>, patience: Duration) -> impl Transaction {
        Committing { open: self, pool, patience }
    }
}

struct Committing {
    open: Open,
    pool: Arc<Pool>,
    patience: Duration,
}

#[async_trait]
impl Transaction for Committing {
    fn proof(&self) -> Option<(&str, &[Rows])> {
        Some((self.open.number.as_deref()?, &self.open.rows))
    }

    async fn commit(self: Box<Self>) -> Result<Vec<Rows>, Failure> {
        let Committing { open: Open { lent, rows, guarded, .. }, pool, patience } = *self;
        match timeout(patience, lent.session.command("COMMIT", guarded)).await {
            Ok(Ok(())) => {
                pool.give_back(lent).await;
                Ok(rows)
            }
            // Deferred constraints, serialization: the server says that it did not commit.
            Ok(Err(Trouble::Refused(error))) => Err(Failure::Refused(error)),
            Ok(Err(_)) => Err(Failure::Lost("the answer to COMMIT is missing".to_owned())),
            Err(_) => Err(Failure::Lost(format!("no answer to COMMIT within {} ms", patience.as_millis()))),
        }
    }
}

/// The transaction gets a number if it has none yet.
async fn number(session: &Session) -> Result<String, Error> {
    let row = session.client.query_one("select pg_catalog.pg_current_xact_id()::text", &[]).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| Trouble::of(&error, false).into_error())
}

/// PostgreSQL has these functions from version 13 on.
pub(super) async fn tells_fates(session: &Session) -> Result<bool, Error> {
    const ASK: &str = "select to_regproc('pg_catalog.pg_current_xact_id') is not null
        and to_regprocedure('pg_catalog.pg_xact_status(xid8)') is not null";
    let row = session.client.query_one(ASK, &[]).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| Trouble::of(&error, false).into_error())
}

/// A number that the server has not given out yet is not its own: it was restored, or is another one.
pub(super) async fn fate(session: &Session, number: &str) -> Result<Fate, Error> {
    const ASK: &str = "select pg_catalog.pg_xact_status($1::text::xid8)";
    let row = match session.client.query_one(ASK, &[&number]).await {
        Ok(row) => row,
        Err(error) if error.code().is_some_and(|code| code.code() == "22023") => return Ok(Fate::Unknown),
        Err(error) => return Err(Trouble::of(&error, false).into_error()),
    };
    let status: Option<&str> = row.try_get(0).map_err(|error| Trouble::of(&error, false).into_error())?;
    Ok(match status {
        Some("committed") => Fate::Committed,
        Some("aborted") => Fate::Aborted,
        Some("in progress") => Fate::Open,
        _ => Fate::Unknown,
    })
}
