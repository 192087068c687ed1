//! All databases of the server but its own, a page at a time.

use vend_sdk::{Candidate, Discovered, Discovery, Error, Labels, Statement};

use crate::PostgresDatabase;
use crate::server::SERVER;

const PAGE: u32 = 200;

/// Those with the labels that are asked for; all, if none are. By name.
pub fn page(discovery: &Discovery<PostgresDatabase>) -> Result<Discovered, Error> {
    let after = discovery.page_token.clone().unwrap_or_default();
    let everything = discovery.labels.iter().next().is_none();
    let rows = SERVER.query(Statement::new(LIST).bind(after).bind(i64::from(PAGE)))?;
    let mut candidates = Vec::new();
    let (mut last, mut read) = (None, 0);
    for row in rows.iter() {
        let name: String = row.get("name")?;
        let comment: Option<String> = row.get("comment")?;
        let labels = comment.as_deref().and_then(Labels::from_json);
        last = Some(name.clone());
        read += 1;
        if !everything && !labels.as_ref().is_some_and(|it| discovery.labels.own(it)) {
            continue;
        }
        let owner: String = row.get("owner")?;
        candidates.push(Candidate {
            resource_id: labels.as_ref().and_then(Labels::resource).map(str::to_owned),
            summary: format!("owned by `{owner}`"),
            external_id: name,
        });
    }
    Ok(Discovered { candidates, next_page_token: last.filter(|_| read == PAGE) })
}

const LIST: &str = "\
    SELECT datname::text AS name, pg_get_userbyid(datdba)::text AS owner, \
           shobj_description(oid, 'pg_database') AS comment \
    FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' AND datname::text COLLATE \"C\" > $1::text \
    ORDER BY datname::text COLLATE \"C\" LIMIT $2::int8";
