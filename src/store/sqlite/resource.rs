//! Resources, and who uses what.

use std::sync::LazyLock;

use rusqlite::{Connection, params};

use super::list::{List, Where};
use super::row::{Columns, all, int, json, one};
use super::table::{Statements, Table, one_row};
use crate::domain::document::Kind;
use crate::domain::id::{OrderId, ResourceId};
use crate::domain::name::{EnvironmentName, Key, Name, OrderName, ResourceName, SharedId, shard};
use crate::domain::resource::{ExternalObject, Resource, ResourceState};
use crate::store::{Error, Filter, Move, Page, Paging, Pinned};

/// So many names of users are told.
const USERS_TOLD: u32 = 5;

static TABLE: LazyLock<Statements> = LazyLock::new(|| {
    Table {
        name: "resource",
        key: &["id"],
        fixed: &["shard", "project", "environment", "order_name", "key", "order_id", "create_time"],
        changing: &[
            "labels",
            "type",
            "class",
            "shared",
            "generation",
            "observed_generation",
            "desired",
            "pin",
            "care",
            "edges",
            "ties",
            "incarnation",
            "state",
            "reason",
            "message",
            "principal",
            "version",
            "update_time",
            "object_incarnation",
            "object_claimed",
            "object_external_id",
            "object_state",
            "object_state_version",
            "object_applied",
            "object_outputs",
            "object_complete",
            "former_incarnation",
            "former_claimed",
            "former_external_id",
            "former_state",
            "former_state_version",
            "former_applied",
            "former_outputs",
            "former_complete",
        ],
    }
    .statements()
});

static SELECT: LazyLock<String> = LazyLock::new(|| format!("{} WHERE id = ?1", TABLE.select));

fn read(columns: &mut Columns<'_>) -> Result<Resource, Error> {
    let id = columns.parse(ResourceId::parse)?;
    columns.skip(1);
    let order = OrderName { project: columns.name()?, environment: columns.name()?, order: columns.name()? };
    Ok(Resource {
        id,
        name: ResourceName { order, key: columns.parse(Key::parse)? },
        order: columns.parse(OrderId::parse)?,
        create_time: columns.time()?,
        labels: columns.json()?,
        resource_type: columns.name()?,
        class: columns.name_optional()?,
        shared: columns.parse_optional(|text| SharedId::new(text))?,
        generation: columns.number()?,
        observed_generation: columns.number()?,
        desired: columns.sealed()?,
        pin: columns.json()?,
        care: columns.json()?,
        edges: columns.json()?,
        ties: columns.json()?,
        incarnation: columns.number()?,
        state: columns.word()?,
        reason: columns.word_optional()?,
        message: columns.text()?,
        principal: columns.text()?,
        version: columns.number()?,
        update_time: columns.time()?,
        object: read_object(columns)?,
        former: read_object(columns)?,
    })
}

fn read_object(columns: &mut Columns<'_>) -> Result<Option<ExternalObject>, Error> {
    if columns.is_null() {
        columns.skip(8);
        return Ok(None);
    }
    Ok(Some(ExternalObject {
        incarnation: columns.number()?,
        claimed: columns.flag()?,
        external_id: columns.text_optional()?,
        state: columns.sealed()?,
        state_version: columns.number()?,
        applied: columns.sealed()?,
        outputs: columns.sealed()?,
        complete: columns.flag()?,
    }))
}

pub fn put(connection: &Connection, it: &Resource) -> Result<(), Error> {
    let (object, former) = (it.object.as_ref(), it.former.as_ref());
    let order = &it.name.order;
    let params = params![
        it.id.as_str(),
        shard(order.project.as_str()),
        order.project.as_str(),
        order.environment.as_str(),
        order.order.as_str(),
        it.name.key.as_str(),
        it.order.as_str(),
        int(it.create_time.ms()),
        json(&it.labels),
        it.resource_type.as_str(),
        it.class.as_ref().map(|class| class.as_str()),
        it.shared.as_ref().map(|id| id.as_str()),
        int(it.generation),
        int(it.observed_generation),
        it.desired.to_bytes(),
        json(&it.pin),
        json(&it.care),
        json(&it.edges),
        json(&it.ties),
        it.incarnation,
        it.state.as_str(),
        it.reason.map(|reason| reason.as_str()),
        it.message,
        it.principal,
        int(it.version),
        int(it.update_time.ms()),
        object.map(|it| it.incarnation),
        object.map(|it| it.claimed),
        object.and_then(|it| it.external_id.as_deref()),
        object.map(|it| it.state.to_bytes()),
        object.map(|it| it.state_version),
        object.map(|it| it.applied.to_bytes()),
        object.map(|it| it.outputs.to_bytes()),
        object.map(|it| it.complete),
        former.map(|it| it.incarnation),
        former.map(|it| it.claimed),
        former.and_then(|it| it.external_id.as_deref()),
        former.map(|it| it.state.to_bytes()),
        former.map(|it| it.state_version),
        former.map(|it| it.applied.to_bytes()),
        former.map(|it| it.outputs.to_bytes()),
        former.map(|it| it.complete),
    ];
    TABLE.put(connection, it.version, params, || it.name.to_string())
}

