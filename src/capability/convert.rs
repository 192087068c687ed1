//! Between the WIT's shared types and the words of the domain.

use crate::domain::contract::{Error, ErrorKind, Violation};
use crate::domain::effect::Class;
use crate::wit::vend::driver::types as wit;

use super::book::Use;

const LONGEST_CODE: usize = 128;
const LONGEST_MESSAGE: usize = 4 << 10;
const MOST_VIOLATIONS: usize = 100;

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

/// Texts are cut to what a person would read; a driver may have put anything there.
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
        code: shorten(error.code, LONGEST_CODE),
        message: shorten(error.message, LONGEST_MESSAGE),
        violations: violations
            .map(|v| Violation {
                pointer: shorten(v.pointer, LONGEST_MESSAGE),
                message: shorten(v.message, LONGEST_MESSAGE),
            })
            .collect(),
        retry_after_ms: error.retry_after_ms,
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
