//! `numeric` in its text form.

use super::cell::{Malformed, fixed};

/// Four headers of two bytes (count of digits, weight of the first, sign, decimals to show), then digits of base 10,000.
pub(super) fn shown(raw: &[u8]) -> Result<String, Malformed> {
    let (header, digits) = raw.split_at_checked(8).ok_or(Malformed)?;
    let field = |at: usize| fixed::<2>(&header[at..at + 2]).map(i16::from_be_bytes);
    let (count, weight, sign, scale) = (field(0)?, field(2)?, field(4)?.cast_unsigned(), field(6)?);
    let digits: Vec<i16> =
        digits.chunks_exact(2).map(|pair| fixed(pair).map(i16::from_be_bytes)).collect::<Result<_, _>>()?;
    if usize::try_from(count) != Ok(digits.len()) || digits.iter().any(|digit| !(0..10_000).contains(digit)) {
        return Err(Malformed);
    }
    let sign = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => return Err(Malformed),
    };
    // The digit that stands for 10,000 to the power of `power`.
    let digit = |power: i32| {
        let index = usize::try_from(i32::from(weight) - power).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let mut whole: String = (0..=i32::from(weight)).rev().map(|power| format!("{:04}", digit(power))).collect();
    whole.drain(..whole.len() - whole.trim_start_matches('0').len());
    if whole.is_empty() {
        whole.push('0');
    }
    let Ok(scale @ 1..) = usize::try_from(scale) else { return Ok(format!("{sign}{whole}")) };
    let groups = i32::try_from(scale.div_ceil(4)).map_err(|_| Malformed)?;
    let mut fraction: String = (1..=groups).map(|place| format!("{:04}", digit(-place))).collect();
    fraction.truncate(scale);
    Ok(format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, scale: i16, digits: &[i16]) -> Vec<u8> {
        let count = i16::try_from(digits.len()).expect("few digits");
        let header = [count, weight, sign.cast_signed(), scale];
        header.iter().chain(digits).flat_map(|field| field.to_be_bytes()).collect()
    }

    #[test]
    fn as_the_server_shows_it() {
        for (raw, expected) in [
            (numeric(0, 0, 0, &[]), Ok("0")),
            (numeric(0, 0, 2, &[]), Ok("0.00")),
            (numeric(0, 0, 0, &[42]), Ok("42")),
            (numeric(1, 0, 0, &[1]), Ok("10000")),
            (numeric(1, 0x4000, 3, &[12, 3456, 7890]), Ok("-123456.789")),
            (numeric(-1, 0, 4, &[1]), Ok("0.0001")),
            (numeric(-2, 0, 6, &[100]), Ok("0.000001")),
            (numeric(0, 0xC000, 0, &[]), Ok("NaN")),
            (numeric(0, 0xF000, 0, &[]), Ok("-Infinity")),
            (numeric(0, 0x1234, 0, &[]), Err(Malformed)),
            (numeric(0, 0, 0, &[10_000]), Err(Malformed)),
            (vec![0, 1], Err(Malformed)),
        ] {
            assert_eq!(shown(&raw), expected.map(str::to_owned));
        }
    }
}
