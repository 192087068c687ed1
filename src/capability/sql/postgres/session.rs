//! One session with the server: statements go in, rows or trouble come out.

use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Connection};

use crate::capability::sql::Rows;
use crate::domain::contract::{Error, ErrorKind};

use super::cell::Form;
use super::door::SMALL_ANSWER;
use super::error::Trouble;
use super::meter::Allowance;
use super::param::{self, Param};
use super::result::{self, Budget};
use super::statement::{self, Ready};

/// How long the host's own housekeeping on a session may take before the session is given up.
const HOUSEKEEPING_LIMIT: Duration = Duration::from_secs(2);

/// Dropping it closes it: the server rolls back what was open.
pub(super) struct Session {
    pub(super) client: Client,
    allowance: Allowance,
    driver: AbortHandle,
    /// The client library keeps prepared statements of its own once it has looked up a type; a reset would take them away under it.
    looked_up_types: bool,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    pub(super) fn new<S, T>(client: Client, mut connection: Connection<S, T>, allowance: Allowance) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Notices are read and forgotten: they may quote values, and the library would log them.
        let driver =
            tokio::spawn(async move { while let Some(Ok(_)) = poll_fn(|cx| connection.poll_message(cx)).await {} });
        Self { client, allowance, driver: driver.abort_handle(), looked_up_types: false }
    }

    /// Runs a statement of the host's own that returns nothing. `guarded`: its error may not quote the server.
    pub(super) async fn command(&self, sql: &'static str, guarded: bool) -> Result<(), Trouble> {
        self.allowance.renew(SMALL_ANSWER);
        self.client.batch_execute(sql).await.map_err(|error| Trouble::of(&error, guarded))
    }

    /// Like `command`, for what must not keep anyone waiting. `false`: the session is of no further use.
    pub(super) async fn tidy(&self, sql: &'static str) -> bool {
        matches!(timeout(HOUSEKEEPING_LIMIT, self.command(sql, true)).await, Ok(Ok(())))
    }

    /// Back to what it was after the login. `false`: the session is of no further use.
    pub(super) async fn reset(&self) -> bool {
        !self.looked_up_types && self.tidy("DISCARD ALL").await
    }

    pub(super) async fn is_alive(&self) -> bool {
        !self.client.is_closed() && self.tidy("").await
    }

    /// Runs a driver's statement in whatever transaction is open.
    pub(super) async fn run(&mut self, ready: &Ready<'_>, budget: &mut Budget) -> Result<Rows, Trouble> {
        self.allowance.renew(budget.wire_bytes());
        let ran =
            if ready.confidential { self.run_confidential(ready).await } else { self.run_open(ready, budget).await };
        match ran {
            Err(Trouble::Broken(_)) if self.allowance.is_spent() => Err(Trouble::TooLarge),
            Err(Trouble::Refused(error)) => Err(Trouble::Refused(explained(error, &ready.sql))),
            ran => ran,
        }
    }

    /// Not prepared first: the library's log names statements it prepares, and no row comes back whose type would matter.
    async fn run_confidential(&self, ready: &Ready<'_>) -> Result<Rows, Trouble> {
        let params: Vec<Param<'_>> = ready.params.iter().map(Param).collect();
        let typed: Vec<_> = params.iter().map(|param| (param as &(dyn ToSql + Sync), Type::UNKNOWN)).collect();
        match self.client.execute_typed(&ready.sql, &typed).await {
            Ok(affected) => Ok(Rows { affected, ..Rows::default() }),
            Err(error) => Err(Trouble::of(&error, true)),
        }
    }

    async fn run_open(&mut self, ready: &Ready<'_>, budget: &mut Budget) -> Result<Rows, Trouble> {
        let broken = |error: tokio_postgres::Error| Trouble::of(&error, ready.guarded);
        let prepared = self.client.prepare(&ready.sql).await.map_err(broken)?;
        let mut types = prepared.params().iter().chain(prepared.columns().iter().map(|column| column.type_()));
        self.looked_up_types |= types.any(|ty| Type::from_oid(ty.oid()).is_none());
        if ready.read && prepared.columns().is_empty() {
            return Err(Trouble::Refused(statement::not_a_read()));
        }
        param::check(ready.params, prepared.params()).map_err(Trouble::Refused)?;
        let forms = forms(&prepared).map_err(Trouble::Refused)?;
        let params: Vec<Param<'_>> = ready.params.iter().map(Param).collect();
        let stream = self.client.query_raw(&prepared, &params).await.map_err(broken)?;
        result::collect(stream, prepared.columns(), &forms, ready.guarded, budget).await
    }
}

fn forms(prepared: &tokio_postgres::Statement) -> Result<Vec<Form>, Error> {
    let form = |column: &tokio_postgres::Column| {
        Form::of(column.type_()).ok_or_else(|| {
            let (name, ty) = (column.name(), column.type_());
            Error::new(
                ErrorKind::Unsupported,
                "TYPE_UNSUPPORTED",
                format!(
                    "column `{name}` has type {ty}, which is not read as it is: write {name}::text in the statement"
                ),
            )
        })
    };
    prepared.columns().iter().map(form).collect()
}

/// The server calls a second statement a syntax error; say what is meant.
fn explained(mut error: Error, sql: &str) -> Error {
    if error.code == "42601" && statement::looks_like_several(sql) {
        error.message = "the text holds more than one statement: send them one by one".to_owned();
    }
    error
}
