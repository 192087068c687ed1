//! Events: each shard's own gap-free sequence.

use rusqlite::{Connection, params};

use super::row::{all, int};
use super::shard;
use crate::domain::event::{Event, Recorded};
use crate::domain::name;
use crate::store::Error;

/// A shard's events lie behind one another from here on: more revisions than 2^48 no shard will see.
pub const PLACES: u64 = 1 << 48;

pub fn place(shard: u16, revision: u64) -> i64 {
    int(u64::from(shard) * PLACES + revision)
}

pub fn insert(connection: &Connection, revision: u64, it: &Event) -> Result<(), Error> {
    let sql = "INSERT INTO event (place, project, subject, change, id, name, order_name, state, message, time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(sql)?.execute(params![
        place(name::shard(&it.project), revision),
        it.project,
        it.subject.as_str(),
        it.change.as_str(),
        it.id,
        it.name,
        it.order,
        it.state,
        it.message,
        int(it.time.ms()),
    ])?;
    Ok(())
}

/// Those of one project behind `after`, and the revision up to which they are all. Within one read transaction.
pub fn behind(connection: &Connection, project: &str, after: u64, limit: u32) -> Result<(Vec<Recorded>, u64), Error> {
    let id = name::shard(project);
    let at = shard::revision(connection, id)?;
    if after > at.latest || after + 1 < at.oldest {
        return Err(Error::Compacted { revision: after, oldest: at.oldest });
    }
    let sql = "SELECT place, project, subject, change, id, name, order_name, state, message, time FROM event
               WHERE place > ?1 AND place <= ?2 AND project = ?3 ORDER BY place LIMIT ?4";
    let range = params![place(id, after), place(id, at.latest), project, limit];
    let events = all(connection, "event", sql, range, |columns| {
        Ok(Recorded {
            revision: columns.number::<u64>()? % PLACES,
            event: Event {
                project: columns.text()?,
                subject: columns.word()?,
                change: columns.word()?,
                id: columns.text()?,
                name: columns.text()?,
                order: columns.text()?,
                state: columns.text()?,
                message: columns.text()?,
                time: columns.time()?,
            },
        })
    })?;
    let full = events.len() >= limit as usize;
    let until = events.last().filter(|_| full).map_or(at.latest, |last| last.revision);
    Ok((events, if limit == 0 { after } else { until }))
}
