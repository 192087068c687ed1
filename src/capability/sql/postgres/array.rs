//! Arrays in their text form: `{a,"b c",NULL}`.

use super::cell::{Form, Malformed, fixed};
use super::result::ROWS_LIMIT;

/// Takes fixed-size fields off the front of an array's bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (front, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(front)
    }

    fn number(&mut self) -> Result<i32, Malformed> {
        fixed(self.take(4)?).map(i32::from_be_bytes)
    }
}

struct Dimension {
    length: i32,
    lower: i32,
}

pub(super) fn shown(element: &Form, raw: &[u8]) -> Result<String, Malformed> {
    let mut reader = Reader(raw);
    let dimensions = dimensions(&mut reader)?;
    if dimensions.is_empty() {
        return Ok("{}".to_owned());
    }
    let mut out = String::new();
    if dimensions.iter().any(|dimension| dimension.lower != 1) {
        for Dimension { length, lower } in &dimensions {
            out.push_str(&format!("[{lower}:{}]", i64::from(*lower) + i64::from(*length) - 1));
        }
        out.push('=');
    }
    level(element, &dimensions, &mut reader, &mut out)?;
    Ok(out)
}

pub(super) fn shown_as_vector(element: &Form, raw: &[u8]) -> Result<String, Malformed> {
    let mut reader = Reader(raw);
    let mut words = Vec::new();
    if let [dimension] = dimensions(&mut reader)?.as_slice() {
        for _ in 0..dimension.length {
            let length = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
            words.push(element.text(reader.take(length)?)?);
        }
    }
    Ok(words.join(" "))
}

/// Count of dimensions, whether there are NULLs, the element's type; then length and lower bound of each dimension.
fn dimensions(reader: &mut Reader<'_>) -> Result<Vec<Dimension>, Malformed> {
    let count = reader.number()?;
    reader.take(8)?;
    if !(0..=6).contains(&count) {
        return Err(Malformed);
    }
    (0..count).map(|_| Ok(Dimension { length: reader.number()?, lower: reader.number()? })).collect()
}

fn level(element: &Form, dimensions: &[Dimension], reader: &mut Reader<'_>, out: &mut String) -> Result<(), Malformed> {
    let Some((dimension, inner)) = dimensions.split_first() else {
        match usize::try_from(reader.number()?) {
            Ok(length) => push_quoted(&element.text(reader.take(length)?)?, out),
            Err(_) => out.push_str("NULL"),
        }
        // A short binary form can have a long text (numeric): no array grows far beyond what an answer may hold.
        return if out.len() > ROWS_LIMIT { Err(Malformed) } else { Ok(()) };
    };
    out.push('{');
    for index in 0..dimension.length {
        if index > 0 {
            out.push(',');
        }
        level(element, inner, reader, out)?;
    }
    out.push('}');
    Ok(())
}

fn push_quoted(text: &str, out: &mut String) {
    let special = |c: char| matches!(c, '"' | '\\' | '{' | '}' | ',' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    if !text.is_empty() && !text.contains(special) && !text.eq_ignore_ascii_case("null") {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
