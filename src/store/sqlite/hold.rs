//! Holds: what keeps work from starting. Few, and all of them are read at once.

use rusqlite::{Connection, params};

use super::row::{self, Columns, int, one};
use super::table::one_row;
use crate::domain::hold::{Cause, Hold, Target, key};
use crate::domain::name::{OrderName, shard};
use crate::store::Error;

fn read(columns: &mut Columns<'_>) -> Result<Hold, Error> {
    let (cause, target) = columns.parse(parse_key)?;
    Ok(Hold {
        cause,
        target,
        reason: columns.word()?,
        message: columns.text()?,
        principal: columns.text()?,
        since: columns.time()?,
    })
}

fn parse_key(text: &str) -> Result<(Cause, Target), String> {
    let parts = text.split_once(':').and_then(|(cause, target)| Some((Cause::parse(cause)?, Target::parse(target)?)));
    parts.ok_or_else(|| format!("`{text}` is no key of a hold"))
}

pub fn insert(connection: &Connection, it: &Hold) -> Result<(), Error> {
    let sql = "INSERT INTO hold (key, shard, reason, message, principal, since)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        it.key(),
        shard(it.target.project()),
        it.reason.as_str(),
        it.message,
        it.principal,
        int(it.since.ms()),
    ])?;
    one_row(inserted, || format!("hold {}", it.key()))
}

/// What was lifted.
pub fn delete(connection: &Connection, key: &str) -> Result<Hold, Error> {
    let sql = "DELETE FROM hold WHERE key = ?1 RETURNING key, reason, message, principal, since";
    one(connection, "hold", sql, [key], read)?.ok_or_else(|| Error::Conflict { record: format!("hold {key}") })
}

/// An order that is gone takes its pause along: the next one of its name is another.
pub fn forget_order(connection: &Connection, name: &OrderName) -> Result<(), Error> {
    let key = key(Cause::Pause, &Target::Order(name.clone()));
    connection.prepare_cached("DELETE FROM hold WHERE key = ?1")?.execute([key])?;
    Ok(())
}

pub fn all(connection: &Connection) -> Result<Vec<Hold>, Error> {
    let sql = "SELECT key, reason, message, principal, since FROM hold ORDER BY key";
    row::all(connection, "hold", sql, [], read)
}
