//! Who did what: only ever added to.

use rusqlite::{Connection, params};

use super::list::{List, Where};
use super::row::{Columns, int};
use crate::domain::event::Audit;
use crate::domain::id::AuditId;
use crate::domain::name::shard;
use crate::store::{Error, Page, Paging};

pub fn insert(connection: &Connection, it: &Audit) -> Result<(), Error> {
    let sql = "INSERT INTO audit (id, shard, project, principal, action, name, decision, reason, time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        it.id.as_str(),
        shard(&it.project),
        it.project,
        it.principal,
        it.action,
        it.name,
        it.decision,
        it.reason,
        int(it.time.ms()),
    ])?;
    Ok(())
}

fn read(columns: &mut Columns<'_>) -> Result<Audit, Error> {
    Ok(Audit {
        id: columns.parse(AuditId::parse)?,
        project: columns.text()?,
        principal: columns.text()?,
        action: columns.text()?,
        name: columns.text()?,
        decision: columns.text()?,
        reason: columns.text()?,
        time: columns.time()?,
    })
}

pub fn list(connection: &Connection, project: Option<&str>, paging: &Paging) -> Result<Page<Audit>, Error> {
    let mut filter = Where::default();
    filter.optional("project = ?", project);
    let select = "SELECT id, project, principal, action, name, decision, reason, time FROM audit";
    let list = List { what: "audit entry", select, filter, order: ["id"], descending: true };
    list.page(connection, paging, read, |it| [it.id.to_string()])
}
