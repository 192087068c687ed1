//! A consistent copy of the database while it is written to, and the way back: a data directory made of a backup.
//!
//! The copy is one long read: writers go on, and the log grows meanwhile. What is restored is a new life of the store: all that is in it
//! is suspected, and it starts paused.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::open::{self, DATABASE, RESTORING};
use super::row::int;
use super::{Error, audit, hold, migration};
use crate::domain::event::Audit;
use crate::domain::hold::{Cause, Hold, Target};
use crate::domain::id::AuditId;
use crate::domain::reason::Reason;
use crate::domain::suspect::Restored;
use crate::domain::time::{Clock, Entropy, Timestamp};
use crate::store;
use crate::store::backup::{self, Copy, Source};

const PRINCIPAL: &str = "system:restore";

/// Blocks as long as it takes to write all of it.
pub fn copy(database: &Path) -> Result<Copy, store::Error> {
    let path = copy_path(database);
    let failed = |source: io::Error| store::Error::Backend { action: "copy the store", source: Box::new(source) };
    remove(&path).map_err(failed)?;
    // For its owner alone; SQLite fills a file that is empty.
    File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let copied = fill(database, &path);
    let opened = copied.and_then(|(schema, revisions)| {
        let mut file = File::open(&path).map_err(failed)?;
        let (sha256, size) = backup::sum(&mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Ok(Copy { file, size, sha256, schema, revisions })
    });
    remove(&path).map_err(failed)?;
    opened
}

/// What was left of a copy when the process ended.
pub fn remove_leftover(database: &Path) -> io::Result<()> {
    remove(&copy_path(database))
}

fn copy_path(database: &Path) -> PathBuf {
    database.with_extension("db.copy")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

type Described = (u32, std::collections::BTreeMap<u16, u64>);

fn fill(database: &Path, path: &Path) -> Result<Described, store::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let target = path.to_str().ok_or_else(|| store::Error::Damaged {
        what: "path of the data directory".into(),
        detail: "is not UTF-8".into(),
    })?;
    Connection::open_with_flags(database, flags)?.execute("VACUUM INTO ?1", [target])?;
    let copied = Connection::open_with_flags(path, flags)?;
    let schema = copied.query_row("SELECT max(version) FROM migration", [], |row| row.get(0))?;
    let mut statement = copied.prepare("SELECT id, rev FROM shard WHERE rev > 0")?;
    let revisions = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok((schema, revisions.collect::<Result<_, _>>()?))
}

/// What is put beside the database before it gets its name.
pub type Beside<'a> = &'a dyn Fn() -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Makes the store of `directory`, which has none, of a backup: whole, or not at all.
pub fn restore(
    mut source: Source,
    directory: &Path,
    beside: Beside<'_>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Restored, Error> {
    let found = source.manifest.schema;
    let newest = migration::ALL.last().map_or(0, |migration| migration.version);
    if found > newest {
        let (path, vend) = (source.path, source.manifest.vend);
        return Err(backup::Error::NewerSchema { path, vend, found, newest }.into());
    }
    let was_there = directory.exists();
    open::prepare_directory(directory)?;
    let lock = open::lock(directory)?;
    let made = bring(&mut source, directory, beside, clock, entropy);
    if made.is_err() {
        drop(lock);
        // What cannot be removed says so at the next start.
        for name in [RESTORING, "store.db.restoring-journal", "format", "lock"] {
            let _ = remove(&directory.join(name));
        }
        if !was_there {
            let _ = fs::remove_dir(directory);
        }
    }
    made
}

fn bring(
    source: &mut Source,
    directory: &Path,
    beside: Beside<'_>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Restored, Error> {
    let (draft, path) = (directory.join(RESTORING), directory.join(DATABASE));
    let restored = draw(source, &draft, clock, entropy)?;
    open::check_format(directory)?;
    beside().map_err(Error::Beside)?;
    fs::rename(&draft, &path).map_err(|source| Error::Io { action: "write", path: path.clone(), source })?;
    open::sync(directory)?;
    Ok(restored)
}

/// The database at `draft`, checked, migrated and marked, and on the disk.
fn draw(source: &mut Source, draft: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Restored, Error> {
    let failed = |action| move |source| Error::Io { action, path: draft.to_owned(), source };
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(draft).map_err(failed("create"))?;
    source.copy(&mut file, draft)?;
    file.sync_all().map_err(failed("write"))?;
    drop(file);
    let backup = source.path.clone();
    let damaged = move |what: String| Error::Backup(backup::Error::Damaged { path: backup.clone(), what });
    let marked = mark(source, draft, clock, entropy).map_err(|error| match error {
        Error::Sqlite { source, .. } if source.cause().is_none() => damaged(source.to_string()),
        other => other.at(draft),
    })?;
    File::open(draft).and_then(|file| file.sync_all()).map_err(failed("write"))?;
    Ok(marked)
}

fn mark(source: &Source, draft: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Restored, Error> {
    let damaged = |what: String| backup::Error::Damaged { path: source.path.clone(), what };
    let mut connection = Connection::open(draft)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let sound: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(damaged(sound).into());
    }
    let now = clock.now();
    migration::run(&mut connection, migration::ALL, now)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let meta = |key: &str, value: String| {
        let sql =
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        transaction.execute(sql, params![key, value])
    };
    let manifest = &source.manifest;
    let restored = Restored { incarnation: manifest.incarnation + 1, backup_time: manifest.time, restore_time: now };
    meta("incarnation", restored.incarnation.to_string())?;
    meta("backup_time", restored.backup_time.ms().to_string())?;
    meta("restore_time", restored.restore_time.ms().to_string())?;
    transaction.execute_batch(
        "DELETE FROM suspect;
         INSERT INTO suspect (resource, shard, open, finding, detail) SELECT id, shard, 1, NULL, '' FROM resource;
         UPDATE observation SET presence = NULL, presence_since = NULL, drift = NULL, drift_since = NULL,
            inconclusive_reason = NULL, inconclusive_message = NULL, inconclusive_since = NULL, time = NULL;
         DELETE FROM event;
         DELETE FROM hold WHERE key = 'pause:core' OR key LIKE 'suspect:%' OR key LIKE 'breaker:%';",
    )?;
    // Behind the revisions that the lost time may have used: resume tokens of then are too old, and never taken for those of now.
    transaction.execute("UPDATE shard SET rev = max(rev, ?1), oldest = max(rev, ?1) + 1", [int(now.ms())])?;
    let stored = |error: store::Error| damaged(error.to_string());
    for hold in holds(&restored, now) {
        hold::insert(&transaction, &hold).map_err(stored)?;
    }
    let entry = Audit {
        id: AuditId::new(now, entropy),
        project: String::new(),
        principal: PRINCIPAL.into(),
        action: "backups.restore".into(),
        name: manifest.core_id.to_string(),
        decision: "allowed".into(),
        reason: format!("from a backup of {}, as incarnation {}", restored.backup_time, restored.incarnation),
        time: now,
    };
    audit::insert(&transaction, &entry).map_err(stored)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(restored)
}

/// All work is paused, and what the backup brought waits beyond that.
fn holds(restored: &Restored, now: Timestamp) -> [Hold; 2] {
    let hold = |cause, reason, message: &str| Hold {
        cause,
        target: Target::Core,
        reason,
        message: message.to_owned(),
        principal: PRINCIPAL.into(),
        since: now,
    };
    let message = format!("restored from a backup of {}: run `vend verify` first", restored.backup_time);
    [hold(Cause::Pause, Reason::Paused, &message), hold(Cause::Suspect, Reason::Unverified, "")]
}

/// What a database says of its being restored.
pub fn restored(connection: &Connection) -> Result<Option<Restored>, rusqlite::Error> {
    let number = |key: &str| {
        let sql = "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = ?1";
        connection.query_row(sql, [key], |row| row.get::<_, i64>(0))
    };
    let incarnation = u32::try_from(number("incarnation")?).unwrap_or(u32::MAX);
    let time = |ms: i64| Timestamp::from_ms(ms.unsigned_abs());
    let (backup_time, restore_time) = (time(number("backup_time")?), time(number("restore_time")?));
    Ok((incarnation > 1).then_some(Restored { incarnation, backup_time, restore_time }))
}
