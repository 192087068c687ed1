//! Documents and what they were at each version.

use std::sync::LazyLock;

use rusqlite::{Connection, params};

use super::list::{List, Where};
use super::row::{Columns, int, json, one};
use super::table::{Statements, Table, one_row};
use crate::domain::document::{Document, Kind};
use crate::domain::id::DocumentId;
use crate::domain::name::shard;
use crate::store::{Error, Page, Paging};

static TABLE: LazyLock<Statements> = LazyLock::new(|| {
    Table {
        name: "document",
        key: &["kind", "project", "name"],
        fixed: &["id", "shard", "create_time"],
        changing: &["manifest", "version", "principal", "update_time"],
    }
    .statements()
});

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE kind = ?1 AND project = ?2 AND name = ?3", TABLE.select));

static SELECT_AT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM document_revision WHERE kind = ?1 AND project = ?2 AND name = ?3 AND version = ?4",
        TABLE.columns
    )
});

static INSERT_REVISION: LazyLock<String> = LazyLock::new(|| {
    format!("INSERT INTO document_revision ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", TABLE.columns)
});

fn read(columns: &mut Columns<'_>) -> Result<Document, Error> {
    columns.skip(1);
    let project = columns.text()?;
    columns.skip(1);
    let id = columns.parse(DocumentId::parse)?;
    columns.skip(1);
    Ok(Document {
        id,
        project,
        create_time: columns.time()?,
        manifest: columns.json()?,
        version: columns.number()?,
        principal: columns.text()?,
        update_time: columns.time()?,
    })
}

pub fn put(connection: &Connection, it: &Document) -> Result<(), Error> {
    let manifest = json(&it.manifest);
    let params = params![
        it.manifest.kind().as_str(),
        it.project,
        it.manifest.name().as_str(),
        it.id.as_str(),
        shard(&it.project),
        int(it.create_time.ms()),
        manifest,
        int(it.version),
        it.principal,
        int(it.update_time.ms()),
    ];
    TABLE.put(connection, it.version, params, || it.manifest.resource_name())?;
    connection.prepare_cached(&INSERT_REVISION)?.execute(params)?;
    Ok(())
}

/// With all of its revisions; the deleted document is the answer.
pub fn delete(connection: &Connection, kind: Kind, project: &str, name: &str, version: u64) -> Result<Document, Error> {
    let record = || format!("{kind} {name}");
    let Some(document) = get(connection, kind, project, name)? else {
        return Err(Error::Conflict { record: record() });
    };
    let mut statement = connection
        .prepare_cached("DELETE FROM document WHERE kind = ?1 AND project = ?2 AND name = ?3 AND version = ?4")?;
    one_row(statement.execute(params![kind.as_str(), project, name, int(version)])?, record)?;
    connection
        .prepare_cached("DELETE FROM document_revision WHERE kind = ?1 AND project = ?2 AND name = ?3")?
        .execute(params![kind.as_str(), project, name])?;
    Ok(document)
}

pub fn get(connection: &Connection, kind: Kind, project: &str, name: &str) -> Result<Option<Document>, Error> {
    one(connection, "document", &SELECT, params![kind.as_str(), project, name], read)
}

pub fn get_at(
    connection: &Connection,
    kind: Kind,
    project: &str,
    name: &str,
    version: u64,
) -> Result<Option<Document>, Error> {
    one(connection, "document", &SELECT_AT, params![kind.as_str(), project, name, int(version)], read)
}

pub fn list(
    connection: &Connection,
    kind: Kind,
    project: Option<&str>,
    paging: &Paging,
) -> Result<Page<Document>, Error> {
    let mut filter = Where::default();
    filter.value("kind = ?", kind.as_str().to_owned());
    filter.optional("project = ?", project);
    let list = List { what: "document", select: &TABLE.select, filter, order: ["project", "name"], descending: false };
    list.page(connection, paging, read, |it| [it.project.clone(), it.manifest.name().to_string()])
}
