//! The text forms of PostgreSQL's fixed-size types, made from their binary forms.
//!
//! The integration tests compare each with what the server itself shows.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::cell::{Malformed, fixed};

const DAY_US: i64 = 86_400_000_000;
/// Days from 0000-03-01, where the calendar below starts, to 2000-01-01, where PostgreSQL's does.
const EPOCH_DAYS: i64 = 730_425;

pub(super) fn char(byte: u8) -> String {
    match byte {
        0 => String::new(),
        1..=127 => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

pub(super) fn uuid(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// `days` count from 2000-01-01.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (day, era) = calendar(days.into());
            day + era
        }
    }
}

/// Microseconds since midnight.
pub(super) fn time(us: i64) -> String {
    let (seconds, fraction) = (us / 1_000_000, us % 1_000_000);
    let mut out = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
    out
}

/// Microseconds since 2000-01-01; `zone` is written behind the time.
pub(super) fn timestamp(us: i64, zone: &str) -> String {
    match us {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        us => {
            let (day, era) = calendar(us.div_euclid(DAY_US));
            format!("{day} {}{zone}{era}", time(us.rem_euclid(DAY_US)))
        }
    }
}

/// The Gregorian day, and " BC" if it is one. Years are counted from March, so that the leap day is the last of its year.
fn calendar(days: i64) -> (String, &'static str) {
    let days = days + EPOCH_DAYS;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (cycle * 400 + year + i64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    (format!("{year:04}-{month:02}-{day_of_month:02}"), era)
}

/// Family, prefix length, whether it is a cidr, count of bytes, bytes.
pub(super) fn inet(raw: &[u8]) -> Result<String, Malformed> {
    let [family, prefix, is_cidr, _, address @ ..] = raw else { return Err(Malformed) };
    let (host, full) = match family {
        2 => (Ipv4Addr::from(fixed::<4>(address)?).to_string(), 32),
        3 => (Ipv6Addr::from(fixed::<16>(address)?).to_string(), 128),
        _ => return Err(Malformed),
    };
    Ok(if *is_cidr == 0 && *prefix == full { host } else { format!("{host}/{prefix}") })
}

pub(super) fn macaddr(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

pub(super) fn lsn(position: u64) -> String {
    format!("{:X}/{:X}", position >> 32, position & 0xffff_ffff)
}

pub(super) fn bytea(raw: &[u8]) -> String {
    raw.iter().fold("\\x".to_owned(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// `shortest` is a number as Rust's `{:e}` writes it; from `digits` places on, PostgreSQL shows an exponent too.
/// Of a number exactly between two floats the server may show more figures; both texts are read as the same float.
pub(super) fn float(shortest: &str, digits: i32) -> String {
    let (sign, magnitude) = match shortest.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", shortest),
    };
    let Some((mantissa, exponent)) = magnitude.split_once('e') else {
        return format!("{sign}{}", if magnitude == "inf" { "Infinity" } else { magnitude });
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let figures = mantissa.replace('.', "");
    let body = if !(-4..digits).contains(&exponent) {
        format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    } else if exponent < 0 {
        format!("0.{}{figures}", "0".repeat(exponent.unsigned_abs() as usize - 1))
    } else {
        let whole = exponent.unsigned_abs() as usize + 1;
        match figures.split_at_checked(whole) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, rest)) => format!("{whole}.{rest}"),
            None => format!("{figures:0<whole$}"),
        }
    };
    format!("{sign}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_whole_calendar() {
        for (days, expected) in [
            (0, "2000-01-01"),
            (59, "2000-02-29"),
            (60, "2000-03-01"),
            (-1, "1999-12-31"),
            (8_839, "2024-03-14"),
            (-36_465, "1900-03-01"),
            (-36_466, "1900-02-28"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (-730_426, "0001-02-29 BC"),
            (2_145_031_948, "5874897-12-31"),
            (-2_451_507, "4713-01-01 BC"),
            (i32::MAX, "infinity"),
            (i32::MIN, "-infinity"),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn moments() {
        for (us, expected) in [
            (0, "2000-01-01 00:00:00+00"),
            (-1, "1999-12-31 23:59:59.999999+00"),
            (1_500_000, "2000-01-01 00:00:01.5+00"),
            (-730_120 * DAY_US, "0001-12-31 00:00:00+00 BC"),
            (i64::MAX, "infinity"),
        ] {
            assert_eq!(timestamp(us, "+00"), expected);
        }
    }

    #[test]
    fn floats_as_the_server_shows_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (120.0, "120"),
            (1.5, "1.5"),
            (123.456, "123.456"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (-1.25e300, "-1.25e+300"),
            (f64::INFINITY, "Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float(&format!("{value:e}"), 15), expected);
        }
    }
}
