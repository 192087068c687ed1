//! Shards: lease, fence and revision counter in one row each.

use rusqlite::{Connection, params};

use super::row::{int, one};
use crate::store::Error;

/// So many there are, for ever: `domain::name::shard` says which project is where.
pub const COUNT: u16 = 256;

/// This process as the owner of shards.
#[derive(Debug, Clone)]
pub struct Owner {
    pub name: String,
}

/// The events a shard keeps.
pub struct Kept {
    pub oldest: u64,
    pub latest: u64,
}

/// Makes `owner` the owner of all shards, each in its next epoch: whatever owned them before is fenced out.
///
/// The lease has no end: the lock on the data directory is what holds it.
pub fn take_all(connection: &Connection, owner: &Owner) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare(
        "INSERT INTO shard (id, owner, epoch, lease_until, rev, oldest) VALUES (?1, ?2, 1, ?3, 0, 1)
         ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, epoch = epoch + 1, lease_until = excluded.lease_until",
    )?;
    for id in 0..COUNT {
        statement.execute(params![id, owner.name, i64::MAX])?;
    }
    Ok(())
}

/// Each shard's epoch, by id.
pub fn epochs(connection: &Connection) -> Result<Vec<i64>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT epoch FROM shard ORDER BY id")?;
    let epochs = statement.query_map([], |row| row.get(0))?;
    epochs.collect()
}

pub fn revision(connection: &Connection, id: u16) -> Result<Kept, Error> {
    one(connection, "shard", "SELECT oldest, rev FROM shard WHERE id = ?1", [id], |columns| {
        Ok(Kept { oldest: columns.number()?, latest: columns.number()? })
    })?
    .ok_or_else(|| Error::Damaged { what: format!("shard {id}"), detail: "is missing".into() })
}

/// The latest revision of a shard that this owner still holds. Within the writing transaction, so it stays true.
pub fn fence(connection: &Connection, id: u16, owner: &Owner, epoch: i64) -> Result<u64, Error> {
    let sql = "SELECT rev FROM shard WHERE id = ?1 AND owner = ?2 AND epoch = ?3";
    one(connection, "shard", sql, params![id, owner.name, epoch], |columns| columns.number())?
        .ok_or(Error::Fenced { shard: id })
}

/// Counts `events` more, as the owner. The new latest revision.
pub fn advance(connection: &Connection, id: u16, owner: &Owner, epoch: i64, events: u64) -> Result<u64, Error> {
    let sql = "UPDATE shard SET rev = rev + ?4 WHERE id = ?1 AND owner = ?2 AND epoch = ?3 RETURNING rev";
    one(connection, "shard", sql, params![id, owner.name, epoch, int(events)], |columns| columns.number())?
        .ok_or(Error::Fenced { shard: id })
}
