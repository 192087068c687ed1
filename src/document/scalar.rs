//! Plain scalars by the core schema of YAML 1.2 (YAML 1.2.2, 10.3.2): `yes` and `no` are texts.

use serde_json::{Number, Value};

/// Why a plain scalar is refused, and what to write instead.
pub(super) struct Refused {
    pub message: String,
    pub hint: &'static str,
}

const QUOTE: &str = "write it in quotes if it is a text";

/// What the plain scalar `text` means.
pub(super) fn resolve(text: &str) -> Result<Value, Refused> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x").filter(|it| all(it, |b| b.is_ascii_hexdigit())) {
        return radix(text, digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o").filter(|it| all(it, |b| matches!(b, b'0'..=b'7'))) {
        return radix(text, digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(Refused { message: format!("`{text}` is no number that JSON has"), hint: QUOTE });
    }
    if all(unsigned, |b| b.is_ascii_digit()) {
        return integer(text);
    }
    if is_float(unsigned) { float(text, unsigned) } else { Ok(Value::String(text.to_owned())) }
}

fn all(text: &str, is: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(is)
}

fn radix(text: &str, digits: &str, radix: u32) -> Result<Value, Refused> {
    u64::from_str_radix(digits, radix).map(Value::from).map_err(|_| too_large(text))
}

fn integer(text: &str) -> Result<Value, Refused> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Value::from(number));
    }
    text.parse::<u64>().map(Value::from).map_err(|_| too_large(text))
}

fn too_large(text: &str) -> Refused {
    Refused { message: format!("the number {} does not fit into 64 bits", short(text)), hint: QUOTE }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", after)) => all(after, digit),
        Some((before, after)) => all(before, digit) && (after.is_empty() || all(after, digit)),
        None => all(mantissa, digit),
    };
    mantissa_fits && exponent.is_none_or(|exponent| all(exponent, digit))
}

fn float(text: &str, unsigned: &str) -> Result<Value, Refused> {
    let lost = || Refused { message: format!("the number {} would lose digits", short(text)), hint: QUOTE };
    let number: f64 = text.parse().map_err(|_| lost())?;
    let json = Number::from_f64(number).ok_or_else(lost)?;
    let read = format!("{:e}", number.abs());
    if significant(unsigned) == significant(&read) { Ok(Value::Number(json)) } else { Err(lost()) }
}

/// A decimal number as its digits without zeros at either end, and the power of ten of the last one.
fn significant(text: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let digits = digits.trim_start_matches('0');
    let trimmed = digits.trim_end_matches('0');
    if trimmed.is_empty() {
        return Some((String::new(), 0));
    }
    let zeros = i64::try_from(digits.len() - trimmed.len()).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    let power = exponent.checked_sub(i64::try_from(after.len()).ok()?)?.checked_add(zeros)?;
    Some((trimmed.to_owned(), power))
}

/// As much of a scalar as a message shows.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        for (text, expected) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("Null", json!(null)),
            ("nULL", json!("nULL")),
            ("true", json!(true)),
            ("FALSE", json!(false)),
            ("yes", json!("yes")),
            ("no", json!("no")),
            ("on", json!("on")),
            ("y", json!("y")),
            ("tRUE", json!("tRUE")),
            ("0", json!(0)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("007", json!(7)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("0b11", json!("0b11")),
            ("1_000", json!("1_000")),
            ("0o8", json!("0o8")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1.5", json!(1.5)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("1e3", json!(1000.0)),
            ("1E-2", json!(0.01)),
            ("0.0", json!(0.0)),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("0.1", json!(0.1)),
            ("1.50", json!(1.5)),
            ("123456789012345678.0", json!("lost")),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.0/8", json!("10.0.0.0/8")),
            ("5m", json!("5m")),
            ("1e400", json!("lost")),
            ("18446744073709551616", json!("lost")),
            (".inf", json!("lost")),
            ("-.INF", json!("lost")),
            (".nan", json!("lost")),
            ("0.1234567890123456789", json!("lost")),
            ("+", json!("+")),
            ("1e99999999999999999999", json!("lost")),
            ("0e99999", json!(0.0)),
        ] {
            let value = resolve(text).unwrap_or(json!("lost"));
            assert_eq!(value, expected, "{text}");
        }
    }
}
