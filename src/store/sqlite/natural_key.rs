//! Natural keys: one holder each, across all projects.

use rusqlite::{Connection, params};

use super::row::{all, one};
use crate::domain::id::ResourceId;
use crate::domain::name::shard;
use crate::store::{Error, NaturalKey};

/// Taking a key again that one holds already is fine.
pub fn reserve(connection: &Connection, it: &NaturalKey) -> Result<(), Error> {
    let sql = "INSERT INTO natural_key (backend, family, key, shard, project, resource, holder)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        it.backend,
        it.family,
        it.key,
        shard(&it.project),
        it.project,
        it.resource.as_str(),
        it.holder,
    ])?;
    if inserted == 1 {
        return Ok(());
    }
    let sql = "SELECT resource, holder FROM natural_key WHERE backend = ?1 AND family = ?2 AND key = ?3";
    let held = one(connection, "natural key", sql, params![it.backend, it.family, it.key], |columns| {
        Ok((columns.text()?, columns.text()?))
    })?;
    match held {
        Some((resource, _)) if resource == it.resource.as_str() => Ok(()),
        Some((_, holder)) => Err(Error::KeyTaken { family: it.family.clone(), key: it.key.clone(), holder }),
        None => Err(Error::Damaged { what: "natural key".into(), detail: "is both there and not".into() }),
    }
}

/// The projects whose rows went.
pub fn release(connection: &Connection, resource: &ResourceId) -> Result<Vec<String>, Error> {
    let sql = "DELETE FROM natural_key WHERE resource = ?1 RETURNING project";
    all(connection, "natural key", sql, [resource.as_str()], |columns| columns.text())
}
