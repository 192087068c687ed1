//! Generations of orders.

use rusqlite::{Connection, params};

use super::row::{Columns, all, int, json, one};
use crate::domain::generation::{Generation, KEPT};
use crate::domain::id::{OperationId, OrderId};
use crate::domain::name::{OrderName, shard};
use crate::store::Error;

const WHAT: &str = "generation";

const COLUMNS: &str = "g.order_id, o.project, o.environment, o.name, g.generation, g.operation, g.verb, g.principal, g.source, g.plan_digest, g.counts, g.plan, g.time";

fn read(columns: &mut Columns<'_>) -> Result<Generation, Error> {
    Ok(Generation {
        order: columns.parse(OrderId::parse)?,
        name: OrderName { project: columns.name()?, environment: columns.name()?, order: columns.name()? },
        generation: columns.number()?,
        operation: columns.parse(OperationId::parse)?,
        verb: columns.word()?,
        principal: columns.text()?,
        source: columns.text()?,
        plan_digest: columns.text()?,
        counts: columns.json()?,
        plan: columns.sealed()?,
        time: columns.time()?,
        manifest: columns.sealed_optional()?,
    })
}

/// Before the order itself is written: the manifest that it has until then belongs to the generation before. The oldest one goes.
pub fn put(connection: &Connection, it: &Generation) -> Result<(), Error> {
    let (order, name) = (it.order.as_str(), &it.name);
    let former = "UPDATE order_generation SET manifest =
            (SELECT manifest FROM order_ WHERE project = ?2 AND environment = ?3 AND name = ?4)
        WHERE order_id = ?1 AND manifest IS NULL";
    let place = [order, name.project.as_str(), name.environment.as_str(), name.order.as_str()];
    connection.prepare_cached(former)?.execute(place)?;
    let insert = "INSERT OR REPLACE INTO order_generation
            (order_id, generation, shard, operation, verb, principal, source, plan_digest, counts, plan, time)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    connection.prepare_cached(insert)?.execute(params![
        order,
        int(it.generation),
        shard(name.project.as_str()),
        it.operation.as_str(),
        it.verb.as_str(),
        it.principal,
        it.source,
        it.plan_digest,
        json(&it.counts),
        it.plan.to_bytes(),
        int(it.time.ms()),
    ])?;
    let oldest = "DELETE FROM order_generation WHERE order_id = ?1 AND generation <= ?2";
    connection.prepare_cached(oldest)?.execute(params![order, int(it.generation.saturating_sub(KEPT))])?;
    Ok(())
}

pub fn forget(connection: &Connection, order: &OrderId) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM order_generation WHERE order_id = ?1")?.execute([order.as_str()])?;
    Ok(())
}

/// The latest first, without their manifests.
pub fn list(connection: &Connection, name: &OrderName) -> Result<Vec<Generation>, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, NULL FROM order_generation g JOIN order_ o ON o.id = g.order_id
        WHERE o.project = ?1 AND o.environment = ?2 AND o.name = ?3 ORDER BY g.generation DESC"
    );
    all(connection, WHAT, &sql, [name.project.as_str(), name.environment.as_str(), name.order.as_str()], read)
}

pub fn get(connection: &Connection, name: &OrderName, generation: u64) -> Result<Option<Generation>, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(g.manifest, o.manifest) FROM order_generation g JOIN order_ o ON o.id = g.order_id
        WHERE o.project = ?1 AND o.environment = ?2 AND o.name = ?3 AND g.generation = ?4"
    );
    let (project, environment, order) = (name.project.as_str(), name.environment.as_str(), name.order.as_str());
    one(connection, WHAT, &sql, params![project, environment, order, int(generation)], read)
}
