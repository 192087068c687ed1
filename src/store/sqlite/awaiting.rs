//! Which operations wait for which others, and what the end of one means for those that wait for it.

use rusqlite::{Connection, params};

use super::row::{Columns, all, int, one};
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::shard;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::store::{Error, Related, Relation};

const WHAT: &str = "awaiting";
/// Operations that have taken one another's place, followed in a row.
const SUCCESSORS: usize = 1_000;

/// Those that have to do with one and have not ended: what took the place of those that have may need something else.
const RELATED: &str = "SELECT a.operation, a.relation FROM awaiting a
    JOIN operation w ON w.id = a.operation AND w.end_time IS NULL
    WHERE a.awaited = ?1";

/// Those that keep what one replaces, until they have ended well; also through composites, which hand on what they were given.
const KEEPING: &str = "WITH RECURSIVE keeping (id) AS (
        SELECT a.operation FROM awaiting a JOIN operation w ON w.id = a.operation
            WHERE a.awaited = ?1 AND a.relation IN ('moves', 'leaves') AND w.state NOT IN ('succeeded', 'superseded')
        UNION SELECT a.operation FROM keeping
            JOIN operation o ON o.id = keeping.id AND o.driver_digest = '' JOIN awaiting a ON a.awaited = keeping.id
            JOIN operation w ON w.id = a.operation
            WHERE a.relation IN ('moves', 'leaves') AND w.state NOT IN ('succeeded', 'superseded'))
    SELECT id FROM keeping";

/// How an operation stands for those that wait for it.
enum Standing {
    /// Wait for this one.
    Open(OperationId),
    Done,
    Broken(OperationId),
}

/// `operation` goes on when those of `related` that it waits for have come so far; what of these has ended by now is not waited for.
pub fn put(connection: &Connection, operation: &Operation, related: &[Related]) -> Result<(), Error> {
    let (mut awaits, mut broken) = (0, None);
    for it in related {
        match standing(connection, it.operation.clone())? {
            Standing::Open(open) => {
                let inserted = insert(connection, &open, it.relation, &operation.id, operation)?;
                awaits += if it.relation.waits() { inserted } else { 0 };
            }
            Standing::Broken(by) if it.relation.waits() => broken = broken.or(Some(by)),
            Standing::Done | Standing::Broken(_) => {}
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
    let related = related(connection, &ended.id)?;
    connection.prepare_cached("DELETE FROM awaiting WHERE awaited = ?1")?.execute([ended.id.as_str()])?;
    if related.is_empty() {
        return Ok(Vec::new());
    }
    let standing = after(connection, ended)?;
    let mut released = Vec::new();
    for it in &related {
        let follows = it.relation == Relation::Follows && ended.state == OperationState::Superseded;
        if follows && has_handed_over(connection, &it.operation)? {
            // Its successor may wait for what comes after that one.
            released.extend(one_less(connection, &it.operation, Some(&ended.id))?);
            continue;
        }
        let broken_by = match &standing {
            Standing::Open(open) if insert(connection, open, it.relation, &it.operation, ended)? == 1 => continue,
            Standing::Open(_) | Standing::Done => None,
            Standing::Broken(by) => Some(by),
        };
        if it.relation.waits() {
            released.extend(one_less(connection, &it.operation, broken_by)?);
        }
    }
    Ok(released)
}

/// Those that wait for `operation` to have made what they need are let go, and it waits for those that move or leave; and, where one of
/// those that it waited for has been broken off, for what has come in its place.
pub fn hand_over(connection: &Connection, operation: &Operation) -> Result<Vec<(OperationId, ResourceId)>, Error> {
    let related = related(connection, &operation.id)?;
    let id = |columns: &mut Columns<'_>| columns.parse(OperationId::parse);
    let mut keeping = all(connection, WHAT, KEEPING, [operation.id.as_str()], id)?;
    if let Some(by) = &operation.broken_by {
        // A scan: this is rare.
        let sql = "DELETE FROM awaiting WHERE operation = ?1 AND relation = 'follows' RETURNING awaited";
        keeping.extend(all(connection, WHAT, sql, [operation.id.as_str()], id)?);
        keeping.push(by.clone());
    }
    let sql = "DELETE FROM awaiting WHERE awaited = ?1 AND relation <> 'follows'";
    connection.prepare_cached(sql)?.execute([operation.id.as_str()])?;
    let followed = |operation| Related { operation, relation: Relation::Follows };
    put(connection, operation, &keeping.into_iter().map(followed).collect::<Vec<_>>())?;
    let mut released = Vec::new();
    for it in related.iter().filter(|it| matches!(it.relation, Relation::Needs | Relation::Moves)) {
        released.extend(one_less(connection, &it.operation, None)?);
    }
    Ok(released)
}

/// Others wait for what `id` makes, or keep what it replaces.
pub fn is_awaited(connection: &Connection, id: &OperationId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM awaiting a JOIN operation w ON w.id = a.operation
        WHERE a.awaited = ?1 AND a.relation <> 'follows' AND w.state NOT IN ('succeeded', 'superseded')
            AND (w.end_time IS NULL OR a.relation <> 'needs')
        LIMIT 1";
    Ok(one(connection, WHAT, sql, [id.as_str()], |columns| columns.number::<u64>())?.is_some())
}

fn related(connection: &Connection, id: &OperationId) -> Result<Vec<Related>, Error> {
    all(connection, WHAT, RELATED, [id.as_str()], |columns| {
        Ok(Related { operation: columns.parse(OperationId::parse)?, relation: columns.word()? })
    })
}

fn has_handed_over(connection: &Connection, id: &OperationId) -> Result<bool, Error> {
    let sql = "SELECT stage FROM operation WHERE id = ?1";
    let stage = one(connection, WHAT, sql, [id.as_str()], |columns| columns.word::<Stage>())?;
    Ok(stage == Some(Stage::DeleteFormer))
}

/// The operation, if it waits for nothing any more and is the first of its resource.
fn one_less(
    connection: &Connection,
    id: &OperationId,
    broken_by: Option<&OperationId>,
) -> Result<Option<(OperationId, ResourceId)>, Error> {
    let sql = "UPDATE operation
        SET awaits = CASE WHEN ?2 IS NULL THEN max(awaits - 1, 0) ELSE 0 END, broken_by = coalesce(broken_by, ?2)
        WHERE id = ?1 AND awaits > 0 AND end_time IS NULL
        RETURNING id, resource, awaits";
    let params = params![id.as_str(), broken_by.map(OperationId::as_str)];
    let freed = one(connection, WHAT, sql, params, |columns| {
        let operation = columns.parse(OperationId::parse)?;
        Ok((operation, columns.parse_optional(ResourceId::parse)?, columns.number::<u64>()?))
    })?;
    let Some((operation, Some(resource), 0)) = freed else { return Ok(None) };
    let open = super::operation::open(connection, &resource)?;
    let first = open.first().is_some_and(|first| first.id == operation);
    Ok(first.then_some((operation, resource)))
}

fn insert(
    connection: &Connection,
    awaited: &OperationId,
    relation: Relation,
    operation: &OperationId,
    of: &Operation,
) -> Result<u64, Error> {
    let sql = "INSERT OR IGNORE INTO awaiting (awaited, operation, relation, shard) VALUES (?1, ?2, ?3, ?4)";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        awaited.as_str(),
        operation.as_str(),
        relation.as_str(),
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
