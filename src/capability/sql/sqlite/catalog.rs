//! The databases of one directory: which there are, and the two statements that make and remove one.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Instant;

use rusqlite::Connection;

use crate::capability::convert::cause;
use crate::capability::pattern::matches;
use crate::capability::sql::{Failure, Rows, Statement};
use crate::domain::contract::{Error, ErrorKind};

use super::{guard, run, sync};

const LONGEST_NAME: usize = 63;

pub struct Catalog<'a> {
    pub directory: PathBuf,
    /// `*` stands for any run of characters.
    pub patterns: &'a [String],
    pub connection: &'a str,
}

/// What vend answers itself.
#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Create(&'a str),
    Drop(&'a str),
}

impl Catalog<'_> {
    /// The file of a database that is there and may be used.
    pub fn file(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path(name)?;
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => Ok(path),
            _ => Err(absent(name)),
        }
    }

    /// What may be seen of the databases that are there, in order.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|error| self.failed(&error))? {
            let entry = entry.map_err(|error| self.failed(&error))?;
            let file_name = entry.file_name();
            let name = file_name.to_str().and_then(|name| name.strip_suffix(".db"));
            if let Some(name) = name.filter(|name| is_name(name) && self.allows(name)) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A database in memory with the table `databases(name)`.
    pub fn as_database(&self, deadline: Instant) -> Result<Connection, Error> {
        let names = self.names()?;
        let fill = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open_in_memory()?;
            connection.execute_batch("CREATE TABLE databases (name TEXT PRIMARY KEY) WITHOUT ROWID; BEGIN")?;
            let mut insert = connection.prepare("INSERT INTO databases (name) VALUES (?1)")?;
            for name in &names {
                insert.execute([name])?;
            }
            drop(insert);
            connection.execute_batch("COMMIT; PRAGMA query_only = ON")?;
            guard::bound(&mut connection, deadline)?;
            Ok(connection)
        };
        fill().map_err(|error| run::refusal(&error))
    }

    pub fn execute(&self, statement: &Statement) -> Result<Rows, Failure> {
        let command = parse(&statement.sql).filter(|_| statement.params.is_empty()).ok_or_else(|| {
            let message = "without a database there are only `CREATE DATABASE name` and `DROP DATABASE name`";
            Failure::Refused(Error::new(ErrorKind::Unsupported, "DATABASE_STATEMENT", message))
        })?;
        match command {
            Command::Create(name) => self.create(name),
            Command::Drop(name) => self.drop(name),
        }
    }

    fn create(&self, name: &str) -> Result<Rows, Failure> {
        let path = self.path(name).map_err(Failure::Refused)?;
        // A journal left behind by a file of the same name would be played into the new one.
        if !path.exists() {
            self.remove_sidecars(name).map_err(|error| Failure::Refused(self.failed(&error)))?;
        }
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = made.map_err(|error| {
            Failure::Refused(match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Error::new(ErrorKind::AlreadyExists, "DATABASE_EXISTS", format!("database `{name}` exists"))
                }
                _ => self.failed(&error),
            })
        })?;
        // From here on the file is there, whether or not it survives a loss of power.
        file.sync_all().and_then(|()| sync(&self.directory)).map_err(|error| Failure::Lost(error.to_string()))?;
        Ok(Rows::default())
    }

    fn drop(&self, name: &str) -> Result<Rows, Failure> {
        let path = self.file(name).map_err(Failure::Refused)?;
        self.remove_sidecars(name).map_err(|error| Failure::Refused(self.failed(&error)))?;
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Failure::Refused(absent(name))),
            Err(error) => return Err(Failure::Refused(self.failed(&error))),
        }
        sync(&self.directory).map_err(|error| Failure::Lost(error.to_string()))?;
        Ok(Rows::default())
    }

    fn remove_sidecars(&self, name: &str) -> io::Result<()> {
        for suffix in ["-wal", "-shm", "-journal"] {
            match fs::remove_file(self.directory.join(format!("{name}.db{suffix}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> Result<PathBuf, Error> {
        if !is_name(name) {
            let message =
                format!("`{}` names no database: 1 to {LONGEST_NAME} of a-z, 0-9, - and _", name.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, "DATABASE_NAME_INVALID", message));
        }
        if !self.allows(name) {
            let message = format!("connection `{}` does not allow database `{name}`", self.connection);
            return Err(Error::new(ErrorKind::Denied, "DATABASE_NOT_ALLOWED", message));
        }
        Ok(self.directory.join(format!("{name}.db")))
    }

    fn allows(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, name))
    }

    /// The kind of the fault, without the path.
    fn failed(&self, error: &io::Error) -> Error {
        let message = format!("the directory of connection `{}` cannot be used: {}", self.connection, cause(error));
        Error::new(ErrorKind::Unavailable, "DIRECTORY_UNUSABLE", message)
    }
}

fn absent(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, "DATABASE_ABSENT", format!("there is no database `{name}`"))
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

fn parse(sql: &str) -> Option<Command<'_>> {
    let sql = sql.trim();
    let mut words = sql.strip_suffix(';').unwrap_or(sql).split_ascii_whitespace();
    let (verb, object, name) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !object.eq_ignore_ascii_case("database") {
        return None;
    }
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    match verb.to_ascii_lowercase().as_str() {
        "create" => Some(Command::Create(name)),
        "drop" => Some(Command::Drop(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_statements_are_understood() {
        assert_eq!(parse("CREATE DATABASE shop"), Some(Command::Create("shop")));
        assert_eq!(parse("  drop\n database \"shop\" ; "), Some(Command::Drop("shop")));
        for sql in [
            "",
            "CREATE DATABASE",
            "CREATE DATABASE a b",
            "CREATE TABLE a",
            "ALTER DATABASE a",
            "DROP DATABASE a; DROP DATABASE b",
        ] {
            assert_eq!(parse(sql), None, "{sql}");
        }
    }
}
