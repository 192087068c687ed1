//! Orders.

use std::sync::LazyLock;

use rusqlite::{Connection, params};

use super::list::{List, Where};
use super::row::{Columns, int, json, one};
use super::table::{Statements, Table, one_row};
use crate::domain::id::{OperationId, OrderId};
use crate::domain::name::{OrderName, shard};
use crate::domain::order::Order;
use crate::store::{Error, Filter, Page, Paging};

static TABLE: LazyLock<Statements> = LazyLock::new(|| {
    Table {
        name: "order_",
        key: &["project", "environment", "name"],
        fixed: &["id", "shard", "create_time"],
        changing: &[
            "labels",
            "generation",
            "manifest",
            "operation",
            "deleting",
            "principal",
            "source",
            "version",
            "update_time",
        ],
    }
    .statements()
});

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE project = ?1 AND environment = ?2 AND name = ?3", TABLE.select));

fn read(columns: &mut Columns<'_>) -> Result<Order, Error> {
    let name = OrderName { project: columns.name()?, environment: columns.name()?, order: columns.name()? };
    let id = columns.parse(OrderId::parse)?;
    columns.skip(1);
    Ok(Order {
        id,
        name,
        create_time: columns.time()?,
        labels: columns.json()?,
        generation: columns.number()?,
        manifest: columns.sealed()?,
        operation: columns.parse(OperationId::parse)?,
        deleting: columns.flag()?,
        principal: columns.text()?,
        source: columns.text()?,
        version: columns.number()?,
        update_time: columns.time()?,
    })
}

pub fn put(connection: &Connection, it: &Order) -> Result<(), Error> {
    let params = params![
        it.name.project.as_str(),
        it.name.environment.as_str(),
        it.name.order.as_str(),
        it.id.as_str(),
        shard(it.name.project.as_str()),
        int(it.create_time.ms()),
        json(&it.labels),
        int(it.generation),
        it.manifest.to_bytes(),
        it.operation.as_str(),
        it.deleting,
        it.principal,
        it.source,
        int(it.version),
        int(it.update_time.ms()),
    ];
    TABLE.put(connection, it.version, params, || it.name.to_string())
}

/// The deleted order is the answer.
pub fn delete(connection: &Connection, name: &OrderName, id: &OrderId, version: u64) -> Result<Order, Error> {
    let Some(order) = get(connection, name)? else {
        return Err(Error::Conflict { record: name.to_string() });
    };
    let mut statement = connection.prepare_cached(
        "DELETE FROM order_ WHERE project = ?1 AND environment = ?2 AND name = ?3 AND id = ?4 AND version = ?5",
    )?;
    let deleted = statement.execute(params![
        name.project.as_str(),
        name.environment.as_str(),
        name.order.as_str(),
        id.as_str(),
        int(version)
    ])?;
    one_row(deleted, || name.to_string())?;
    Ok(order)
}

/// Deletes the order if it waits for nothing but that. The deleted order, if it went.
pub fn sweep(connection: &Connection, name: &OrderName) -> Result<Option<Order>, Error> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM order_ WHERE project = ?1 AND environment = ?2 AND name = ?3 AND deleting
            AND NOT EXISTS (
                SELECT 1 FROM resource
                WHERE resource.project = ?1 AND resource.environment = ?2 AND resource.order_name = ?3)",
    )?;
    let order = get(connection, name)?;
    let swept = statement.execute([name.project.as_str(), name.environment.as_str(), name.order.as_str()])?;
    Ok(order.filter(|_| swept > 0))
}

pub fn get(connection: &Connection, name: &OrderName) -> Result<Option<Order>, Error> {
    let params = params![name.project.as_str(), name.environment.as_str(), name.order.as_str()];
    one(connection, "order", &SELECT, params, read)
}

pub fn list(connection: &Connection, filter: &Filter, paging: &Paging) -> Result<Page<Order>, Error> {
    let mut terms = Where::default();
    terms.optional("project = ?", filter.project.as_deref());
    terms.optional("environment = ?", filter.environment.as_deref());
    terms.optional("name = ?", filter.order.as_deref());
    terms.labels(&filter.labels);
    let order = ["project", "environment", "name"];
    let list = List { what: "order", select: &TABLE.select, filter: terms, order, descending: false };
    list.page(connection, paging, read, |it| {
        [it.name.project.to_string(), it.name.environment.to_string(), it.name.order.to_string()]
    })
}
