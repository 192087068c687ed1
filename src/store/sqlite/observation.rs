//! Observations: what was seen of resources last, and whose turn is next.

use rusqlite::{Connection, params};

use super::resource;
use super::row::{Columns, all, int, one};
use super::table::one_row;
use crate::domain::document::Kind;
use crate::domain::id::ResourceId;
use crate::domain::name::{EnvironmentName, Name, shard};
use crate::domain::observation::{DueObservation, Inconclusive, Observation};
use crate::domain::reason::Reason;
use crate::domain::time::Timestamp;
use crate::store::Error;

const WHAT: &str = "observation";

/// The last two characters of an id are chance: they say where in an interval its turn is.
const SPREAD: &str = "((instr('0123456789abcdefghjkmnpqrstvwxyz', lower(substr(resource, -1))) * 33
    + instr('0123456789abcdefghjkmnpqrstvwxyz', lower(substr(resource, -2, 1)))) * ?3 / 1089)";

fn read(columns: &mut Columns<'_>) -> Result<Observation, Error> {
    Ok(Observation {
        resource: columns.parse(ResourceId::parse)?,
        presence: columns.word_optional()?,
        presence_since: columns.time_optional()?,
        drift: columns.sealed_optional()?,
        drift_since: columns.time_optional()?,
        inconclusive: read_inconclusive(columns)?,
        time: columns.time_optional()?,
        generation: columns.number()?,
        corrections: columns.number()?,
        correct_time: columns.time_optional()?,
        due: columns.time_optional()?,
        version: columns.number()?,
    })
}

fn read_inconclusive(columns: &mut Columns<'_>) -> Result<Option<Inconclusive>, Error> {
    if columns.is_null() {
        columns.skip(3);
        return Ok(None);
    }
    Ok(Some(Inconclusive { reason: columns.word()?, message: columns.text()?, since: columns.time()? }))
}

const COLUMNS: &str = "o.resource, o.presence, o.presence_since, o.drift, o.drift_since, o.inconclusive_reason,
    o.inconclusive_message, o.inconclusive_since, o.time, o.generation, o.corrections, o.correct_time, o.due, o.version";

pub fn get(connection: &Connection, id: &ResourceId) -> Result<Option<Observation>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM observation o WHERE o.resource = ?1");
    one(connection, WHAT, &sql, [id.as_str()], read)
}

/// Of an environment, in no order.
pub fn drifted(connection: &Connection, place: &EnvironmentName) -> Result<Vec<Observation>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM observation o JOIN resource r ON r.id = o.resource
         WHERE o.drift IS NOT NULL AND r.project = ?1 AND r.environment = ?2"
    );
    all(connection, WHAT, &sql, [place.project.as_str(), place.environment.as_str()], read)
}

