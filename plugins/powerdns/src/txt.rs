//! Character strings as they stand in zone files (RFC 1035, section 5.1): quoted, escaped, 255 bytes each at most.

const LONGEST: usize = 255;
/// The length of a record's data is told in two bytes.
const MOST_BYTES: usize = 65_535;

/// What begins with a quote is read as a list of quoted strings, everything else as one text. The normal form is quoted, cut
/// into strings of at most 255 bytes, and has `\ddd` for what is not printable.
pub fn normal(text: &str) -> Result<String, String> {
    let strings = match text.trim_start().starts_with('"') {
        true => quoted(text.trim())?,
        false => vec![text.as_bytes().to_vec()],
    };
    let parts: Vec<&[u8]> = strings.iter().flat_map(|string| cut(string)).collect();
    if parts.iter().map(|part| part.len() + 1).sum::<usize>() > MOST_BYTES {
        return Err(format!("a text record has at most {MOST_BYTES} bytes"));
    }
    Ok(parts.into_iter().map(written).collect::<Vec<_>>().join(" "))
}

/// Exactly one string.
pub fn one(text: &str) -> Result<String, String> {
    match normal(text)? {
        written if written.contains("\" \"") => Err("one text of at most 255 bytes stands here".to_owned()),
        written => Ok(written),
    }
}

fn cut(string: &[u8]) -> Vec<&[u8]> {
    if string.is_empty() { vec![string] } else { string.chunks(LONGEST).collect() }
}

fn quoted(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut strings = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((b'"', inside)) = rest.split_first() {
        let (string, behind) = string(inside)?;
        strings.push(string);
        let next = behind.trim_ascii_start();
        if !next.is_empty() && (next.len() == behind.len() || next[0] != b'"') {
            return Err("behind a closing quote stands nothing, or a space and another quoted text".to_owned());
        }
        rest = next;
    }
    Ok(strings)
}

/// What stands before the closing quote, and what behind it.
fn string(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut string = Vec::new();
    loop {
        match rest {
            [b'"', behind @ ..] => return Ok((string, behind)),
            [b'\\', a, b, c, behind @ ..] if [a, b, c].iter().all(|it| it.is_ascii_digit()) => {
                let digits = [*a, *b, *c].iter().fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0'));
                string.push(u8::try_from(digits).map_err(|_| "`\\ddd` is at most `\\255`".to_owned())?);
                rest = behind;
            }
            [b'\\', it, behind @ ..] => {
                string.push(*it);
                rest = behind;
            }
            [] | [b'\\'] => return Err("the closing quote is missing".to_owned()),
            [it, behind @ ..] => {
                string.push(*it);
                rest = behind;
            }
        }
    }
}

fn written(string: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in string {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.push('"');
    text
}
