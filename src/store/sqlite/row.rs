//! Between columns and domain values: read in the order in which a statement names its columns.
//!
//! Whatever does not read as what it should be is [`Error::Damaged`], never a panic.

use std::fmt::Display;

use rusqlite::{Connection, Params, Row};
use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::domain::name::Name;
use crate::domain::sealed::Sealed;
use crate::domain::time::Timestamp;
use crate::store::Error;

/// A row being read from left to right.
pub struct Columns<'a> {
    what: &'static str,
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    fn damaged(&self, at: usize, detail: impl Display) -> Error {
        let column = self.row.as_ref().column_name(at).unwrap_or("?");
        Error::Damaged { what: self.what.to_owned(), detail: format!("{column}: {detail}") }
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    /// Whether the next column is NULL; stays before it.
    pub fn is_null(&self) -> bool {
        matches!(self.row.get_ref(self.next), Ok(rusqlite::types::ValueRef::Null))
    }

    fn borrowed(&mut self) -> Result<(usize, Option<&'a str>), Error> {
        let at = self.step();
        let value = self.row.get_ref(at)?;
        Ok((at, value.as_str_or_null().map_err(|error| self.damaged(at, error))?))
    }

    fn present(&mut self) -> Result<(usize, &'a str), Error> {
        let (at, text) = self.borrowed()?;
        Ok((at, text.ok_or_else(|| self.damaged(at, "is missing"))?))
    }

    pub fn text(&mut self) -> Result<String, Error> {
        Ok(self.present()?.1.to_owned())
    }

    pub fn text_optional(&mut self) -> Result<Option<String>, Error> {
        Ok(self.borrowed()?.1.map(str::to_owned))
    }

    /// Read by a constructor that checks it.
    pub fn parse<T, E: Display>(&mut self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Error> {
        let (at, text) = self.present()?;
        parse(text).map_err(|error| self.damaged(at, error))
    }

    pub fn parse_optional<T, E: Display>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        let (at, text) = self.borrowed()?;
        text.map(parse).transpose().map_err(|error| self.damaged(at, error))
    }

    pub fn name(&mut self) -> Result<Name, Error> {
        self.parse(|text| Name::new(text))
    }

    pub fn name_optional(&mut self) -> Result<Option<Name>, Error> {
        self.parse_optional(|text| Name::new(text))
    }

    /// One word of an enum.
    pub fn word<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        self.parse(|text| T::deserialize(word_deserializer(text)))
    }

    pub fn word_optional<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        self.parse_optional(|text| T::deserialize(word_deserializer(text)))
    }

    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        self.parse(|text| serde_json::from_str(text))
    }

    pub fn json_optional<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        self.parse_optional(|text| serde_json::from_str(text))
    }

    pub fn number<T: TryFrom<i64, Error: Display>>(&mut self) -> Result<T, Error> {
        let at = self.step();
        let number = self.row.get_ref(at)?.as_i64().map_err(|error| self.damaged(at, error))?;
        T::try_from(number).map_err(|error| self.damaged(at, error))
    }

    pub fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.number::<i64>()? != 0)
    }

    pub fn time(&mut self) -> Result<Timestamp, Error> {
        Ok(Timestamp::from_ms(self.number()?))
    }

    pub fn time_optional(&mut self) -> Result<Option<Timestamp>, Error> {
        if self.is_null() {
            self.skip(1);
            return Ok(None);
        }
        self.time().map(Some)
    }

    pub fn sealed_optional(&mut self) -> Result<Option<Sealed>, Error> {
        let at = self.step();
        let bytes = self.row.get_ref(at)?.as_blob_or_null().map_err(|error| self.damaged(at, error))?;
        bytes.map(Sealed::from_bytes).transpose().map_err(|error| self.damaged(at, error))
    }

    pub fn sealed(&mut self) -> Result<Sealed, Error> {
        let at = self.next;
        self.sealed_optional()?.ok_or_else(|| self.damaged(at, "is missing"))
    }

    pub fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let at = self.step();
        self.row.get_ref(at)?.as_blob().map(<[u8]>::to_vec).map_err(|error| self.damaged(at, error))
    }
}

fn word_deserializer(text: &str) -> StrDeserializer<'_, WordError> {
    text.into_deserializer()
}

/// The only row of a query, if there is one.
pub fn one<T>(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&mut Columns<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    match rows.next()? {
        Some(row) => read(&mut Columns { what, row, next: 0 }).map(Some),
        None => Ok(None),
    }
}

/// All rows of a query.
pub fn all<T>(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&mut Columns { what, row, next: 0 })?);
    }
    Ok(found)
}

/// As SQLite counts: numbers beyond 2^63 (no time or counter of ours gets there) become the largest it has.
pub fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As a JSON column.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records have string keys and no failing serialisers")
}
