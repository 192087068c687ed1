//! Bringing the database to the shape this program knows: forward only, one transaction each, recorded with a checksum.
//!
//! A migration that has shipped never changes; the next change is the next file.

use rusqlite::{Connection, params};

use super::Error;
use super::row::int;
use crate::domain::time::Timestamp;

/// One step forward.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub version: u32,
    pub sql: &'static str,
}

/// All there are, oldest first.
pub const ALL: &[Migration] = &[
    Migration { version: 1, sql: include_str!("migrations/0001.sql") },
    Migration { version: 2, sql: include_str!("migrations/0002.sql") },
    Migration { version: 3, sql: include_str!("migrations/0003.sql") },
    Migration { version: 4, sql: include_str!("migrations/0004.sql") },
    Migration { version: 5, sql: include_str!("migrations/0005.sql") },
    Migration { version: 6, sql: include_str!("migrations/0006.sql") },
    Migration { version: 7, sql: include_str!("migrations/0007.sql") },
    Migration { version: 9, sql: include_str!("migrations/0009.sql") },
    Migration { version: 10, sql: include_str!("migrations/0010.sql") },
    Migration { version: 11, sql: include_str!("migrations/0011.sql") },
];

/// Applies what is missing; refuses a database that was migrated by other texts or by a newer program.
pub fn run(connection: &mut Connection, all: &[Migration], now: Timestamp) -> Result<(), Error> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (
            version  INTEGER PRIMARY KEY,
            checksum TEXT    NOT NULL,
            time     INTEGER NOT NULL
        ) STRICT",
    )?;
    let applied = applied(connection)?;
    let newest = all.last().map_or(0, |migration| migration.version);
    for (version, checksum) in &applied {
        let Some(known) = all.iter().find(|known| known.version == *version) else {
            return Err(Error::UnknownMigration { found: *version, newest });
        };
        if checksum_of(known.sql) != *checksum {
            return Err(Error::Tampered { version: *version });
        }
    }
    for migration in all {
        if applied.iter().any(|(version, _)| *version == migration.version) {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO migration (version, checksum, time) VALUES (?1, ?2, ?3)",
            params![migration.version, checksum_of(migration.sql), int(now.ms())],
        )?;
        transaction.commit()?;
    }
    Ok(())
}

fn applied(connection: &Connection) -> Result<Vec<(u32, String)>, Error> {
    let mut statement = connection.prepare("SELECT version, checksum FROM migration ORDER BY version")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Hex of SHA-256.
fn checksum_of(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration { version: 1, sql: "CREATE TABLE a (x INTEGER) STRICT" };
    const TWO: Migration = Migration { version: 2, sql: "CREATE TABLE b (x INTEGER) STRICT" };

    fn migrate(connection: &mut Connection, all: &[Migration]) -> Result<(), String> {
        run(connection, all, Timestamp::ZERO).map_err(|error| error.to_string())
    }

    #[test]
    fn goes_forward_once() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection, &[ONE]).expect("first");
        migrate(&mut connection, &[ONE, TWO]).expect("second");
        migrate(&mut connection, &[ONE, TWO]).expect("nothing left to do");
    }

    #[test]
    fn a_changed_text_is_refused() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection, &[ONE]).expect("first");
        let other = Migration { version: 1, sql: "CREATE TABLE a (y INTEGER) STRICT" };
        let refusal = migrate(&mut connection, &[other]).expect_err("changed");
        assert!(refusal.contains("migration 1"), "{refusal}");
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection, &[ONE, TWO]).expect("both");
        let refusal = migrate(&mut connection, &[ONE]).expect_err("newer");
        assert!(refusal.contains('2') && refusal.contains('1'), "{refusal}");
    }

    #[test]
    fn a_failed_migration_leaves_nothing() {
        let mut connection = Connection::open_in_memory().expect("memory");
        let bad = Migration { version: 1, sql: "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT" };
        migrate(&mut connection, &[bad]).expect_err("twice the same table");
        migrate(&mut connection, &[ONE]).expect("as if it had never been tried");
    }
}
