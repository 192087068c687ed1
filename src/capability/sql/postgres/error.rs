//! What the server and the network say, in the contract's words.
//!
//! The server's primary message may quote the statement and its values, and so is left out where a secret stands among them.

use std::error::Error as StdError;

use tokio_postgres::error::{DbError, Severity};

use crate::capability::failure::unavailable;
use crate::domain::contract::{Error, ErrorKind};

/// The most that is passed on of a server's message, in bytes.
const MESSAGE_LIMIT: usize = 1024;

pub(super) const TOO_LARGE: &str = "the rows are larger than 8 MiB: select less";

/// Why one exchange with the server did not succeed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// The server refused, or the host did before it sent anything that has an effect.
    Refused(Error),
    /// The session is gone or cannot be trusted; what the server did is not known.
    Broken(String),
    /// More rows than are taken: the statement ran, its answer was cut off.
    TooLarge,
}

impl Trouble {
    pub(super) fn of(error: &tokio_postgres::Error, confidential: bool) -> Self {
        match error.as_db_error() {
            Some(db) if !ends_session(db) => Self::Refused(of_server(db, confidential)),
            Some(db) => Self::Broken(format!("the server ended the session ({})", db.code().code())),
            None => Self::Broken(format!("the session broke: {}", cause(error))),
        }
    }

    /// As the error of an exchange that changed nothing.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Broken(message) => unavailable(message),
            Self::TooLarge => Error::new(ErrorKind::Quota, "ROWS_TOO_LARGE", TOO_LARGE),
        }
    }
}

fn ends_session(db: &DbError) -> bool {
    !matches!(db.parsed_severity(), Some(Severity::Error) | None)
}

fn of_server(db: &DbError, confidential: bool) -> Error {
    let code = db.code().code();
    let kind = kind(code);
    if confidential {
        return Error::new(
            kind,
            code,
            format!("the server refused a statement that carries a secret: {code} {}", name(code)),
        );
    }
    Error::new(kind, code, format!("the server refused: {}", bounded(db.message())))
}

/// Refusals of a login: the server's words name roles, addresses and rules, which are not for drivers.
pub(super) fn of_login(error: &tokio_postgres::Error, connection: &str) -> Error {
    let Some(db) = error.as_db_error() else {
        let cause = cause(error);
        tracing::warn!(connection, cause, "cannot open a session");
        let shown = if is_about_certificates(error) { "the server's certificate is not accepted" } else { &cause };
        return unavailable(format!("cannot open a session on connection `{connection}`: {shown}"));
    };
    let code = db.code().code();
    tracing::warn!(connection, code, message = db.message(), "the server refused a login");
    match kind(code) {
        ErrorKind::Unauthenticated => Error::new(
            ErrorKind::Unauthenticated,
            "CREDENTIALS_REJECTED",
            format!("the server rejected the credentials of connection `{connection}`"),
        ),
        kind => {
            Error::new(kind, code, format!("the server refused a session on connection `{connection}`: {}", name(code)))
        }
    }
}

/// Such an error names hosts.
fn is_about_certificates(error: &tokio_postgres::Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    io.and_then(std::io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>())
}

/// The innermost cause of an error of the client library, which names no statement and no address.
fn cause(error: &tokio_postgres::Error) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    bounded(&innermost.to_string()).to_owned()
}

fn bounded(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE_LIMIT)]
}

/// Follows appendix A of PostgreSQL's manual.
fn kind(code: &str) -> ErrorKind {
    match code {
        "42P04" | "42P06" | "42P07" | "42710" | "23505" => ErrorKind::AlreadyExists,
        "3D000" | "42704" => ErrorKind::NotFound,
        "42501" | "25006" => ErrorKind::Denied,
        "53300" | "57014" | "57P01" | "57P02" | "57P03" => ErrorKind::Unavailable,
        "55006" | "55000" | "55P03" | "40001" | "40P01" | "2BP01" | "23503" | "23P01" => ErrorKind::Conflict,
        "0A000" => ErrorKind::Unsupported,
        "08P01" | "25001" => ErrorKind::InvalidInput,
        _ => match code.get(..2) {
            Some("28") => ErrorKind::Unauthenticated,
            Some("22" | "23" | "42") => ErrorKind::InvalidInput,
            Some("53" | "54") => ErrorKind::Quota,
            Some("08" | "57") => ErrorKind::Unavailable,
            Some("40" | "55") => ErrorKind::Conflict,
            Some("XX") => ErrorKind::Internal,
            _ => ErrorKind::Other,
        },
    }
}

/// A condition's name, or its class's.
fn name(code: &str) -> &'static str {
    match code {
        "22001" => "string_data_right_truncation",
        "22P02" => "invalid_text_representation",
        "23502" => "not_null_violation",
        "23503" => "foreign_key_violation",
        "23505" => "unique_violation",
        "23514" => "check_violation",
        "3D000" => "invalid_catalog_name",
        "40001" => "serialization_failure",
        "40P01" => "deadlock_detected",
        "42501" => "insufficient_privilege",
        "42601" => "syntax_error",
        "42703" => "undefined_column",
        "42704" => "undefined_object",
        "42710" => "duplicate_object",
        "42P01" => "undefined_table",
        "42P04" => "duplicate_database",
        "42P07" => "duplicate_table",
        "53300" => "too_many_connections",
        "55P03" => "lock_not_available",
        "57014" => "query_canceled",
        "57P03" => "cannot_connect_now",
        _ => match code.get(..2) {
            Some("08") => "connection_exception",
            Some("0A") => "feature_not_supported",
            Some("22") => "data_exception",
            Some("23") => "integrity_constraint_violation",
            Some("25") => "invalid_transaction_state",
            Some("28") => "invalid_authorization_specification",
            Some("40") => "transaction_rollback",
            Some("42") => "syntax_error_or_access_rule_violation",
            Some("53") => "insufficient_resources",
            Some("54") => "program_limit_exceeded",
            Some("55") => "object_not_in_prerequisite_state",
            Some("57") => "operator_intervention",
            Some("P0") => "raised_exception",
            _ => "error",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kinds() {
        for (code, expected) in [
            ("42P04", ErrorKind::AlreadyExists),
            ("42710", ErrorKind::AlreadyExists),
            ("23505", ErrorKind::AlreadyExists),
            ("3D000", ErrorKind::NotFound),
            ("42704", ErrorKind::NotFound),
            ("28P01", ErrorKind::Unauthenticated),
            ("28000", ErrorKind::Unauthenticated),
            ("42501", ErrorKind::Denied),
            ("25006", ErrorKind::Denied),
            ("53300", ErrorKind::Unavailable),
            ("57P03", ErrorKind::Unavailable),
            ("57014", ErrorKind::Unavailable),
            ("53100", ErrorKind::Quota),
            ("55006", ErrorKind::Conflict),
            ("40001", ErrorKind::Conflict),
            ("40P01", ErrorKind::Conflict),
            ("55P03", ErrorKind::Conflict),
            ("22P02", ErrorKind::InvalidInput),
            ("42601", ErrorKind::InvalidInput),
            ("0A000", ErrorKind::Unsupported),
            ("XX000", ErrorKind::Internal),
            ("P0001", ErrorKind::Other),
            ("", ErrorKind::Other),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = "é".repeat(MESSAGE_LIMIT);
        assert_eq!(bounded(&format!("a{long}")).len(), MESSAGE_LIMIT - 1);
    }
}