/// Gives resources other names, one after the other: a name that one of them leaves is free for the next.
pub fn rename(connection: &Connection, moves: &[Move]) -> Result<(), Error> {
    let sql =
        "UPDATE resource SET environment = ?3, order_name = ?4, key = ?5, order_id = ?6 WHERE id = ?1 AND version = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut holder = connection.prepare_cached("UPDATE natural_key SET holder = ?2 WHERE resource = ?1")?;
    for it in moves {
        let order = &it.name.order;
        let changed = statement.execute(params![
            it.id.as_str(),
            int(it.version),
            order.environment.as_str(),
            order.order.as_str(),
            it.name.key.as_str(),
            it.order.as_str(),
        ]);
        let changed = match changed {
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::ConstraintViolation => {
                return Err(Error::Conflict { record: it.name.to_string() });
            }
            other => other?,
        };
        one_row(changed, || it.name.to_string())?;
        holder.execute(params![it.id.as_str(), it.name.to_string()])?;
    }
    Ok(())
}

/// With its secrets, natural keys, suspicion and observation; the deleted resource is the answer. A conflict while another entry is this
/// resource too.
pub fn delete(connection: &Connection, id: &ResourceId, version: u64) -> Result<Resource, Error> {
    let Some(resource) = get(connection, id)? else {
        return Err(Error::Conflict { record: format!("resource {id}") });
    };
    let mut statement = connection.prepare_cached(
        "DELETE FROM resource WHERE id = ?1 AND version = ?2
            AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.resource = ?1)",
    )?;
    one_row(statement.execute(params![id.as_str(), int(version)])?, || resource.name.to_string())?;
    connection.prepare_cached("DELETE FROM secret WHERE resource = ?1")?.execute([id.as_str()])?;
    connection.prepare_cached("DELETE FROM natural_key WHERE resource = ?1")?.execute([id.as_str()])?;
    connection.prepare_cached("DELETE FROM suspect WHERE resource = ?1")?.execute([id.as_str()])?;
    connection.prepare_cached("DELETE FROM observation WHERE resource = ?1")?.execute([id.as_str()])?;
    Ok(resource)
}

pub fn get(connection: &Connection, id: &ResourceId) -> Result<Option<Resource>, Error> {
    one(connection, "resource", &SELECT, [id.as_str()], read)
}

/// The one that entries of this type, class and id are.
pub fn shared(
    connection: &Connection,
    place: &EnvironmentName,
    resource_type: &Name,
    class: Option<&Name>,
    id: &SharedId,
) -> Result<Option<Resource>, Error> {
    let sql = format!(
        "{} WHERE project = ?1 AND environment = ?2 AND type = ?3 AND coalesce(class, '') = ?4 AND shared = ?5",
        TABLE.select
    );
    let class = class.map_or("", Name::as_str);
    let params = [place.project.as_str(), place.environment.as_str(), resource_type.as_str(), class, id.as_str()];
    one(connection, "resource", &sql, params, read)
}

/// Those of other orders of its environment that refer to it. A scan: asked only of what is shared.
pub fn referrers(connection: &Connection, it: &Resource, limit: u32) -> Result<Vec<Resource>, Error> {
    let sql = format!(
        "{} WHERE project = ?1 AND environment = ?2 AND order_name <> ?3
            AND EXISTS (SELECT 1 FROM json_each(edges) WHERE value = ?4)
         ORDER BY order_name, key LIMIT {limit}",
        TABLE.select
    );
    let order = &it.name.order;
    let params = [order.project.as_str(), order.environment.as_str(), order.order.as_str(), it.id.as_str()];
    all(connection, "resource", &sql, params, read)
}

