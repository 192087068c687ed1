//! Between the WIT's shared types and the words of the domain.

use serde_json::Value;

use crate::domain::contract::{Error, ErrorKind, Violation};
use crate::domain::effect::Class;
use crate::domain::json::depth;
use crate::domain::secret::Handle;
use crate::wit::vend::driver::types as wit;

use super::book::Use;

const LONGEST_CODE: usize = 128;
const LONGEST_MESSAGE: usize = 4 << 10;
const MOST_VIOLATIONS: usize = 100;
/// The longest that a driver's error may keep its operation waiting.
const LONGEST_PAUSE_MS: u32 = 24 * 3600 * 1000;
const LONGEST_EXTERNAL_ID: usize = 1 << 10;
/// A document travels inside others, down to the journal; what is nested deeper could be written and never read again.
const DEEPEST: usize = 64;

pub fn error_to_wit(error: Error) -> wit::Error {
    let violations =
        error.violations.into_iter().map(|v| wit::Violation { pointer: v.pointer, message: v.message }).collect();
    let kind = match error.kind {
        ErrorKind::InvalidInput => wit::ErrorKind::InvalidInput,
        ErrorKind::NotFound => wit::ErrorKind::NotFound,
        ErrorKind::AlreadyExists => wit::ErrorKind::AlreadyExists,
        ErrorKind::Conflict => wit::ErrorKind::Conflict,
        ErrorKind::Denied => wit::ErrorKind::Denied,
        ErrorKind::Unauthenticated => wit::ErrorKind::Unauthenticated,
        ErrorKind::Quota => wit::ErrorKind::Quota,
        ErrorKind::Throttled => wit::ErrorKind::Throttled,
        ErrorKind::Unavailable => wit::ErrorKind::Unavailable,
        ErrorKind::Unsupported => wit::ErrorKind::Unsupported,
        ErrorKind::Internal => wit::ErrorKind::Internal,
        ErrorKind::Other => wit::ErrorKind::Other,
    };
    wit::Error { kind, code: error.code, message: error.message, violations, retry_after_ms: error.retry_after_ms }
}

/// Texts are cut to what a person would read, on one line; a driver may have put anything there.
pub fn error_from_wit(error: wit::Error) -> Error {
    let kind = match error.kind {
        wit::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
        wit::ErrorKind::NotFound => ErrorKind::NotFound,
        wit::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        wit::ErrorKind::Conflict => ErrorKind::Conflict,
        wit::ErrorKind::Denied => ErrorKind::Denied,
        wit::ErrorKind::Unauthenticated => ErrorKind::Unauthenticated,
        wit::ErrorKind::Quota => ErrorKind::Quota,
        wit::ErrorKind::Throttled => ErrorKind::Throttled,
        wit::ErrorKind::Unavailable => ErrorKind::Unavailable,
        wit::ErrorKind::Unsupported => ErrorKind::Unsupported,
        wit::ErrorKind::Internal => ErrorKind::Internal,
        wit::ErrorKind::Other => ErrorKind::Other,
    };
    let violations = error.violations.into_iter().take(MOST_VIOLATIONS);
    Error {
        kind,
        code: line(error.code, LONGEST_CODE),
        message: line(error.message, LONGEST_MESSAGE),
        violations: violations
            .map(|v| Violation { pointer: line(v.pointer, LONGEST_MESSAGE), message: line(v.message, LONGEST_MESSAGE) })
            .collect(),
        retry_after_ms: error.retry_after_ms.map(|ms| ms.min(LONGEST_PAUSE_MS)),
    }
}

/// `text`, cut behind at most `longest` bytes.
pub fn shorten(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What the system said, without what a library or a path may add to it.
pub fn cause(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        // ENFILE and EMFILE have no kind.
        Some(23 | 24) => "too many open files".to_owned(),
        _ => error.kind().to_string(),
    }
}

/// A JSON text of a driver's; `what` it is said to be goes into the error.
pub fn json(what: &str, text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{what} is not JSON: {error}"))?;
    if depth(&value) > DEEPEST {
        return Err(format!("{what} nests deeper than {DEEPEST} levels"));
    }
    Ok(value)
}

