//! SQL over a connection slot. The host owns address, credential and session.

pub use crate::bindings::vend::driver::sql_types::{Rows, Statement, Value};
use crate::bindings::vend::driver::types::SecretUse;
use crate::bindings::vend::driver::{sql_read, sql_write};
use crate::{Error, Semantics};

/// A connection by slot name, and one of the databases behind it.
#[derive(Debug, Clone)]
pub struct Sql {
    slot: &'static str,
    database: Option<String>,
}

impl Sql {
    /// The database the connection itself names.
    pub const fn slot(slot: &'static str) -> Self {
        Self { slot, database: None }
    }

    /// Another database of the same server.
    pub fn database(&self, name: impl Into<String>) -> Self {
        Self { slot: self.slot, database: Some(name.into()) }
    }

    /// One SELECT in a READ ONLY transaction; no secrets in it.
    pub fn query(&self, statement: impl Into<Statement>) -> Result<Rows, Error> {
        sql_read::query(self.slot, self.database.as_deref(), &statement.into())
    }

    /// All statements or none, on one session. Apply only.
    pub fn transact(&self, statements: impl IntoIterator<Item = Statement>) -> Result<Vec<Rows>, Error> {
        let statements: Vec<Statement> = statements.into_iter().collect();
        sql_write::transact(self.slot, self.database.as_deref(), &statements)
    }

    /// One statement outside a transaction. `semantics`: what sending it twice would do. Apply only.
    pub fn execute(&self, statement: impl Into<Statement>, semantics: Semantics) -> Result<Rows, Error> {
        sql_write::execute(self.slot, self.database.as_deref(), &statement.into(), semantics)
    }
}

impl Statement {
    /// Its parameters are sent beside it, in the placeholders of the dialect.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), params: Vec::new(), inline: false }
    }

    /// For DDL, which takes no parameters: the host writes each in the place of `$1`, `$2`, … as a quoted literal.
    pub fn inline(sql: impl Into<String>) -> Self {
        Self { inline: true, ..Self::new(sql) }
    }

    /// Adds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.params.push(value.into());
        self
    }
}

impl<T: Into<String>> From<T> for Statement {
    fn from(sql: T) -> Self {
        Self::new(sql)
    }
}

/// Quotes an identifier. Both quotes and the identifier's own case are kept.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

macro_rules! into_value {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant(value.into())
            }
        }
    )*};
}
into_value!(bool => Boolean, i32 => Integer, u32 => Integer, i64 => Integer, f64 => Double, &str => Text, &String => Text,
    String => Text, Vec<u8> => Bytes, SecretUse => Secret);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row, its values by the names of their columns.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl Rows {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// All values of one column.
    pub fn column<T: FromValue>(&self, name: &str) -> Result<Vec<T>, Error> {
        self.iter().map(|row| row.get(name)).collect()
    }
}

impl Row<'_> {
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, Error> {
        let at = self.columns.iter().position(|name| name == column);
        let value = at.and_then(|at| self.values.get(at));
        let value = value.ok_or_else(|| unreadable(column, "is not in the answer"))?;
        T::from_value(value).ok_or_else(|| unreadable(column, "is of another type than expected"))
    }
}

fn unreadable(column: &str, why: &str) -> Error {
    Error::internal("UNEXPECTED_ROWS", format!("column `{column}` {why}"))
}

/// What a column can be read as.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl FromValue for bool {
    /// SQLite has no booleans: 0 and 1 stand for them.
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(value) => Some(*value),
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        }
    }
}

macro_rules! from_value {
    ($($into:ty => $variant:ident),* $(,)?) => {$(
        impl FromValue for $into {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    )*};
}
from_value!(i64 => Integer, f64 => Double, String => Text, Vec<u8> => Bytes);
