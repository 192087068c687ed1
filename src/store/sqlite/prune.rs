//! What has been kept for long enough goes: a little at a time, oldest first, and nothing that is still open.

use rusqlite::{Connection, params};

use super::event::{PLACES, place};
use super::row::{Columns, all, int, one};
use super::shard;
use crate::domain::id::OperationId;
use crate::domain::operation::OperationState;
use crate::domain::time::Timestamp;
use crate::store::{Ended, Error};

const SELECT_ENDED: &str = "SELECT end_time, id, parent, state FROM operation
    WHERE end_time IS NOT NULL AND (end_time, id) > (?1, ?2) AND end_time <= ?3 ORDER BY end_time, id LIMIT ?4";

/// In `meta`.
const REDUCED: &str = "journals_reduced_until";

fn read(columns: &mut Columns<'_>) -> Result<Ended, Error> {
    Ok(Ended {
        end_time: columns.time()?,
        id: columns.parse(OperationId::parse)?,
        parent: columns.parse_optional(OperationId::parse)?,
        state: columns.word()?,
    })
}

pub fn ended(
    connection: &Connection,
    after: Option<&Ended>,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Ended>, Error> {
    let (time, id) = after.map_or((-1, ""), |it| (int(it.end_time.ms()), it.id.as_str()));
    all(connection, "operation", SELECT_ENDED, params![time, id, int(until.ms()), limit], read)
}

pub fn reduced_until(connection: &Connection) -> Result<Option<Ended>, Error> {
    let read = |text: &str| {
        let (time, id) = text.split_once(' ').ok_or("has no space")?;
        let end_time = Timestamp::from_ms(time.parse().map_err(|_| "has no time")?);
        let id = OperationId::parse(id).map_err(|_| "has no id")?;
        Ok::<_, &str>(Ended { end_time, id, parent: None, state: OperationState::Succeeded })
    };
    one(connection, "mark of the reduced journals", "SELECT value FROM meta WHERE key = ?1", [REDUCED], |columns| {
        columns.parse(read)
    })
}

pub fn set_reduced_until(connection: &Connection, it: &Ended) -> Result<(), Error> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute(params![REDUCED, format!("{} {}", it.end_time.ms(), it.id)])?;
    Ok(())
}

/// The project of the operation, if anything of it went.
pub fn operation(connection: &Connection, id: &OperationId, rows: u32) -> Result<Option<String>, Error> {
    let sql = "SELECT project, request_id FROM operation WHERE id = ?1 AND end_time IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM operation AS child WHERE child.parent = operation.id)";
    let found = one(connection, "operation", sql, [id.as_str()], |columns| Ok((columns.text()?, columns.text()?)))?;
    let Some((project, request_id)) = found else { return Ok(None) };
    let sql = "DELETE FROM journal WHERE rowid IN (
                   SELECT rowid FROM journal WHERE operation = ?1 ORDER BY step, attempt, position LIMIT ?2)";
    let gone = connection.prepare_cached(sql)?.execute(params![id.as_str(), rows])?;
    if gone >= rows as usize {
        return Ok(Some(project));
    }
    connection.prepare_cached("DELETE FROM operation WHERE id = ?1")?.execute([id.as_str()])?;
    let sql = "DELETE FROM request WHERE project = ?1 AND request_id = ?2 AND operation = ?3";
    connection.prepare_cached(sql)?.execute(params![project, request_id, id.as_str()])?;
    Ok(Some(project))
}

/// Of each shard the oldest event decides.
pub fn stale_events(connection: &Connection, before: Timestamp, most: u64) -> Result<Vec<u16>, Error> {
    let sql = "SELECT shard.id FROM shard JOIN event ON event.place = shard.id * ?3 + shard.oldest
               WHERE event.time < ?1 OR shard.rev - shard.oldest >= ?2 ORDER BY shard.id";
    let params = params![int(before.ms()), int(most), int(PLACES)];
    all(connection, "shard", sql, params, |columns| columns.number())
}

/// From the oldest on, up to the first that stays: what is kept has no gaps.
pub fn events(connection: &Connection, id: u16, before: Timestamp, most: u64, limit: u32) -> Result<(), Error> {
    let kept = shard::revision(connection, id)?;
    let sql = "SELECT place, time FROM event WHERE place >= ?1 AND place <= ?2 ORDER BY place LIMIT ?3";
    let range = params![place(id, kept.oldest), place(id, kept.latest), limit];
    let oldest =
        all(connection, "event", sql, range, |columns| Ok((columns.number::<u64>()? % PLACES, columns.time()?)))?;
    let stale = |(revision, time): &&(u64, Timestamp)| *time < before || kept.latest - revision >= most;
    let Some((last, _)) = oldest.iter().take_while(stale).last() else { return Ok(()) };
    let sql = "DELETE FROM event WHERE place >= ?1 AND place <= ?2";
    connection.prepare_cached(sql)?.execute([place(id, kept.oldest), place(id, *last)])?;
    connection.prepare_cached("UPDATE shard SET oldest = ?2 WHERE id = ?1")?.execute(params![id, int(last + 1)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_found_by_its_index() {
        let connection = Connection::open_in_memory().expect("memory");
        for migration in crate::store::sqlite::migration::ALL {
            connection.execute_batch(migration.sql).expect("the schema holds");
        }
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {SELECT_ENDED}")).expect("valid SQL");
        let rows = statement.query_map([1, 1, 1, 1], |row| row.get::<_, String>(3)).expect("a plan");
        let plan = rows.collect::<Result<Vec<_>, _>>().expect("its lines").join("\n");
        assert!(plan.contains("USING INDEX operation_ended") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
