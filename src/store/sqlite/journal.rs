//! The rows of operations' journals. Payloads are sealed; the store knows only their order.

use rusqlite::{Connection, params};

use super::row::{all, int};
use super::table::one_row;
use crate::domain::id::OperationId;
use crate::domain::name::shard;
use crate::store::{Error, JournalRow};

/// A second row at one place is a conflict: what was recorded first stands.
pub fn insert(connection: &Connection, it: &JournalRow) -> Result<(), Error> {
    let sql = "INSERT INTO journal (operation, step, attempt, position, shard, project, time, payload)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        it.operation.as_str(),
        it.step,
        it.attempt,
        it.position,
        shard(&it.project),
        it.project,
        int(it.time.ms()),
        it.payload.to_bytes(),
    ]);
    one_row(inserted?, || format!("journal of {}", it.operation))
}

pub fn of(connection: &Connection, operation: &OperationId) -> Result<Vec<JournalRow>, Error> {
    let sql = "SELECT step, attempt, position, project, time, payload FROM journal
               WHERE operation = ?1 ORDER BY step, attempt, position";
    all(connection, "journal", sql, [operation.as_str()], |columns| {
        Ok(JournalRow {
            operation: operation.clone(),
            step: columns.number()?,
            attempt: columns.number()?,
            position: columns.number()?,
            project: columns.text()?,
            time: columns.time()?,
            payload: columns.sealed()?,
        })
    })
}
