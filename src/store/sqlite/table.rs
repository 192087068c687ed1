//! The three statements of a record's table, from one list of its columns.
//!
//! Puts are insert at version 1 and update after that, each refusing when the stored version is not one below.

use rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
use rusqlite::{Connection, Params};

use crate::store::Error;

/// A table whose records carry a `version`.
pub struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    /// Set when the record is made, and never again: indexes over them are not touched by an update.
    pub fixed: &'static [&'static str],
    pub changing: &'static [&'static str],
}

/// Parameters and columns stand in the order key, fixed, changing.
pub struct Statements {
    pub columns: String,
    pub select: String,
    pub insert: String,
    pub update: String,
}

impl Table {
    pub fn statements(&self) -> Statements {
        let all: Vec<&str> = [self.key, self.fixed, self.changing].concat();
        let columns = all.join(", ");
        let number =
            |column: &str| 1 + all.iter().position(|it| *it == column).expect("the column is one of the table's own");
        let set: Vec<String> = self.changing.iter().map(|column| format!("{column} = ?{}", number(column))).collect();
        let key: Vec<String> = self.key.iter().map(|column| format!("{column} = ?{}", number(column))).collect();
        let values: Vec<String> = (1..=all.len()).map(|at| format!("?{at}")).collect();
        let (name, key) = (self.name, key.join(" AND "));
        Statements {
            select: format!("SELECT {columns} FROM {name}"),
            insert: format!("INSERT INTO {name} ({columns}) VALUES ({}) ON CONFLICT DO NOTHING", values.join(", ")),
            update: format!(
                "UPDATE {name} SET {} WHERE {key} AND version = ?{} - 1",
                set.join(", "),
                number("version")
            ),
            columns,
        }
    }
}

impl Statements {
    /// Puts a record at `version`; `record` names it should another version be stored.
    pub fn put(
        &self,
        connection: &Connection,
        version: u64,
        params: impl Params,
        record: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let sql = if version == 1 { &self.insert } else { &self.update };
        match connection.prepare_cached(sql)?.execute(params) {
            // What it has to itself has been taken by another.
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.extended_code == SQLITE_CONSTRAINT_UNIQUE => {
                one_row(0, record)
            }
            changed => one_row(changed?, record),
        }
    }
}

/// A conflict unless exactly one row was written.
pub fn one_row(changed: usize, record: impl FnOnce() -> String) -> Result<(), Error> {
    if changed == 1 {
        return Ok(());
    }
    Err(Error::Conflict { record: record() })
}
