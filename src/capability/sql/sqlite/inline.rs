//! Writes parameters into a statement's text as literals, for DDL, which takes no bound ones.

use std::fmt::Write;

use crate::capability::sql::Value;

/// A `?n` without a parameter, or a parameter that no `?n` names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("parameter ?{0} is not given")]
    Missing(usize),
    #[error("parameter ?{0} is given and stands nowhere")]
    Unused(usize),
    #[error("a text holds a zero character, which no literal can")]
    Zero,
}

/// `sql` with every `?n` outside of literals, names and comments replaced by the literal of the n-th parameter, counted from 1.
pub fn inline(sql: &str, params: &[Value]) -> Result<String, Error> {
    let mut out = String::with_capacity(sql.len());
    let mut used = vec![false; params.len()];
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\'' | '"' | '`' => quoted(rest, c),
            '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |at| at + 4),
            '?' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                let number: usize = rest[1..=digits].parse().unwrap_or(0);
                let param = params.get(number.wrapping_sub(1)).ok_or(Error::Missing(number))?;
                used[number - 1] = true;
                literal(param, &mut out)?;
                rest = &rest[1 + digits..];
                continue;
            }
            other => other.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    match used.iter().position(|used| !used) {
        Some(unused) => Err(Error::Unused(unused + 1)),
        None => Ok(out),
    }
}

/// Bytes up to and including the closing quote; a doubled quote opens the next piece, which is just as well.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |at| at + 2)
}

fn literal(value: &Value, out: &mut String) -> Result<(), Error> {
    match value {
        Value::Null => out.push_str("NULL"),
        Value::Boolean(value) => out.push(if *value { '1' } else { '0' }),
        Value::Integer(value) => write!(out, "{value}").expect("a string takes any text"),
        Value::Double(value) if value.is_nan() => out.push_str("NULL"),
        Value::Double(value) if value.is_infinite() => out.push_str(if *value > 0.0 { "9e999" } else { "-9e999" }),
        Value::Double(value) => write!(out, "{value:e}").expect("a string takes any text"),
        Value::Bytes(bytes) => {
            out.push_str("x'");
            for byte in bytes {
                write!(out, "{byte:02x}").expect("a string takes any text");
            }
            out.push('\'');
        }
        Value::Text(text) if text.contains('\0') => return Err(Error::Zero),
        Value::Text(text) => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn literals_stand_where_the_parameters_stood() {
        for (sql, params, expected) in [
            ("a ?1, ?2", vec![text("it's"), Value::Integer(-3)], "a 'it''s', -3"),
            ("?1?1", vec![Value::Null], "NULLNULL"),
            (
                "'?1' \"?1\" `?1` [?1] -- ?1\n/* ?1 */ ?1",
                vec![Value::Boolean(true)],
                "'?1' \"?1\" `?1` [?1] -- ?1\n/* ?1 */ 1",
            ),
            ("'it''s ?1' ?1", vec![Value::Bytes(vec![0, 171])], "'it''s ?1' x'00ab'"),
            ("'open ?1", vec![], "'open ?1"),
            ("é ?1", vec![Value::Double(0.5)], "é 5e-1"),
        ] {
            assert_eq!(inline(sql, &params).as_deref(), Ok(expected), "{sql}");
        }
    }

    #[test]
    fn every_parameter_has_its_place() {
        assert_eq!(inline("?2", &[Value::Null]), Err(Error::Missing(2)));
        assert_eq!(inline("?", &[Value::Null]), Err(Error::Missing(0)));
        assert_eq!(inline("?1", &[Value::Null, Value::Null]), Err(Error::Unused(2)));
        assert_eq!(inline("?1", &[text("a\0b")]), Err(Error::Zero));
    }
}
