//! The extensions of one database: which are there, which may be wanted, and the way between.

use std::collections::BTreeSet;

use vend_sdk::{Error, Sql, Statement, Violations, ident};

const SERVER: Sql = Sql::slot("server");

/// Sorted; without the one that every database has.
pub fn installed(database: &Sql) -> Result<Vec<String>, Error> {
    let sql = "SELECT extname::text AS name FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname::text COLLATE \"C\"";
    database.query(sql)?.column("name")
}

/// Refuses what the server does not have, and what needs an extension that is not wanted as well.
pub fn check(wanted: &[String]) -> Result<(), Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = SERVER.query(Statement::new(AVAILABLE).bind(wanted.join(",")))?;
    let names: Vec<String> = rows.column("name")?;
    let needs: Vec<Option<String>> = rows.column("needs")?;
    let mut wrong = Violations::default();
    for (at, name) in wanted.iter().enumerate() {
        let pointer = format!("/params/extensions/{at}");
        wrong.require(names.contains(name), pointer, format!("the server has no extension `{name}`"));
    }
    for (name, need) in names.iter().zip(&needs) {
        let Some(need) = need else { continue };
        let there = need == "plpgsql" || wanted.contains(need);
        wrong.require(there, "/params/extensions", format!("`{name}` needs `{need}`: list it too"));
    }
    wrong.or(())
}

/// Drops what is not wanted any more, unless something uses it, and creates what is missing; all of it or nothing.
pub fn converge(database: &Sql, wanted: &[String]) -> Result<(), Error> {
    let installed: BTreeSet<String> = installed(database)?.into_iter().collect();
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    let mut statements = Vec::new();
    let gone: Vec<String> = installed.difference(&wanted).map(|name| ident(name)).collect();
    if !gone.is_empty() {
        statements.push(Statement::new(format!("DROP EXTENSION {}", gone.join(", "))));
    }
    for name in wanted.difference(&installed) {
        // What it needs is wanted too, but may come later in the alphabet.
        statements.push(Statement::new(format!("CREATE EXTENSION IF NOT EXISTS {} CASCADE", ident(name))));
    }
    if !statements.is_empty() {
        database.transact(statements)?;
    }
    Ok(())
}

const AVAILABLE: &str = "\
    SELECT e.name::text AS name, n.need::text AS needs \
    FROM pg_available_extensions e \
    JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version \
    LEFT JOIN LATERAL unnest(v.requires) AS n (need) ON true \
    WHERE e.name = ANY (string_to_array($1::text, ','))";
