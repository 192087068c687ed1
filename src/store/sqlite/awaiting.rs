//! Which operations wait for which others, and what the end of one means for those that wait for it.

use rusqlite::{Connection, params};

use super::row::{all, int, one};
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::shard;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::store::Error;

const WHAT: &str = "awaiting";
/// Operations that have taken one another's place, followed in a row.
const SUCCESSORS: usize = 1_000;

/// Those that wait for one to have made what they need; not those that wait for it to have moved to what they have made, and not those
/// that have ended meanwhile: what took their place may need something else.
const DIRECT: &str = "SELECT a.operation FROM awaiting a JOIN operation w ON w.id = a.operation
    WHERE a.awaited = ?1 AND w.stage <> 'delete-former' AND w.end_time IS NULL";

/// How an operation stands for those that wait for it.
enum Standing {
    /// Wait for this one.
    Open(OperationId),
    Done,
    Broken(OperationId),
}

/// `operation` begins when all of `awaited` have ended well; what of these has ended by now is not waited for.
pub fn put(connection: &Connection, operation: &Operation, awaited: &[OperationId]) -> Result<(), Error> {
    let (mut awaits, mut broken) = (0, None);
    for id in awaited {
        match standing(connection, id.clone())? {
            Standing::Open(open) => awaits += insert(connection, &open, operation.id.as_str(), operation)?,
            Standing::Done => {}
            Standing::Broken(by) => broken = broken.or(Some(by)),
        }
    }
    if broken.is_some() {
        awaits = 0;
    }
    connection.prepare_cached("UPDATE operation SET awaits = ?2, broken_by = ?3 WHERE id = ?1")?.execute(params![
        operation.id.as_str(),
        int(awaits),
        broken.as_ref().map(OperationId::as_str)
    ])?;
    Ok(())
}

/// `ended` has: whoever waits for it waits for one less, for its successor, or in vain. Answers with those that may begin.
pub fn release(connection: &Connection, ended: &Operation) -> Result<Vec<(OperationId, ResourceId)>, Error> {
    let sql = "SELECT a.operation FROM awaiting a JOIN operation w ON w.id = a.operation
        WHERE a.awaited = ?1 AND w.end_time IS NULL";
    let waiting: Vec<String> = all(connection, WHAT, sql, [ended.id.as_str()], |columns| columns.text())?;
    connection.prepare_cached("DELETE FROM awaiting WHERE awaited = ?1")?.execute([ended.id.as_str()])?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let standing = after(connection, ended)?;
    let mut released = Vec::new();
    for id in &waiting {
        if ended.state == OperationState::Superseded && has_handed_over(connection, id)? {
            // Its successor may wait for what comes after that one.
            released.extend(one_less(connection, id, Some(&ended.id))?);
            continue;
        }
        let broken_by = match &standing {
            Standing::Open(open) if insert(connection, open, id, ended)? == 1 => continue,
            Standing::Open(_) | Standing::Done => None,
            Standing::Broken(by) => Some(by),
        };
        released.extend(one_less(connection, id, broken_by)?);
    }
    Ok(released)
}

/// Those that wait for `operation` are let go, and it waits for them; and, where one of those that it waited for has been broken off, for
/// what has come in its place.
pub fn hand_over(connection: &Connection, operation: &Operation) -> Result<Vec<(OperationId, ResourceId)>, Error> {
    let direct: Vec<String> = all(connection, WHAT, DIRECT, [operation.id.as_str()], |columns| columns.text())?;
    let sql = format!(
        "WITH RECURSIVE moved (id) AS (
            {DIRECT}
            UNION SELECT a.operation FROM moved
                JOIN operation o ON o.id = moved.id AND o.driver_digest = '' JOIN awaiting a ON a.awaited = moved.id
                JOIN operation w ON w.id = a.operation AND w.end_time IS NULL)
        SELECT id FROM moved"
    );
    let mut moved = all(connection, WHAT, &sql, [operation.id.as_str()], |columns| columns.parse(OperationId::parse))?;
    if let Some(by) = &operation.broken_by {
        // A scan: this is rare.
        let sql = "DELETE FROM awaiting WHERE operation = ?1 RETURNING awaited";
        moved.extend(all(connection, WHAT, sql, [operation.id.as_str()], |columns| columns.parse(OperationId::parse))?);
        moved.push(by.clone());
    }
    for id in &direct {
        let sql = "DELETE FROM awaiting WHERE awaited = ?1 AND operation = ?2";
        connection.prepare_cached(sql)?.execute([operation.id.as_str(), id])?;
    }
    put(connection, operation, &moved)?;
    let mut released = Vec::new();
    for id in &direct {
        released.extend(one_less(connection, id, None)?);
    }
    Ok(released)
}

