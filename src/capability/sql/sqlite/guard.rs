//! What a driver's statement may not do, whatever it says: leave its file, end our transaction, change how the engine works, run on.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

/// Pragmas that only tell something, with or without the name of a table.
const TELLING: [&str; 9] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
];

/// Pragmas that tell something as long as they are given no value.
const TELLING_BARE: [&str; 6] =
    ["user_version", "application_id", "encoding", "page_count", "page_size", "freelist_count"];

/// How many steps of the virtual machine pass between two looks at the clock.
const STEPS: i32 = 1000;

const LARGEST_VALUE: i32 = 8 << 20;

/// Puts a connection under guard until it is closed.
pub fn bound(connection: &mut Connection, deadline: Instant) -> rusqlite::Result<()> {
    connection.busy_timeout(deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST_VALUE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= deadline))?;
    connection.authorizer(Some(authorize))
}

/// Lets our own BEGIN and COMMIT through.
pub fn unguarded(connection: &mut Connection, sql: &str) -> rusqlite::Result<()> {
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    let done = connection.execute_batch(sql);
    connection.authorizer(Some(authorize))?;
    done
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    let denied = match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => true,
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => true,
        AuthAction::Pragma { pragma_name, pragma_value } => !tells(pragma_name, pragma_value.is_some()),
        AuthAction::Function { function_name } => function_name.eq_ignore_ascii_case("load_extension"),
        AuthAction::Unknown { .. } => true,
        _ => false,
    };
    if denied { Authorization::Deny } else { Authorization::Allow }
}

fn tells(pragma: &str, has_value: bool) -> bool {
    let named = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(pragma));
    named(&TELLING) || (!has_value && named(&TELLING_BARE))
}
