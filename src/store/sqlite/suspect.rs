//! Suspects: the resources that a backup brought.

use rusqlite::{Connection, params};

use super::row::{Columns, all, one};
use super::table::one_row;
use crate::domain::id::ResourceId;
use crate::domain::suspect::Suspect;
use crate::store::Error;

const WHAT: &str = "suspect";

fn read(columns: &mut Columns<'_>) -> Result<Suspect, Error> {
    Ok(Suspect {
        resource: columns.parse(ResourceId::parse)?,
        open: columns.flag()?,
        finding: columns.word_optional()?,
        detail: columns.text()?,
    })
}

pub fn get(connection: &Connection, id: &ResourceId) -> Result<Option<Suspect>, Error> {
    let sql = "SELECT resource, open, finding, detail FROM suspect WHERE resource = ?1";
    one(connection, WHAT, sql, [id.as_str()], read)
}

pub fn behind(connection: &Connection, after: Option<&ResourceId>, limit: u32) -> Result<Vec<Suspect>, Error> {
    let sql = "SELECT resource, open, finding, detail FROM suspect WHERE resource > ?1 ORDER BY resource LIMIT ?2";
    all(connection, WHAT, sql, params![after.map_or("", ResourceId::as_str), limit], read)
}

/// Of a resource that is still there.
pub fn update(connection: &Connection, it: &Suspect) -> Result<(), Error> {
    let sql = "UPDATE suspect SET open = ?2, finding = ?3, detail = ?4 WHERE resource = ?1";
    let finding = it.finding.map(|finding| finding.as_str());
    let updated =
        connection.prepare_cached(sql)?.execute(params![it.resource.as_str(), it.open, finding, it.detail])?;
    one_row(updated, || format!("suspect {}", it.resource))
}
