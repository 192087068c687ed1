//! Operations: what is asked, what is due, and how the children of one stand.

use std::sync::LazyLock;

use rusqlite::{Connection, params};

use super::list::{List, Where};
use super::row::{Columns, all, int, json, one};
use super::table::{Statements, Table};
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::{OrderName, shard};
use crate::domain::operation::{Held, Operation, OperationState, Tally};
use crate::domain::time::Timestamp;
use crate::store::{AHEAD_MS, Error, Filter, Page, Paging, Standing};

static TABLE: LazyLock<Statements> = LazyLock::new(|| {
    Table {
        name: "operation",
        key: &["id"],
        fixed: &[
            "shard",
            "parent",
            "project",
            "environment",
            "order_name",
            "resource",
            "resource_key",
            "request_id",
            "trace",
            "create_time",
            "tally",
            "awaits",
            "broken_by",
        ],
        changing: &[
            "verb",
            "generation",
            "state",
            "reason",
            "message",
            "effect",
            "status",
            "principal",
            "stage",
            "step",
            "continuation",
            "attempts",
            "budget",
            "due",
            "held",
            "held_since",
            "cancel_requested",
            "superseded_by",
            "plan_digest",
            "driver_digest",
            "version",
            "update_time",
            "end_time",
        ],
    }
    .statements()
});

static SELECT_ONE: LazyLock<String> = LazyLock::new(|| format!("{} WHERE id = ?1", TABLE.select));

static SELECT_OPEN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} WHERE resource = ?1 AND parent IS NOT NULL
            AND state IN ('queued', 'running', 'waiting', 'needs-attention')
         ORDER BY generation, id",
        TABLE.select
    )
});

/// What is runnable as soon as its time has come.
const RUNNABLE: &str =
    "parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL AND awaits = 0
    AND NOT EXISTS (
        SELECT 1 FROM operation AS earlier
        WHERE earlier.resource = operation.resource AND earlier.generation < operation.generation
            AND earlier.parent IS NOT NULL
            AND earlier.state IN ('queued', 'running', 'waiting', 'needs-attention'))";

static SELECT_DUE: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE {RUNNABLE} AND due <= ?1 ORDER BY due, id LIMIT ?2", TABLE.select));

/// By when they were put to wait, which lies ahead as their due time does. `+due`: found by the other index.
static SELECT_AHEAD: LazyLock<String> = LazyLock::new(|| {
    format!("{} WHERE {RUNNABLE} AND update_time > ?3 AND +due > ?1 ORDER BY update_time, id LIMIT ?2", TABLE.select)
});

const SELECT_NEXT_DUE: &str = "SELECT min(due) FROM operation
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL AND awaits = 0 AND due > ?1";

const SELECT_STANDING: &str = "SELECT state, count(*), coalesce(sum(effect = 'unknown'), 0), count(held)
    FROM operation INDEXED BY operation_open
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting', 'needs-attention') GROUP BY state";

const SELECT_FIRST_DUE: &str = "SELECT min(due) FROM operation
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL AND awaits = 0";

const SELECT_NEXT_HELD_KEY: &str = "SELECT min(held) FROM operation
    WHERE held IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held > ?1";

static SELECT_HELD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} WHERE held IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held = ?1
         ORDER BY held_since, id LIMIT ?2",
        TABLE.select
    )
});

fn read(columns: &mut Columns<'_>) -> Result<Operation, Error> {
    let id = columns.parse(OperationId::parse)?;
    columns.skip(1);
    Ok(Operation {
        id,
        parent: columns.parse_optional(OperationId::parse)?,
        order: OrderName { project: columns.name()?, environment: columns.name()?, order: columns.name()? },
        resource: columns.parse_optional(ResourceId::parse)?,
        resource_key: columns.text()?,
        request_id: columns.text()?,
        trace: columns.text()?,
        create_time: columns.time()?,
        tally: columns.json_optional()?.unwrap_or_default(),
        awaits: columns.number()?,
        broken_by: columns.parse_optional(OperationId::parse)?,
        verb: columns.word()?,
        generation: columns.number()?,
        state: columns.word()?,
        reason: columns.word_optional()?,
        message: columns.text()?,
        effect: columns.word()?,
        status: columns.text()?,
        principal: columns.text()?,
        stage: columns.word()?,
        step: columns.number()?,
        continuation: columns.sealed_optional()?,
        attempts: columns.number()?,
        budget: columns.json()?,
        due: columns.time()?,
        held: match (columns.text_optional()?, columns.time_optional()?) {
            (Some(by), Some(since)) => Some(Held { by, since }),
            _ => None,
        },
        cancel_requested: columns.flag()?,
        superseded_by: columns.parse_optional(OperationId::parse)?,
        plan_digest: columns.text()?,
        driver_digest: columns.text()?,
        version: columns.number()?,
        update_time: columns.time()?,
        end_time: columns.time_optional()?,
    })
}

