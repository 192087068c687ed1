//! Values on their way to the server: everything in text form, so that the server casts to whatever the statement needs.

use std::error::Error as StdError;
use std::fmt::{self, Write};

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::capability::sql::Value;
use crate::domain::contract::{Error, ErrorKind};

/// One value to bind. Its `Debug` shows nothing: the client library prints parameters at its debug level.
pub(super) struct Param<'a>(pub(super) &'a Value);

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Param(…)")
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Boolean(value) => write!(out, "{value}")?,
            Value::Integer(value) => write!(out, "{value}")?,
            Value::Double(value) => write!(out, "{value}")?,
            Value::Bytes(bytes) => {
                out.write_str("\\x")?;
                for byte in bytes {
                    write!(out, "{byte:02x}")?;
                }
            }
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// Refuses before anything runs what the server could only misread: another count, or bytes where no bytea goes.
pub(super) fn check(params: &[Value], types: &[Type]) -> Result<(), Error> {
    let invalid = |message| Error::new(ErrorKind::InvalidInput, "PARAMETER_INVALID", message);
    if params.len() != types.len() {
        return Err(invalid(format!("the statement uses {} parameters, and {} were given", types.len(), params.len())));
    }
    for (index, (value, ty)) in params.iter().zip(types).enumerate() {
        if matches!(value, Value::Bytes(_)) && *ty != Type::BYTEA {
            return Err(invalid(format!(
                "parameter ${} is bytes, and the statement needs {ty}: cast it to bytea",
                index + 1
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let value = Value::Text("canary".to_owned());
        assert_eq!(format!("{:?}", Param(&value)), "Param(…)");
    }

    #[test]
    fn what_the_server_would_misread_is_refused() {
        let message = |params: &[Value], types: &[Type]| check(params, types).err().map(|error| error.message);
        let bytes = [Value::Bytes(vec![1])];
        assert_eq!(message(&bytes, &[Type::BYTEA]), None);
        assert_eq!(
            message(&bytes, &[Type::TEXT]).as_deref(),
            Some("parameter $1 is bytes, and the statement needs text: cast it to bytea")
        );
        assert_eq!(message(&[], &[Type::TEXT]).as_deref(), Some("the statement uses 1 parameters, and 0 were given"));
        assert_eq!(message(&[Value::Null], &[Type::TEXT]), None);
    }
}
