//! Secrets at rest: sealed values under a handle or an operator's name.

use std::sync::LazyLock;

use rusqlite::{Connection, params};

use super::list::{List, Where};
use super::row::{Columns, all, int, one};
use super::table::{Statements, Table};
use crate::domain::id::ResourceId;
use crate::domain::name::shard;
use crate::domain::secret::SecretRecord;
use crate::store::{Error, Page, Paging};

static TABLE: LazyLock<Statements> = LazyLock::new(|| {
    Table {
        name: "secret",
        key: &["key"],
        fixed: &["shard", "project", "resource", "create_time"],
        changing: &["name", "value", "principal", "version", "update_time"],
    }
    .statements()
});

static SELECT: LazyLock<String> = LazyLock::new(|| format!("{} WHERE key = ?1", TABLE.select));

static SELECT_OF: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE resource = ?1 ORDER BY name, key", TABLE.select));

fn read(columns: &mut Columns<'_>) -> Result<SecretRecord, Error> {
    let key = columns.text()?;
    columns.skip(1);
    Ok(SecretRecord {
        key,
        project: columns.text()?,
        resource: columns.parse_optional(ResourceId::parse)?,
        create_time: columns.time()?,
        name: columns.text()?,
        value: columns.sealed()?,
        principal: columns.text()?,
        version: columns.number()?,
        update_time: columns.time()?,
    })
}

pub fn put(connection: &Connection, it: &SecretRecord) -> Result<(), Error> {
    let params = params![
        it.key,
        shard(&it.project),
        it.project,
        it.resource.as_ref().map(ResourceId::as_str),
        int(it.create_time.ms()),
        it.name,
        it.value.to_bytes(),
        it.principal,
        int(it.version),
        int(it.update_time.ms()),
    ];
    TABLE.put(connection, it.version, params, || format!("secret {}", it.name))
}

pub fn get(connection: &Connection, key: &str) -> Result<Option<SecretRecord>, Error> {
    one(connection, "secret", &SELECT, [key], read)
}

pub fn of(connection: &Connection, resource: &ResourceId) -> Result<Vec<SecretRecord>, Error> {
    all(connection, "secret", &SELECT_OF, [resource.as_str()], read)
}

pub fn named(connection: &Connection, paging: &Paging) -> Result<Page<SecretRecord>, Error> {
    let mut filter = Where::default();
    filter.term("resource IS NULL");
    let list = List { what: "secret", select: &TABLE.select, filter, order: ["key"], descending: false };
    list.page(connection, paging, read, |it| [it.key.clone()])
}
