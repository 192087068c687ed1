//! Opening a data directory: who may, in which format, with which promises from SQLite.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::migration;
use super::shard::{self, Owner};
use super::trouble::Trouble;
use crate::domain::id::CoreId;
use crate::domain::time::{Clock, Entropy};

/// What this program writes into `format`: the layout of the directory as a whole.
pub const FORMAT: u32 = 1;
pub(super) const DATABASE: &str = "store.db";
/// A database that is being made of a backup.
pub(super) const RESTORING: &str = "store.db.restoring";
/// 3.51.3 is the first without a known way to lose a commit in WAL mode.
const OLDEST_SQLITE: i32 = 3_051_003;
const SYNCHRONOUS_FULL: i64 = 2;

/// Why a data directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("data directory `{}` is in use by another process", .directory.display())]
    Locked { directory: PathBuf },
    #[error("data directory `{}` is no directory", .directory.display())]
    NotADirectory { directory: PathBuf },
    #[error("data directory `{}` belongs to user {owner}, and this process runs as user {this}", .directory.display())]
    Foreign { directory: PathBuf, owner: u32, this: u32 },
    #[error("data directory `{}` may be read by others (mode {mode:o}): run `chmod 700` on it", .directory.display())]
    Exposed { directory: PathBuf, mode: u32 },
    #[error("data directory `{}` has format {found}, this program knows up to {known}: use a newer one", .directory.display())]
    Newer { directory: PathBuf, found: u32, known: u32 },
    #[error("`{}` holds no format number", .path.display())]
    Format { path: PathBuf },
    #[error("the database was migrated to {found}, this program knows up to {newest}: use a newer one")]
    UnknownMigration { found: u32, newest: u32 },
    #[error("migration {version} was applied with another text than this program's: the database is not to be trusted")]
    Tampered { version: u32 },
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed")]
    OldSqlite { found: &'static str },
    #[error("SQLite does not grant {promise}: it answered `{answer}`")]
    Promise { promise: &'static str, answer: String },
    #[error("the store's core id cannot be read")]
    CoreId(#[from] crate::domain::id::Invalid),
    #[error(
        "data directory `{}` is half restored: empty it, but for a `sealing.key`, and run `vend restore` again",
        .directory.display()
    )]
    HalfRestored { directory: PathBuf },
    #[error("cannot put beside the database what belongs to it")]
    Beside(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Backup(#[from] crate::store::backup::Error),
    #[error("cannot {action} `{}`", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot open the database `{}`", .path.display())]
    Sqlite { path: PathBuf, source: Trouble },
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::Sqlite { path: PathBuf::from(DATABASE), source: Trouble::of(error) }
    }
}

impl Error {
    /// Tells where the database lies.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Error::Sqlite { source, .. } => Error::Sqlite { path: path.to_owned(), source },
            other => other,
        }
    }

    /// What the system said, if it is the system's fault.
    pub fn cause(&self) -> Option<&io::Error> {
        match self {
            Error::Io { source, .. } | Error::Backup(crate::store::backup::Error::Io { source, .. }) => Some(source),
            Error::Sqlite { source, .. } => source.cause(),
            _ => None,
        }
    }
}

/// A data directory that is this process's own.
pub struct Opened {
    /// As it answers when it is asked, not as it was told.
    pub kind: String,
    pub lock: File,
    pub connection: Connection,
    pub path: PathBuf,
    pub core_id: CoreId,
    pub owner: Owner,
}

pub fn open(directory: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Opened, Error> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::OldSqlite { found: rusqlite::version() });
    }
    prepare_directory(directory)?;
    let lock = lock(directory)?;
    if directory.join(RESTORING).exists() {
        return Err(Error::HalfRestored { directory: directory.to_owned() });
    }
    check_format(directory)?;
    let path = directory.join(DATABASE);
    let (connection, core_id, owner) = database(&path, clock, entropy).map_err(|error| error.at(&path))?;
    let kind = kind(&connection).map_err(|error| Error::from(error).at(&path))?;
    Ok(Opened { kind, lock, connection, path, core_id, owner })
}

fn database(path: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(Connection, CoreId, Owner), Error> {
    // Of a file that it may not write SQLite would make one to read, and say so at the first write only.
    match File::options().write(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::Io { action: "open", path: path.to_owned(), source: error });
        }
        _ => {}
    }
    let mut connection = Connection::open(path)?;
    promise(&connection)?;
    migration::run(&mut connection, migration::ALL, clock.now())?;
    let (core_id, owner) = take(&mut connection, clock, entropy)?;
    Ok((connection, core_id, owner))
}

