//! SQL as a capability: one trait over the dialects, plain values in and out.
//!
//! Secrets arrive here already put in their place; what is here never sees a handle.

pub mod sqlite;
pub mod postgres;
mod host;
mod wire;

use async_trait::async_trait;

use crate::domain::contract::Error;

pub use super::failure::Failure;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Bytes(Vec<u8>),
    /// Every other type in its text form; the server casts.
    Text(String),
}

/// Exactly one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Value>,
    /// Parameters are written into the text as quoted literals of the dialect, in place of `$n` (PostgreSQL) or `?n` (SQLite).
    pub inline: bool,
    /// A secret stands among the params: the statement returns no rows, and no error of it may quote them.
    pub confidential: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    pub affected: u64,
}

/// One that is open. Dropped instead of committed, it is rolled back.
#[async_trait]
pub trait Transaction: Send {
    /// Its number, by which the backend tells its fate later, and what the statements answered; nothing if the backend cannot tell.
    fn proof(&self) -> Option<(&str, &[Rows])>;
    async fn commit(self: Box<Self>) -> Result<Vec<Rows>, Failure>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Committed,
    Aborted,
    /// To be asked again: an open transaction may still be committed.
    Open,
    /// The backend does not know, or not any more.
    Unknown,
}

/// One SQL backend behind one connection; pools inside. Cheap to share.
#[async_trait]
pub trait Sql: Send + Sync {
    /// One SELECT, SHOW, VALUES or EXPLAIN in a READ ONLY transaction under the read credential.
    async fn query(&self, database: Option<&str>, statement: &Statement) -> Result<Rows, Error>;
    /// All or nothing, on one session: up to, and without, the commit. An error means that nothing stays.
    async fn begin(&self, database: Option<&str>, statements: &[Statement]) -> Result<Box<dyn Transaction>, Error>;
    /// What became of a transaction of this backend, by the number that [`Transaction::proof`] gave.
    async fn fate(&self, transaction: &str) -> Result<Fate, Error>;
    /// Begins and commits at once.
    async fn transact(&self, database: Option<&str>, statements: &[Statement]) -> Result<Vec<Rows>, Failure> {
        self.begin(database, statements).await.map_err(Failure::Refused)?.commit().await
    }
    /// One statement outside a transaction.
    async fn execute(&self, database: Option<&str>, statement: &Statement) -> Result<Rows, Failure>;
    /// What tells this backend from another one (PostgreSQL's system identifier, a directory's path); natural keys are reserved under it.
    async fn identity(&self) -> Result<String, Error>;
    /// Reaches the backend and logs in, with both credentials. Warnings are for whoever applies the connection.
    async fn check(&self) -> Result<Vec<String>, Error>;
}
