//! Values on their way back: the server's binary forms turned into plain values.
//!
//! Which types are known is decided from the column alone, before the statement runs.

use std::error::Error as StdError;

use tokio_postgres::types::{FromSql, Kind, Type};

use crate::capability::sql::Value;

use super::{array, numeric, text};

/// How a column's values are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Bytea,
    /// Sent as it is shown.
    Plain,
    /// One version byte, then as it is shown: jsonb and jsonpath.
    Versioned,
    /// `"char"`: a single byte.
    Char,
    Uuid,
    Numeric,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Inet,
    MacAddr,
    Lsn,
    Array(Box<Form>),
    /// int2vector and oidvector: arrays shown without braces.
    Vector(Box<Form>),
}

/// A value that does not look as its type promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Form {
    /// `None` for types whose values only the server can show.
    pub(super) fn of(ty: &Type) -> Option<Self> {
        Some(match *ty {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID | Type::XID | Type::CID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::BYTEA => Self::Bytea,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON | Type::VOID => {
                Self::Plain
            }
            Type::JSONB | Type::JSONPATH => Self::Versioned,
            Type::CHAR => Self::Char,
            Type::UUID => Self::Uuid,
            Type::NUMERIC => Self::Numeric,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            Type::INET | Type::CIDR => Self::Inet,
            Type::MACADDR | Type::MACADDR8 => Self::MacAddr,
            Type::PG_LSN => Self::Lsn,
            Type::INT2_VECTOR => Self::Vector(Box::new(Self::Int2)),
            Type::OID_VECTOR => Self::Vector(Box::new(Self::Oid)),
            _ => match ty.kind() {
                Kind::Enum(_) => Self::Plain,
                Kind::Domain(base) => Self::of(base)?,
                Kind::Array(element) => Self::Array(Box::new(Self::of(element)?)),
                Kind::Simple if ty.name() == "citext" => Self::Plain,
                _ => return None,
            },
        })
    }

    pub(super) fn read(&self, raw: &[u8]) -> Result<Value, Malformed> {
        Ok(match self {
            Self::Bool => Value::Boolean(fixed::<1>(raw)? != [0]),
            Self::Int2 => Value::Integer(i16::from_be_bytes(fixed(raw)?).into()),
            Self::Int4 => Value::Integer(i32::from_be_bytes(fixed(raw)?).into()),
            Self::Int8 => Value::Integer(i64::from_be_bytes(fixed(raw)?)),
            Self::Oid => Value::Integer(u32::from_be_bytes(fixed(raw)?).into()),
            // By way of the shortest text: 0.1 stays 0.1 when it gets wider.
            Self::Float4 => Value::Double(f32::from_be_bytes(fixed(raw)?).to_string().parse().map_err(|_| Malformed)?),
            Self::Float8 => Value::Double(f64::from_be_bytes(fixed(raw)?)),
            Self::Bytea => Value::Bytes(raw.to_vec()),
            Self::Array(element) => Value::Text(array::shown(element, raw)?),
            Self::Vector(element) => Value::Text(array::shown_as_vector(element, raw)?),
            _ => Value::Text(self.text(raw)?),
        })
    }

    /// The value as PostgreSQL shows it, under the settings every session has (ISO dates, UTC, hex bytea).
    pub(super) fn text(&self, raw: &[u8]) -> Result<String, Malformed> {
        Ok(match self {
            Self::Plain => std::str::from_utf8(raw).map_err(|_| Malformed)?.to_owned(),
            Self::Versioned => std::str::from_utf8(raw.get(1..).ok_or(Malformed)?).map_err(|_| Malformed)?.to_owned(),
            Self::Char => text::char(fixed::<1>(raw)?[0]),
            Self::Uuid => text::uuid(fixed(raw)?),
            Self::Numeric => numeric::shown(raw)?,
            Self::Date => text::date(i32::from_be_bytes(fixed(raw)?)),
            Self::Time => text::time(i64::from_be_bytes(fixed(raw)?)),
            Self::Timestamp => text::timestamp(i64::from_be_bytes(fixed(raw)?), ""),
            Self::TimestampTz => text::timestamp(i64::from_be_bytes(fixed(raw)?), "+00"),
            Self::Inet => text::inet(raw)?,
            Self::MacAddr => text::macaddr(raw),
            Self::Lsn => text::lsn(u64::from_be_bytes(fixed(raw)?)),
            Self::Bool => if fixed::<1>(raw)? == [0] { "f" } else { "t" }.to_owned(),
            Self::Float4 => text::float(&format!("{:e}", f32::from_be_bytes(fixed(raw)?)), 6),
            Self::Float8 => text::float(&format!("{:e}", f64::from_be_bytes(fixed(raw)?)), 15),
            Self::Bytea => text::bytea(raw),
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid => match self.read(raw)? {
                Value::Integer(number) => number.to_string(),
                _ => return Err(Malformed),
            },
            Self::Array(element) => array::shown(element, raw)?,
            Self::Vector(element) => array::shown_as_vector(element, raw)?,
        })
    }
}

pub(super) fn fixed<const N: usize>(raw: &[u8]) -> Result<[u8; N], Malformed> {
    raw.try_into().map_err(|_| Malformed)
}

/// A cell's bytes as they came; `None` is NULL.
pub(super) struct Raw<'a>(pub(super) Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
