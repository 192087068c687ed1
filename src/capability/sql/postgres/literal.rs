//! Values written into a statement's text, for statements that take no parameters.
//!
//! What is written means the same whatever `standard_conforming_strings` says: a backslash only ever stands in `E''`.

use std::fmt::Write;

use crate::capability::sql::Value;

use super::lexer::{Kind, tokens};

/// Why a statement cannot be written out. Names parameters by number, never by value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("the statement uses parameter ${number}, and {given} were given")]
    Missing { number: String, given: usize },
    #[error("parameter ${0} was given, and the statement does not use it")]
    Unused(usize),
    #[error("parameter ${0} contains a NUL character, which PostgreSQL cannot store")]
    Nul(usize),
}

/// `sql` with every `$n` outside quotes and comments replaced by the n-th value as a literal.
pub fn inline(sql: &str, params: &[Value]) -> Result<String, Bad> {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut used = vec![false; params.len()];
    for token in tokens(sql) {
        let Kind::Parameter(number) = token.kind else {
            out.push_str(token.text);
            continue;
        };
        let missing = || Bad::Missing { number: token.text[1..].to_owned(), given: params.len() };
        let index = number.and_then(|n| n.checked_sub(1)).ok_or_else(missing)?;
        let value = params.get(index).ok_or_else(missing)?;
        used[index] = true;
        // The spaces keep a literal apart from what stands next to it: `-$1` with -1 is not a comment, `U&$1` no prefix.
        out.push(' ');
        write_literal(&mut out, value).ok_or(Bad::Nul(index + 1))?;
        out.push(' ');
    }
    match used.iter().position(|used| !used) {
        Some(index) => Err(Bad::Unused(index + 1)),
        None => Ok(out),
    }
}

/// `None` if the value holds a NUL.
fn write_literal(out: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Null => out.push_str("NULL"),
        Value::Boolean(true) => out.push_str("TRUE"),
        Value::Boolean(false) => out.push_str("FALSE"),
        Value::Integer(number) => write!(out, "{number}").ok()?,
        Value::Double(number) if number.is_finite() => write!(out, "{number:?}").ok()?,
        Value::Double(number) => write!(out, "'{number}'").ok()?,
        Value::Bytes(bytes) => {
            out.push_str(r"E'\\x");
            for byte in bytes {
                write!(out, "{byte:02x}").ok()?;
            }
            out.push('\'');
        }
        Value::Text(text) => write_text(out, text)?,
    }
    Some(())
}

fn write_text(out: &mut String, text: &str) -> Option<()> {
    if text.contains('\0') {
        return None;
    }
    out.push_str(if text.contains('\\') { "E'" } else { "'" });
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn values_become_literals() {
        for (value, expected) in [
            (Value::Null, "NULL"),
            (Value::Boolean(true), "TRUE"),
            (Value::Boolean(false), "FALSE"),
            (Value::Integer(-5), "-5"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Double(1.5), "1.5"),
            (Value::Double(1e300), "1e300"),
            (Value::Double(-0.0), "-0.0"),
            (Value::Double(f64::NAN), "'NaN'"),
            (Value::Double(f64::NEG_INFINITY), "'-inf'"),
            (Value::Bytes(vec![0, 0x27, 0x5c, 0xff]), r"E'\\x00275cff'"),
            (Value::Bytes(Vec::new()), r"E'\\x'"),
            (text(""), "''"),
            (text("plain"), "'plain'"),
            (text("it's"), "'it''s'"),
            (text(r"a\b"), r"E'a\\b'"),
            (text(r"\'; drop table t; --"), r"E'\\''; drop table t; --'"),
            (text("'; drop table t; --"), "'''; drop table t; --'"),
            (text("$1 $$ $2"), "'$1 $$ $2'"),
            (text("line\nbreak"), "'line\nbreak'"),
            (text("é 💥"), "'é 💥'"),
        ] {
            assert_eq!(inline("$1", std::slice::from_ref(&value)), Ok(format!(" {expected} ")), "{value:?}");
        }
    }

    #[test]
    fn only_what_the_server_would_take_for_a_parameter_is_replaced() {
        for (sql, expected) in [
            ("a = $1", "a =  'x' "),
            ("$1$1", " 'x'  'x' "),
            ("'$1' $1", "'$1'  'x' "),
            ("\"$1\" $1", "\"$1\"  'x' "),
            ("$$ $1 $$ $1", "$$ $1 $$  'x' "),
            ("-- $1\n$1", "-- $1\n 'x' "),
            ("/* /* $1 */ $1 */ $1", "/* /* $1 */ $1 */  'x' "),
            (r"E'\'$1' $1", r"E'\'$1'  'x' "),
            ("col$1 $1", "col$1  'x' "),
            ("$1::text", " 'x' ::text"),
        ] {
            assert_eq!(inline(sql, &[text("x")]).as_deref(), Ok(expected), "{sql}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_without_a_value() {
        let missing = |number: &str, given| Bad::Missing { number: number.to_owned(), given };
        for (sql, params, expected) in [
            ("$2", vec![text("x")], missing("2", 1)),
            ("$1", vec![], missing("1", 0)),
            ("$0", vec![text("x")], missing("0", 1)),
            ("$99999999999999999999", vec![text("x")], missing("99999999999999999999", 1)),
            ("select 1", vec![text("x")], Bad::Unused(1)),
            ("'$1'", vec![text("x")], Bad::Unused(1)),
            ("E$1", vec![text("x")], Bad::Unused(1)),
            ("$1 $3", vec![text("x"), text("y"), text("z")], Bad::Unused(2)),
            ("$1", vec![text("a\0b")], Bad::Nul(1)),
        ] {
            assert_eq!(inline(sql, &params), Err(expected), "{sql}");
        }
    }
}
