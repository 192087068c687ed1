//! What was answered to which request id.

use rusqlite::{Connection, params};

use super::row::{int, one};
use super::table::one_row;
use crate::domain::id::OperationId;
use crate::domain::name::shard;
use crate::store::{Error, Request};

/// A request id that is taken is a conflict: the caller reads what was answered.
pub fn insert(connection: &Connection, it: &Request) -> Result<(), Error> {
    let sql = "INSERT INTO request (project, request_id, shard, content_hash, operation, time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let inserted = connection.prepare_cached(sql)?.execute(params![
        it.project,
        it.request_id,
        shard(&it.project),
        it.content_hash,
        it.operation.as_str(),
        int(it.time.ms()),
    ])?;
    one_row(inserted, || format!("request {}", it.request_id))
}

pub fn get(connection: &Connection, project: &str, request_id: &str) -> Result<Option<Request>, Error> {
    let sql = "SELECT content_hash, operation, time FROM request WHERE project = ?1 AND request_id = ?2";
    one(connection, "request", sql, [project, request_id], |columns| {
        Ok(Request {
            project: project.to_owned(),
            request_id: request_id.to_owned(),
            content_hash: columns.text()?,
            operation: columns.parse(OperationId::parse)?,
            time: columns.time()?,
        })
    })
}