/// Those whose turn it is at `now`, behind `after`, by due time and id.
pub fn due(
    connection: &Connection,
    after: Option<&(Timestamp, ResourceId)>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<DueObservation>, Error> {
    let sql = "SELECT o.resource, o.due, r.pin FROM observation o JOIN resource r ON r.id = o.resource
        WHERE o.due IS NOT NULL AND o.due <= ?1 AND (o.due, o.resource) > (?2, ?3)
        ORDER BY o.due, o.resource LIMIT ?4";
    let (from, behind) = after.map_or((-1, ""), |(due, id)| (int(due.ms()), id.as_str()));
    all(connection, WHAT, sql, params![int(now.ms()), from, behind, limit], |columns| {
        Ok(DueObservation { resource: columns.parse(ResourceId::parse)?, due: columns.time()?, pin: columns.json()? })
    })
}

pub fn next_due(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT due FROM observation WHERE due IS NOT NULL ORDER BY due LIMIT 1";
    one(connection, WHAT, sql, [], |columns| columns.time())
}

/// Of a resource that is still there.
pub fn put(connection: &Connection, project: &str, it: &Observation) -> Result<(), Error> {
    let sql = match it.version {
        1 => {
            "INSERT INTO observation (resource, shard, presence, presence_since, drift, drift_since,
                inconclusive_reason, inconclusive_message, inconclusive_since, time, generation, corrections,
                correct_time, due, version)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15
            WHERE EXISTS (SELECT 1 FROM resource WHERE id = ?1) ON CONFLICT DO NOTHING"
        }
        _ => {
            "UPDATE observation SET shard = ?2, presence = ?3, presence_since = ?4, drift = ?5, drift_since = ?6,
                inconclusive_reason = ?7, inconclusive_message = ?8, inconclusive_since = ?9, time = ?10,
                generation = ?11, corrections = ?12, correct_time = ?13, due = ?14, version = ?15
            WHERE resource = ?1 AND version = ?15 - 1"
        }
    };
    let time = |time: Option<Timestamp>| time.map(|time| int(time.ms()));
    let inconclusive = it.inconclusive.as_ref();
    let written = connection.prepare_cached(sql)?.execute(params![
        it.resource.as_str(),
        shard(project),
        it.presence.map(|presence| presence.as_str()),
        time(it.presence_since),
        it.drift.as_ref().map(|drift| drift.to_bytes()),
        time(it.drift_since),
        inconclusive.map(|it| it.reason.as_str()),
        inconclusive.map(|it| it.message.as_str()),
        inconclusive.map(|it| int(it.since.ms())),
        time(it.time),
        int(it.generation),
        it.corrections,
        time(it.correct_time),
        time(it.due),
        int(it.version),
    ])?;
    one_row(written, || format!("observation {}", it.resource))
}

/// What was seen is forgotten, for the resource is another by now; its corrections are not.
pub fn reset(
    connection: &Connection,
    project: &str,
    id: &ResourceId,
    generation: u64,
    due: Option<Timestamp>,
) -> Result<(), Error> {
    let sql = "INSERT INTO observation (resource, shard, generation, corrections, due, version)
        VALUES (?1, ?2, ?3, 0, ?4, 1)
        ON CONFLICT (resource) DO UPDATE SET presence = NULL, presence_since = NULL, drift = NULL,
            drift_since = NULL, inconclusive_reason = NULL, inconclusive_message = NULL, inconclusive_since = NULL,
            time = NULL, generation = excluded.generation, due = excluded.due, version = version + 1";
    let due = due.map(|due| int(due.ms()));
    connection.prepare_cached(sql)?.execute(params![id.as_str(), shard(project), int(generation), due])?;
    Ok(())
}

/// What was seen of all that is made with a connection may be otherwise by now: they are due at once.
pub fn doubt(connection: &Connection, name: &Name, reason: Reason, message: &str, now: Timestamp) -> Result<(), Error> {
    let sql = format!(
        "UPDATE observation SET inconclusive_reason = ?2, inconclusive_message = ?3, inconclusive_since = ?4, due = ?4,
            version = version + 1
        WHERE resource IN (SELECT id FROM resource WHERE {})",
        resource::standing_on(Kind::Connection)
    );
    let params = params![name.as_str(), reason.as_str(), message, int(now.ms())];
    connection.prepare_cached(&sql)?.execute(params)?;
    Ok(())
}

/// Those of a type are looked at within `interval_ms` from `now`, one after the other; or never.
pub fn reschedule(
    connection: &Connection,
    resource_type: &Name,
    now: Timestamp,
    interval_ms: Option<u64>,
) -> Result<(), Error> {
    let (sql, interval) = match interval_ms {
        Some(interval_ms) => (
            format!(
                "UPDATE observation SET due = ?2 + {SPREAD}, version = version + 1
                WHERE resource IN (SELECT id FROM resource WHERE type = ?1)"
            ),
            int(interval_ms),
        ),
        None => (
            "UPDATE observation SET due = NULL, version = version + 1
            WHERE resource IN (SELECT id FROM resource WHERE type = ?1) AND ?2 >= ?3"
                .to_owned(),
            0,
        ),
    };
    connection.prepare_cached(&sql)?.execute(params![resource_type.as_str(), int(now.ms()), interval])?;
    Ok(())
}