/// Its tally and what it waits for are stored at version 1 only; after that [`tally`] and `awaiting` keep them.
pub fn put(connection: &Connection, it: &Operation) -> Result<(), Error> {
    let params = params![
        it.id.as_str(),
        shard(it.order.project.as_str()),
        it.parent.as_ref().map(OperationId::as_str),
        it.order.project.as_str(),
        it.order.environment.as_str(),
        it.order.order.as_str(),
        it.resource.as_ref().map(ResourceId::as_str),
        it.resource_key,
        it.request_id,
        it.trace,
        int(it.create_time.ms()),
        (it.tally != Tally::default()).then(|| json(&it.tally)),
        it.awaits,
        it.broken_by.as_ref().map(OperationId::as_str),
        it.verb.as_str(),
        int(it.generation),
        it.state.as_str(),
        it.reason.map(|reason| reason.as_str()),
        it.message,
        it.effect.as_str(),
        it.status,
        it.principal,
        it.stage.as_str(),
        it.step,
        it.continuation.as_ref().map(|sealed| sealed.to_bytes()),
        it.attempts,
        json(&it.budget),
        int(it.due.ms()),
        it.held.as_ref().map(|held| held.by.as_str()),
        it.held.as_ref().map(|held| int(held.since.ms())),
        it.cancel_requested,
        it.superseded_by.as_ref().map(OperationId::as_str),
        it.plan_digest,
        it.driver_digest,
        int(it.version),
        int(it.update_time.ms()),
        it.end_time.map(|time| int(time.ms())),
    ];
    TABLE.put(connection, it.version, params, || format!("operation {}", it.id))
}

/// Counts one child's way from a state to another. The parent's project, and the parent if that gave it another state.
pub fn tally(
    connection: &Connection,
    parent: &OperationId,
    from: OperationState,
    to: OperationState,
    time: Timestamp,
) -> Result<(String, Option<Operation>), Error> {
    let missing =
        || Error::Damaged { what: format!("operation {parent}"), detail: "is missing, but has children".into() };
    let sql = "SELECT tally, state, project FROM operation WHERE id = ?1";
    let (mut tally, state, project) = one(connection, "operation", sql, [parent.as_str()], |columns| {
        Ok((columns.json_optional::<Tally>()?.unwrap_or_default(), columns.word::<OperationState>()?, columns.text()?))
    })?
    .ok_or_else(missing)?;
    tally.moved(from, to);
    connection
        .prepare_cached("UPDATE operation SET tally = ?2 WHERE id = ?1")?
        .execute(params![parent.as_str(), json(&tally)])?;
    if tally.state() == state {
        return Ok((project, None));
    }
    let mut operation = get(connection, parent)?.ok_or_else(missing)?;
    operation.settle(time);
    operation.version += 1;
    operation.update_time = time;
    put(connection, &operation)?;
    Ok((project, Some(operation)))
}

pub fn get(connection: &Connection, id: &OperationId) -> Result<Option<Operation>, Error> {
    one(connection, "operation", &SELECT_ONE, [id.as_str()], read)
}

