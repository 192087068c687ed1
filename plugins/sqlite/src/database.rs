//! A SQLite database as an owned thing: who holds it, making it, removing it.
//!
//! The table `vend_owner` inside the file holds the ownership labels. Whoever creates that table owns the database, so two
//! that make the same name at once cannot both succeed. Must know nothing of what else is in the file.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use vend_sdk::{Error, ErrorKind, Found, Labels, Semantics, Sql, Statement, claims, ensure};

/// The connection: a directory with one file per database. Without a database it answers the table `databases(name)` and the
/// statements `CREATE DATABASE name` and `DROP DATABASE name`.
const SERVER: Sql = Sql::slot("server");

/// What is remembered, complete or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub name: String,
}

/// What stands under the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Absent,
    /// A file without any table that an earlier attempt of ours announced.
    Begun,
    Ours,
    Foreign,
}

pub struct Database<'a> {
    name: &'a str,
    labels: &'a Labels,
    /// Making it was announced, and the end is not known: a file without tables is then ours.
    announced: Cell<bool>,
}

impl<'a> Database<'a> {
    pub fn new(name: &'a str, labels: &'a Labels) -> Self {
        let announced = Cell::new(false);
        Self { name, labels, announced }
    }

    pub fn announced(self, announced: bool) -> Self {
        self.announced.set(announced);
        self
    }

    pub fn sql(&self) -> Sql {
        SERVER.database(self.name)
    }

    pub fn standing(&self) -> Result<Standing, Error> {
        let known = Statement::new("SELECT name FROM databases WHERE name = ?1").bind(self.name);
        if SERVER.query(known)?.is_empty() {
            return Ok(Standing::Absent);
        }
        let tables: Vec<String> =
            self.sql().query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")?.column("name")?;
        if tables.is_empty() {
            return Ok(if self.announced.get() { Standing::Begun } else { Standing::Foreign });
        }
        if !tables.iter().any(|table| table == "vend_owner") {
            return Ok(Standing::Foreign);
        }
        let rows = self.sql().query("SELECT label, value FROM vend_owner")?;
        let labels = rows.column("label")?.into_iter().zip(rows.column("value")?);
        let ours = self.labels.own(&Labels::new(labels));
        Ok(if ours { Standing::Ours } else { Standing::Foreign })
    }

    /// Takes ours or makes it: announced before the file, owned in one transaction together with `contents`.
    pub fn ensure(&self, contents: impl IntoIterator<Item = Statement>) -> Result<(), Error> {
        ensure(|| self.look(), || self.make(contents))
    }

    fn look(&self) -> Result<Found<()>, Error> {
        Ok(match self.standing()? {
            Standing::Absent | Standing::Begun => Found::Absent,
            Standing::Ours => Found::Ours(()),
            Standing::Foreign => Found::Foreign(self.what()),
        })
    }

    fn make(&self, contents: impl IntoIterator<Item = Statement>) -> Result<(), Error> {
        if !self.announced.replace(true) {
            claims::checkpoint(None, &State { name: self.name.to_owned() })?;
        }
        let file = SERVER.execute(format!("CREATE DATABASE {}", self.name), Semantics::Idempotent);
        unless(ErrorKind::AlreadyExists, file)?;
        let owner = Statement::new("CREATE TABLE vend_owner (label TEXT PRIMARY KEY, value TEXT NOT NULL)");
        let labels = self.labels.iter().map(|(label, value)| {
            Statement::new("INSERT INTO vend_owner (label, value) VALUES (?1, ?2)").bind(label).bind(value)
        });
        self.sql().transact([owner].into_iter().chain(labels).chain(contents))?;
        Ok(())
    }

    /// Absent is success, a stranger's stays untouched: an error, unless we had only announced to make one.
    pub fn remove(&self) -> Result<(), Error> {
        match self.standing()? {
            Standing::Absent => return Ok(()),
            Standing::Begun | Standing::Ours => {}
            Standing::Foreign if self.announced.get() => return Ok(()),
            Standing::Foreign => return Err(Error::foreign(self.what())),
        }
        let dropped = SERVER.execute(format!("DROP DATABASE {}", self.name), Semantics::Idempotent);
        unless(ErrorKind::NotFound, dropped)
    }

    pub fn what(&self) -> String {
        format!("database `{}`", self.name)
    }
}

/// A refusal that says the work is already done is success.
fn unless<T>(done: ErrorKind, result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Err(error) if !error.is(done) => Err(error),
        _ => Ok(()),
    }
}

/// What may name a database.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=63).contains(&name.len()) && name.bytes().all(allowed)
}