/// Made for its owner alone; one of another user's is refused, and one that others can read, unless it is empty.
pub(super) fn prepare_directory(directory: &Path) -> Result<(), Error> {
    let failed = |action| move |source| Error::Io { action, path: directory.to_owned(), source };
    if fs::metadata(directory).is_ok_and(|found| !found.is_dir()) {
        return Err(Error::NotADirectory { directory: directory.to_owned() });
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed("create"))?;
    let found = fs::metadata(directory).map_err(failed("read"))?;
    // Its owner could put a key of his own in the place of ours. Where the system does not tell who we are, modes must do.
    if let Some(this) = this_user().filter(|this| *this != found.uid()) {
        return Err(Error::Foreign { directory: directory.to_owned(), owner: found.uid(), this });
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if fs::read_dir(directory).map_err(failed("read"))?.next().is_some() {
        return Err(Error::Exposed { directory: directory.to_owned(), mode });
    }
    fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(failed("protect"))
}

/// The effective user id: real, effective, saved and of the file system, says proc(5).
fn this_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}

/// Held until the file is dropped, or the process ends however it ends.
pub(super) fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| Error::Io { action: "open", path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { directory: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path, source }),
    }
}

pub(super) fn check_format(directory: &Path) -> Result<(), Error> {
    let path = directory.join("format");
    let failed = |action| {
        let path = path.clone();
        move |source| Error::Io { action, path, source }
    };
    match fs::read_to_string(&path) {
        Ok(text) => {
            let found: u32 = text.trim().parse().map_err(|_| Error::Format { path: path.clone() })?;
            if found > FORMAT {
                return Err(Error::Newer { directory: directory.to_owned(), found, known: FORMAT });
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let draft = directory.join("format.new");
            let mut file = File::create(&draft).map_err(failed("create"))?;
            writeln!(file, "{FORMAT}").map_err(failed("write"))?;
            file.sync_all().map_err(failed("write"))?;
            fs::rename(&draft, &path).map_err(failed("write"))?;
            sync(directory)
        }
        Err(error) => Err(failed("read")(error)),
    }
}

/// The directory's entries, and its own in its parent.
pub(super) fn sync(directory: &Path) -> Result<(), Error> {
    for directory in [Some(directory), directory.parent()].into_iter().flatten() {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let failed = |source| Error::Io { action: "sync the directory", path: directory.to_owned(), source };
        File::open(directory).and_then(|it| it.sync_all()).map_err(failed)?;
    }
    Ok(())
}

/// Asks SQLite for what the store relies on, and believes only what it reads back.
fn promise(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(Duration::from_secs(5))?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::Promise { promise: "a write-ahead log", answer: mode });
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(128);
    plan_once(connection)?;
    for (promise, pragma, wanted) in [
        ("full synchronisation", "synchronous", SYNCHRONOUS_FULL),
        ("foreign keys", "foreign_keys", 1),
        ("checkpoints at the store's own time", "wal_autocheckpoint", 0),
    ] {
        let answer: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
        if answer != wanted {
            return Err(Error::Promise { promise, answer: answer.to_string() });
        }
    }
    Ok(())
}

fn kind(connection: &Connection) -> Result<String, rusqlite::Error> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    let synchronous = match synchronous {
        0 => "off",
        1 => "normal",
        SYNCHRONOUS_FULL => "full",
        _ => "extra",
    };
    Ok(format!("sqlite {}, journal_mode={mode}, synchronous={synchronous}", rusqlite::version()))
}

/// A statement is planned when it is prepared, and not again for each value that is bound to it.
pub(super) fn plan_once(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// The core id, made at the first start; and all shards for this process.
fn take(connection: &mut Connection, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(CoreId, Owner), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored: Option<String> =
        transaction.query_row("SELECT value FROM meta WHERE key = 'core_id'", [], |row| row.get(0)).optional()?;
    let core_id = match stored {
        Some(text) => CoreId::parse(&text)?,
        None => {
            let made = CoreId::new(clock.now(), entropy);
            transaction.execute("INSERT INTO meta (key, value) VALUES ('core_id', ?1)", [made.as_str()])?;
            made
        }
    };
    let mut random = [0u8; 8];
    entropy.fill(&mut random);
    let owner = Owner { name: format!("proc_{:016x}", u64::from_be_bytes(random)) };
    shard::take_all(&transaction, &owner)?;
    transaction.commit()?;
    Ok((core_id, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_user_is_who_owns_what_this_process_makes() {
        let directory = tempfile::tempdir().expect("a directory");
        let owner = fs::metadata(directory.path()).expect("there").uid();
        assert!(this_user().is_none_or(|this| this == owner), "{:?} is not {owner}", this_user());
    }

    #[test]
    fn sqlite_grants_what_is_promised() {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = Connection::open(directory.path().join("store.db")).expect("a file");
        promise(&connection).expect("granted");
        let answer: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).expect("an answer");
        assert_eq!(answer, SYNCHRONOUS_FULL);
    }

    #[test]
    fn what_sqlite_does_not_grant_is_refused() {
        let connection = Connection::open_in_memory().expect("memory");
        let refusal = promise(&connection).expect_err("memory has no log").to_string();
        assert_eq!(refusal, "SQLite does not grant a write-ahead log: it answered `memory`");
    }
}