pub fn json_object(what: &str, text: &str) -> Result<Value, String> {
    let value = json(what, text)?;
    if value.is_object() { Ok(value) } else { Err(format!("{what} is no JSON object")) }
}

/// What a driver calls its object: people read it, and it goes back into every later call.
pub fn check_external_id(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > LONGEST_EXTERNAL_ID || id.chars().any(is_obeyed) {
        return Err(format!("an external id has 1 to {LONGEST_EXTERNAL_ID} bytes and no control characters"));
    }
    if !Handle::scan(id).is_empty() {
        return Err("a secret's handle stands in an external id".to_owned());
    }
    Ok(())
}

/// A text of a driver's as one line of at most `longest` bytes, and nothing in it that a terminal would obey.
pub fn line(text: String, longest: usize) -> String {
    printable(shorten(text, longest), |_| false)
}

/// `text` with a blank wherever a character would move a cursor, colour a screen or turn the direction of writing, but for those that
/// `may` stay.
pub fn printable(text: String, may: impl Fn(char) -> bool) -> String {
    let obeyed = |c: char| is_obeyed(c) && !may(c);
    if text.chars().any(obeyed) { text.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect() } else { text }
}

/// Control characters, line and paragraph separators, and what turns the direction of writing (Unicode's Bidi_Control).
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub fn class(semantics: wit::Semantics) -> Class {
    match semantics {
        wit::Semantics::Idempotent => Class::Idempotent,
        wit::Semantics::Keyed => Class::Keyed,
        wit::Semantics::Unsafe => Class::Unsafe,
    }
}

pub fn secret_use(of: wit::SecretUse) -> Use {
    Use { handle: of.handle, encoding: of.encoding }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_driver_says_is_one_line_that_no_terminal_obeys() {
        for (said, expected) in [
            ("plain – größe 漢字", "plain – größe 漢字"),
            ("a\u{1b}[2Jb\u{9b}31mc\x07", "a [2Jb 31mc "),
            ("one\ntwo\r\nthree\tfour", "one two  three four"),
            ("admin\u{202e}txt\u{2066}\u{200f}\u{2028}", "admin txt   "),
        ] {
            assert_eq!(line(said.to_owned(), 100), expected);
        }
        assert_eq!(printable("a\n\tb\u{1b}".to_owned(), |c| c == '\n'), "a\n b ");
    }

    #[test]
    fn json_is_taken_as_deep_as_it_can_be_kept() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(json("it", &nested(DEEPEST)).is_ok());
        assert_eq!(json("it", &nested(DEEPEST + 1)).expect_err("deep"), "it nests deeper than 64 levels");
        assert!(json("it", &nested(100_000)).expect_err("deeper than is read at all").contains("recursion limit"));
        assert!(json_object("it", "[]").is_err() && json_object("it", "{}").is_ok());
    }

    #[test]
    fn an_external_id_is_text_that_can_be_shown() {
        assert!(check_external_id(&"x".repeat(LONGEST_EXTERNAL_ID)).is_ok());
        let handle = Handle::from_bytes(&[7; 32]).to_string();
        for id in ["", "a\nb", "a\u{202e}b", &"x".repeat(LONGEST_EXTERNAL_ID + 1), &handle, &format!("id-{handle}")] {
            assert!(check_external_id(id).is_err(), "{id}");
        }
    }

    #[test]
    fn an_error_of_a_driver_is_cut_and_does_not_wait_for_ever() {
        let long = || "x\n".repeat(10_000);
        let violation = || wit::Violation { pointer: long(), message: long() };
        let error = error_from_wit(wit::Error {
            kind: wit::ErrorKind::Throttled,
            code: long(),
            message: long(),
            violations: (0..1_000).map(|_| violation()).collect(),
            retry_after_ms: Some(u32::MAX),
        });
        assert!(error.code.len() < 200 && error.message.len() < 5_000 && !error.message.contains('\n'));
        assert_eq!(error.violations.len(), MOST_VIOLATIONS);
        assert!(error.violations.iter().all(|v| v.pointer.len() < 5_000 && v.message.len() < 5_000));
        assert_eq!(error.retry_after_ms, Some(LONGEST_PAUSE_MS));
    }
}
