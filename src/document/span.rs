//! Spans of time as people write them: `30s`, `5m`, `1h30m`, `7d`.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no span of time: write it as in `500ms`, `30s`, `5m`, `2h`, `1h30m` or `7d`")]
pub struct Invalid(pub String);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A span in milliseconds: whole numbers with their units, the larger unit first, each at most once.
pub fn parse_ms(text: &str) -> Result<u64, Invalid> {
    parts(text).ok_or_else(|| Invalid(text.to_owned()))
}

fn parts(text: &str) -> Option<u64> {
    let (mut rest, mut total, mut units) = (text, 0u64, UNITS.as_slice());
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let at = units.iter().position(|(name, _)| *name == &rest[..unit])?;
        total = total.checked_add(number.checked_mul(units[at].1)?)?;
        units = &units[at + 1..];
        rest = &rest[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_numbers_with_units() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("500ms", Some(500)),
            ("7d", Some(604_800_000)),
            ("1h30m", Some(5_400_000)),
            ("1m500ms", Some(60_500)),
            ("0s", Some(0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("30 s", None),
            ("30S", None),
            ("1m1h", None),
            ("1s1s", None),
            ("1w", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
            ("1é", None),
        ] {
            assert_eq!(parse_ms(text).ok(), expected, "{text}");
        }
    }
}