pub fn is_awaited(connection: &Connection, id: &OperationId) -> Result<bool, Error> {
    Ok(one(connection, WHAT, DIRECT, [id.as_str()], |columns| columns.text())?.is_some())
}

fn has_handed_over(connection: &Connection, id: &str) -> Result<bool, Error> {
    let sql = "SELECT stage FROM operation WHERE id = ?1";
    let stage = one(connection, WHAT, sql, [id], |columns| columns.word::<Stage>())?;
    Ok(stage == Some(Stage::DeleteFormer))
}

/// The operation, if it waits for nothing any more and is the first of its resource.
fn one_less(
    connection: &Connection,
    id: &str,
    broken_by: Option<&OperationId>,
) -> Result<Option<(OperationId, ResourceId)>, Error> {
    let sql = "UPDATE operation
        SET awaits = CASE WHEN ?2 IS NULL THEN max(awaits - 1, 0) ELSE 0 END, broken_by = coalesce(broken_by, ?2)
        WHERE id = ?1 AND awaits > 0 AND end_time IS NULL
        RETURNING id, resource, awaits";
    let params = params![id, broken_by.map(OperationId::as_str)];
    let freed = one(connection, WHAT, sql, params, |columns| {
        let operation = columns.parse(OperationId::parse)?;
        Ok((operation, columns.parse_optional(ResourceId::parse)?, columns.number::<u64>()?))
    })?;
    let Some((operation, Some(resource), 0)) = freed else { return Ok(None) };
    let open = super::operation::open(connection, &resource)?;
    let first = open.first().is_some_and(|first| first.id == operation);
    Ok(first.then_some((operation, resource)))
}

fn insert(connection: &Connection, awaited: &OperationId, operation: &str, of: &Operation) -> Result<u64, Error> {
    let sql = "INSERT OR IGNORE INTO awaiting (awaited, operation, shard) VALUES (?1, ?2, ?3)";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        awaited.as_str(),
        operation,
        shard(of.order.project.as_str())
    ])?;
    Ok(inserted as u64)
}

fn standing(connection: &Connection, id: OperationId) -> Result<Standing, Error> {
    match super::operation::get(connection, &id)? {
        Some(operation) => after(connection, &operation),
        // It has ended so long ago that it is not kept any more.
        None => Ok(Standing::Done),
    }
}

fn after(connection: &Connection, operation: &Operation) -> Result<Standing, Error> {
    let mut id = operation.id.clone();
    let mut at = (operation.state, operation.superseded_by.clone());
    for _ in 0..SUCCESSORS {
        match at {
            (OperationState::Succeeded, _) => return Ok(Standing::Done),
            (OperationState::Superseded, Some(successor)) => id = successor,
            (state, _) if state.is_terminal() => return Ok(Standing::Broken(id)),
            _ => return Ok(Standing::Open(id)),
        }
        let sql = "SELECT state, superseded_by FROM operation WHERE id = ?1";
        let found = one(connection, WHAT, sql, [id.as_str()], |columns| {
            Ok((columns.word::<OperationState>()?, columns.parse_optional(OperationId::parse)?))
        })?;
        match found {
            Some(found) => at = found,
            // The successor is of this very commit, and not written yet.
            None => return Ok(Standing::Open(id)),
        }
    }
    Ok(Standing::Broken(id))
}
