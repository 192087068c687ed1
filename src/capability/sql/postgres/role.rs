//! Whether the role that reads can be trusted with reading.
//!
//! A READ ONLY transaction does not hold a superuser: server-side programs and files are outside of transactions.

use crate::domain::contract::{Error, ErrorKind};

use super::error::Trouble;
use super::session::Session;

/// Every power over the server that the session's role has or could assume.
const POWERS: &str = "
    select distinct power
    from pg_catalog.pg_roles as r,
         lateral (values
            (r.rolsuper, 'SUPERUSER'),
            (r.rolcreaterole, 'CREATEROLE'),
            (r.rolcreatedb, 'CREATEDB'),
            (r.rolreplication, 'REPLICATION'),
            (r.rolbypassrls, 'BYPASSRLS'),
            (r.rolname in ('pg_execute_server_program', 'pg_write_server_files', 'pg_write_all_data',
                           'pg_signal_backend', 'pg_maintain', 'pg_create_subscription'), r.rolname::text)
         ) as powers (held, power)
    where held and pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
      and (r.rolname = session_user or not (select rolsuper from pg_catalog.pg_roles where rolname = session_user))
    order by power";

pub(super) async fn qualify(session: &Session, connection: &str) -> Result<(), Error> {
    let powers = powers(session).await?;
    if powers.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Denied,
        "READ_ROLE_TOO_POWERFUL",
        format!(
            "the read credential of connection `{connection}` can do more than read ({}): give it a role without these",
            powers.join(", ")
        ),
    ))
}

pub(super) async fn powers(session: &Session) -> Result<Vec<String>, Error> {
    let rows = session.client.query(POWERS, &[]).await.map_err(|error| Trouble::of(&error, false).into_error())?;
    rows.iter().map(|row| row.try_get(0).map_err(|error| Trouble::of(&error, false).into_error())).collect()
}
