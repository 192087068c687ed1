//! The rows of operations' journals. Payloads are sealed; the store knows only their order.

use rusqlite::{Connection, params};

use super::row::{Columns, all, int};
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

/// In the place of the row that is there, if it still is.
pub fn replace(connection: &Connection, it: &JournalRow) -> Result<(), Error> {
    let sql = "UPDATE journal SET payload = ?5 WHERE operation = ?1 AND step = ?2 AND attempt = ?3 AND position = ?4";
    let place = params![it.operation.as_str(), it.step, it.attempt, it.position, it.payload.to_bytes()];
    connection.prepare_cached(sql)?.execute(place)?;
    Ok(())
}

pub fn of(connection: &Connection, operation: &OperationId) -> Result<Vec<JournalRow>, Error> {
    let sql = "SELECT step, attempt, position, project, time, payload FROM journal
               WHERE operation = ?1 ORDER BY step, attempt, position";
    all(connection, "journal", sql, [operation.as_str()], |columns| read(columns, operation))
}

/// Behind a step, attempt and position.
pub fn behind(
    connection: &Connection,
    operation: &OperationId,
    place: Option<(u32, u32, u32)>,
    limit: u32,
) -> Result<Vec<JournalRow>, Error> {
    let sql = "SELECT step, attempt, position, project, time, payload FROM journal
               WHERE operation = ?1 AND (step, attempt, position) > (?2, ?3, ?4)
               ORDER BY step, attempt, position LIMIT ?5";
    let (step, attempt, position) =
        place.map_or((-1, -1, -1), |(step, attempt, position)| (step.into(), attempt.into(), position.into()));
    let params: (&str, i64, i64, i64, u32) = (operation.as_str(), step, attempt, position, limit);
    all(connection, "journal", sql, params, |columns| read(columns, operation))
}

fn read(columns: &mut Columns<'_>, operation: &OperationId) -> Result<JournalRow, Error> {
    Ok(JournalRow {
        operation: operation.clone(),
        step: columns.number()?,
        attempt: columns.number()?,
        position: columns.number()?,
        project: columns.text()?,
        time: columns.time()?,
        payload: columns.sealed()?,
    })
}
