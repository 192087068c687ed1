//! Bytes into text: size, encoding and control characters.

use super::place::Position;
use super::problem::{Errors, Problem};
use super::{File, MAX_BYTES};

/// The text of `file` without its byte order mark; nothing once a problem says why.
pub(super) fn read<'a>(file: &File<'a>, problems: &mut Errors) -> Option<&'a str> {
    let mut refuse = |at, message: &str, hint: &str| {
        problems.push(Problem::new(file.name, at, "", message).hint(hint));
        None
    };
    let bytes = file.content;
    if bytes.len() > MAX_BYTES {
        let message = format!("this file has {} bytes, more than the {MAX_BYTES} that are read", bytes.len());
        return refuse(Position::START, &message, "split it into several");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return refuse(Position::START, "this file is in UTF-16", "save it as UTF-8");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let sound = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            return refuse(end(&sound), "this file is not UTF-8", "save it as UTF-8");
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.char_indices().find(|(_, c)| is_refused(*c)) {
        Some((at, c)) => {
            let message = format!("the control character U+{:04X} is not allowed", u32::from(c));
            refuse(end(&text[..at]), &message, "write it as an escape in double quotes")
        }
        None => Some(text),
    }
}

/// What YAML does not print (YAML 1.2.2, 5.1), and NEL, which some take for a line break.
fn is_refused(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// The position behind `text`.
fn end(text: &str) -> Position {
    let line = text.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position { line: count(line), column: count(column) }
}

/// A count that fits, since a file is at most [`MAX_BYTES`] long.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
