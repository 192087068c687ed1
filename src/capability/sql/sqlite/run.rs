//! Runs statements on one database file. Blocks; called on threads that may.

use std::path::Path;
use std::time::Instant;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::{Batch, Connection, ErrorCode, OpenFlags, params_from_iter};

use crate::capability::sql::{Failure, Rows, Statement, Value};
use crate::domain::contract::{Error, ErrorKind};

use super::{guard, inline};

const LARGEST_ANSWER: usize = 8 << 20;

/// The outcome of a step inside a transaction or statement that is undone when it fails.
enum Fault {
    Sqlite(rusqlite::Error),
    Ours(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    fn into_error(self) -> Error {
        match self {
            Self::Sqlite(error) => refusal(&error),
            Self::Ours(error) => error,
        }
    }
}

pub fn open_to_read(file: &Path, deadline: Instant) -> Result<Connection, Error> {
    open(file, OpenFlags::SQLITE_OPEN_READ_ONLY, "PRAGMA query_only = ON", deadline)
}

pub fn open_to_write(file: &Path, deadline: Instant) -> Result<Connection, Error> {
    open(file, OpenFlags::SQLITE_OPEN_READ_WRITE, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", deadline)
}

fn open(file: &Path, access: OpenFlags, settings: &str, deadline: Instant) -> Result<Connection, Error> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let open = || -> rusqlite::Result<Connection> {
        let mut connection = Connection::open_with_flags(file, flags)?;
        connection.execute_batch(settings)?;
        guard::bound(&mut connection, deadline)?;
        Ok(connection)
    };
    open().map_err(|error| refusal(&error))
}

/// One statement that reads and nothing else, on a connection that cannot write.
pub fn query(connection: Connection, statement: &Statement) -> Result<Rows, Error> {
    one(&connection, statement, true).map_err(Fault::into_error)
}

/// One statement; SQLite undoes it when it fails.
pub fn execute(connection: Connection, statement: &Statement) -> Result<Rows, Failure> {
    one(&connection, statement, false).map_err(|fault| broken(fault, false))
}

/// All statements or none.
pub fn transact(mut connection: Connection, statements: &[Statement]) -> Result<Vec<Rows>, Failure> {
    guard::unguarded(&mut connection, "BEGIN IMMEDIATE").map_err(|error| broken(error.into(), false))?;
    let mut answers = Vec::with_capacity(statements.len());
    for statement in statements {
        // Closing the connection rolls back.
        answers.push(one(&connection, statement, false).map_err(|fault| broken(fault, false))?);
    }
    guard::unguarded(&mut connection, "COMMIT").map_err(|error| broken(error.into(), true))?;
    Ok(answers)
}

fn one(connection: &Connection, statement: &Statement, reading: bool) -> Result<Rows, Fault> {
    let refuse = |kind, code: &str, message: String| Err(Fault::Ours(Error::new(kind, code, message)));
    let inlined = match statement.inline {
        true => inline::inline(&statement.sql, &statement.params),
        false => Ok(statement.sql.clone()),
    };
    let sql = match inlined {
        Ok(sql) => sql,
        Err(error) => return refuse(ErrorKind::InvalidInput, "PARAMETERS", error.to_string()),
    };
    let mut batch = Batch::new(connection, &sql);
    let Some(mut prepared) = batch.next()? else {
        return refuse(ErrorKind::InvalidInput, "NO_STATEMENT", "there is no statement in the text".to_owned());
    };
    // What follows is prepared too, which shows whether it is a statement or only a comment.
    if !matches!(batch.next(), Ok(None)) {
        return refuse(
            ErrorKind::InvalidInput,
            "MANY_STATEMENTS",
            "a text holds one statement, this one holds more".to_owned(),
        );
    }
    if reading && !prepared.readonly() {
        return refuse(ErrorKind::Denied, "STATEMENT_WRITES", "a query only reads".to_owned());
    }
    let params = if statement.inline { &[][..] } else { &statement.params[..] };
    if prepared.parameter_count() != params.len() {
        let message =
            format!("the statement has {} parameters and {} are given", prepared.parameter_count(), params.len());
        return refuse(ErrorKind::InvalidInput, "PARAMETERS", message);
    }
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let (width, changed, writes) = (columns.len(), connection.total_changes(), !prepared.readonly());
    let mut lines = Vec::new();
    let mut bytes = 0;
    let mut found = prepared.query(params_from_iter(params))?;
    while let Some(row) = found.next()? {
        let mut line = Vec::with_capacity(width);
        for at in 0..width {
            let value = read(row.get_ref(at)?);
            bytes += weight(&value);
            line.push(value);
        }
        if bytes > LARGEST_ANSWER {
            let message = format!("the answer is larger than {LARGEST_ANSWER} bytes");
            return refuse(ErrorKind::Quota, "ANSWER_TOO_LARGE", message);
        }
        if !statement.confidential {
            lines.push(line);
        }
    }
    let affected = if writes { connection.total_changes() - changed } else { lines.len() as u64 };
    let columns = if statement.confidential { Vec::new() } else { columns };
    Ok(Rows { columns, rows: lines, affected })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Owned(Stored::Null),
            Value::Boolean(value) => ToSqlOutput::Owned(Stored::Integer(i64::from(*value))),
            Value::Integer(value) => ToSqlOutput::Owned(Stored::Integer(*value)),
            Value::Double(value) => ToSqlOutput::Owned(Stored::Real(*value)),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn read(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Double(value),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// Roughly what a value weighs in an answer.
fn weight(value: &Value) -> usize {
    8 + match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// A commit that met an input or output error may or may not have happened; everything else is undone.
fn broken(fault: Fault, committing: bool) -> Failure {
    match fault {
        Fault::Sqlite(error) if lost(&error, committing) => Failure::Lost(error.to_string()),
        fault => Failure::Refused(fault.into_error()),
    }
}

fn lost(error: &rusqlite::Error, committing: bool) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => true,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ConstraintViolation
            | ErrorCode::OperationInterrupted,
        ) => false,
        _ => committing,
    }
}

/// SQLite's own name of what went wrong, and what kind of thing that is.
pub fn refusal(error: &rusqlite::Error) -> Error {
    let (kind, code) = match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => (ErrorKind::Conflict, "SQLITE_CONSTRAINT"),
        Some(ErrorCode::DatabaseBusy) => (ErrorKind::Unavailable, "SQLITE_BUSY"),
        Some(ErrorCode::DatabaseLocked) => (ErrorKind::Unavailable, "SQLITE_LOCKED"),
        Some(ErrorCode::OperationInterrupted) => (ErrorKind::Unavailable, "STATEMENT_TIMEOUT"),
        Some(ErrorCode::AuthorizationForStatementDenied) => (ErrorKind::Denied, "STATEMENT_DENIED"),
        Some(ErrorCode::ReadOnly) => (ErrorKind::Denied, "SQLITE_READONLY"),
        Some(ErrorCode::DiskFull) => (ErrorKind::Quota, "SQLITE_FULL"),
        Some(ErrorCode::TooBig) => (ErrorKind::Quota, "SQLITE_TOOBIG"),
        Some(ErrorCode::CannotOpen) => (ErrorKind::Unavailable, "SQLITE_CANTOPEN"),
        Some(ErrorCode::NotADatabase) => (ErrorKind::Other, "SQLITE_NOTADB"),
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Other, "SQLITE_CORRUPT"),
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Unavailable, "SQLITE_IOERR"),
        _ => (ErrorKind::InvalidInput, "SQLITE_ERROR"),
    };
    let message = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    Error::new(kind, code, message)
}