pub fn list(connection: &Connection, filter: &Filter, paging: &Paging) -> Result<Page<Resource>, Error> {
    let mut terms = Where::default();
    terms.optional("project = ?", filter.project.as_deref());
    terms.optional("environment = ?", filter.environment.as_deref());
    terms.optional("order_name = ?", filter.order.as_deref());
    terms.optional("type = ?", filter.resource_type.as_deref());
    terms.optional("id = ?", filter.resource.as_ref().map(ResourceId::as_str));
    terms.labels(&filter.labels);
    let order = ["project", "environment", "order_name", "key"];
    let list = List { what: "resource", select: &TABLE.select, filter: terms, order, descending: false };
    list.page(connection, paging, read, |it| {
        let order = &it.name.order;
        [order.project.to_string(), order.environment.to_string(), order.order.to_string(), it.name.key.to_string()]
    })
}

pub fn count(connection: &Connection, order: &OrderName) -> Result<Vec<(ResourceState, u64)>, Error> {
    let sql = "SELECT state, count(*) FROM (
            SELECT state FROM resource WHERE project = ?1 AND environment = ?2 AND order_name = ?3
            UNION ALL SELECT r.state FROM alias a JOIN resource r ON r.id = a.resource
                WHERE a.project = ?1 AND a.environment = ?2 AND a.order_name = ?3
        ) GROUP BY state";
    let params = [order.project.as_str(), order.environment.as_str(), order.order.as_str()];
    all(connection, "resource", sql, params, |columns| Ok((columns.word()?, columns.number()?)))
}

/// How many resources stand on a document, and the first names. A scan: asked only when a document is about to go.
pub fn users(connection: &Connection, kind: Kind, name: &str) -> Result<(u64, Vec<String>), Error> {
    count_users(connection, standing_on(kind), name)
}

/// Which revisions of which recipes they are pinned to, and how many of them: another scan.
pub fn pinned(connection: &Connection, kind: Kind, name: &str, limit: u32) -> Result<Vec<Pinned>, Error> {
    let sql = format!(
        "SELECT json_extract(pin, '$.recipe') AS recipe, json_extract(pin, '$.recipe-revision') AS revision, count(*) AS count
         FROM resource WHERE {} GROUP BY recipe, revision ORDER BY count DESC, recipe, revision DESC LIMIT {limit}",
        standing_on(kind)
    );
    all(connection, "resource", &sql, [name], |columns| {
        Ok(Pinned { recipe: columns.name()?, revision: columns.number()?, count: columns.number()? })
    })
}

pub fn standing_on(kind: Kind) -> &'static str {
    match kind {
        Kind::Recipe => "json_extract(pin, '$.recipe') = ?1",
        Kind::Connection => "EXISTS (SELECT 1 FROM json_each(pin, '$.connections') WHERE value = ?1)",
        Kind::ResourceType => "type = ?1",
        Kind::Project => "project = ?1",
        Kind::Environment => "project || '/' || environment = ?1",
        Kind::Order => "order_name = ?1",
    }
}

/// How many resources are made with a driver, likewise.
pub fn driver_users(connection: &Connection, digest: &str) -> Result<(u64, Vec<String>), Error> {
    count_users(connection, "json_extract(pin, '$.driver-digest') = ?1", digest)
}

fn count_users(connection: &Connection, term: &str, value: &str) -> Result<(u64, Vec<String>), Error> {
    let sql = format!("SELECT count(*) FROM resource WHERE {term}");
    let count = one(connection, "count", &sql, [value], |columns| columns.number())?.unwrap_or(0);
    let sql = format!(
        "SELECT project, environment, order_name, key FROM resource WHERE {term}
         ORDER BY project, environment, order_name, key LIMIT {USERS_TOLD}"
    );
    let names = all(connection, "resource", &sql, [value], |columns| {
        let order = OrderName { project: columns.name()?, environment: columns.name()?, order: columns.name()? };
        Ok(order.resource(columns.parse(Key::parse)?).to_string())
    })?;
    Ok((count, names))
}