pub fn list(connection: &Connection, filter: &Filter, paging: &Paging) -> Result<Page<Operation>, Error> {
    let mut terms = Where::default();
    terms.optional("project = ?", filter.project.as_deref());
    terms.optional("environment = ?", filter.environment.as_deref());
    terms.optional("order_name = ?", filter.order.as_deref());
    terms.optional("resource = ?", filter.resource.as_ref().map(ResourceId::as_str));
    terms.optional("parent = ?", filter.parent.as_ref().map(OperationId::as_str));
    match filter.children {
        Some(true) => terms.term("parent IS NOT NULL"),
        Some(false) => terms.term("parent IS NULL"),
        None => {}
    }
    let list = List { what: "operation", select: &TABLE.select, filter: terms, order: ["id"], descending: true };
    list.page(connection, paging, read, |it| [it.id.to_string()])
}

pub fn open(connection: &Connection, resource: &ResourceId) -> Result<Vec<Operation>, Error> {
    all(connection, "operation", &SELECT_OPEN, [resource.as_str()], read)
}

pub fn due(connection: &Connection, now: Timestamp, limit: u32) -> Result<Vec<Operation>, Error> {
    let mut found = all(connection, "operation", &SELECT_DUE, params![int(now.ms()), limit], read)?;
    let room = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
    if room > 0 {
        let params = params![int(now.ms()), room, int(now.plus_ms(AHEAD_MS).ms())];
        found.extend(all(connection, "operation", &SELECT_AHEAD, params, read)?);
    }
    Ok(found)
}

pub fn standing(connection: &Connection) -> Result<Standing, Error> {
    let read = |columns: &mut Columns<'_>| {
        let state: OperationState = columns.word()?;
        Ok((state, columns.number()?, columns.number()?, columns.number()?))
    };
    let rows: Vec<(OperationState, u64, u64, u64)> = all(connection, "operation", SELECT_STANDING, [], read)?;
    let due = one(connection, "operation", SELECT_FIRST_DUE, [], |columns| columns.time_optional())?;
    Ok(Standing {
        by_state: rows.iter().map(|(state, count, ..)| (*state, *count)).collect(),
        in_doubt: rows.iter().map(|row| row.2).sum(),
        held: rows.iter().map(|row| row.3).sum(),
        due: due.flatten(),
    })
}

pub fn next_due(connection: &Connection, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let next = one(connection, "operation", SELECT_NEXT_DUE, [int(now.ms())], |columns| columns.time_optional())?;
    Ok(next.flatten())
}

pub fn next_held_key(connection: &Connection, after: &str) -> Result<Option<String>, Error> {
    let next = one(connection, "operation", SELECT_NEXT_HELD_KEY, [after], |columns| columns.text_optional())?;
    Ok(next.flatten())
}

pub fn held(connection: &Connection, key: &str, limit: u32) -> Result<Vec<Operation>, Error> {
    all(connection, "operation", &SELECT_HELD, params![key, limit], read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(sql: &str) -> String {
        let connection = Connection::open_in_memory().expect("memory");
        for migration in crate::store::sqlite::migration::ALL {
            connection.execute_batch(migration.sql).expect("the schema holds");
        }
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("valid SQL");
        let count = statement.parameter_count();
        let rows = statement.query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>(3));
        rows.expect("a plan").collect::<Result<Vec<_>, _>>().expect("its lines").join("\n")
    }

    /// The queue asks these all the time: none may read the table or sort.
    #[test]
    fn what_the_queue_asks_is_answered_from_partial_indexes() {
        let due = plan_of(&SELECT_DUE);
        assert!(due.contains("USING INDEX operation_due (due<?)"), "{due}");
        assert!(due.contains("operation_open (resource=? AND generation<?)"), "{due}");
        let ahead = plan_of(&SELECT_AHEAD);
        assert!(ahead.contains("USING INDEX operation_ahead (update_time>?)"), "{ahead}");
        let next = plan_of(SELECT_NEXT_DUE);
        assert!(next.contains("USING INDEX operation_due (due>?)"), "{next}");
        let held = plan_of(&SELECT_HELD);
        assert!(held.contains("USING INDEX operation_held (held=?)"), "{held}");
        let key = plan_of(SELECT_NEXT_HELD_KEY);
        assert!(key.contains("INDEX operation_held (held>?)"), "{key}");
        let open = plan_of(&SELECT_OPEN);
        assert!(open.contains("USING INDEX operation_open (resource=?)"), "{open}");
        for plan in [due, ahead, next, held, key] {
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
