//! Entries of orders that are the resource of another entry.

use rusqlite::{Connection, params};

use super::row::{Columns, all};
use super::table::one_row;
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, OrderName, shard};
use crate::domain::resource::Alias;
use crate::store::Error;

const SELECT: &str = "SELECT project, environment, order_name, key, resource FROM alias";

fn read(columns: &mut Columns<'_>) -> Result<Alias, Error> {
    let order = OrderName { project: columns.name()?, environment: columns.name()?, order: columns.name()? };
    let name = order.resource(columns.parse(Key::parse)?);
    Ok(Alias { name, resource: columns.parse(ResourceId::parse)? })
}

/// Of a resource that is there, under a name that nothing else has.
pub fn insert(connection: &Connection, it: &Alias) -> Result<(), Error> {
    let sql = "INSERT INTO alias (project, environment, order_name, key, shard, resource)
               SELECT ?1, ?2, ?3, ?4, ?5, id FROM resource
               WHERE id = ?6 AND NOT EXISTS (
                   SELECT 1 FROM resource WHERE project = ?1 AND environment = ?2 AND order_name = ?3 AND key = ?4)
               ON CONFLICT DO NOTHING";
    let order = &it.name.order;
    let inserted = connection.prepare_cached(sql)?.execute(params![
        order.project.as_str(),
        order.environment.as_str(),
        order.order.as_str(),
        it.name.key.as_str(),
        shard(order.project.as_str()),
        it.resource.as_str(),
    ])?;
    one_row(inserted, || it.name.to_string())
}

pub fn delete(connection: &Connection, it: &Alias) -> Result<(), Error> {
    let sql = "DELETE FROM alias
               WHERE project = ?1 AND environment = ?2 AND order_name = ?3 AND key = ?4 AND resource = ?5";
    let order = &it.name.order;
    let deleted = connection.prepare_cached(sql)?.execute([
        order.project.as_str(),
        order.environment.as_str(),
        order.order.as_str(),
        it.name.key.as_str(),
        it.resource.as_str(),
    ])?;
    one_row(deleted, || it.name.to_string())
}

/// By key.
pub fn of_order(connection: &Connection, order: &OrderName) -> Result<Vec<Alias>, Error> {
    let sql = format!("{SELECT} WHERE project = ?1 AND environment = ?2 AND order_name = ?3 ORDER BY key");
    all(connection, "alias", &sql, [order.project.as_str(), order.environment.as_str(), order.order.as_str()], read)
}

/// By order and key.
pub fn of_resource(connection: &Connection, resource: &ResourceId, limit: u32) -> Result<Vec<Alias>, Error> {
    let sql = format!("{SELECT} WHERE resource = ?1 ORDER BY order_name, key LIMIT {limit}");
    all(connection, "alias", &sql, [resource.as_str()], read)
}
