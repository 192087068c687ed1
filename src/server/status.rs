//! The one match from errors to gRPC.
//!
//! A caller gets a canonical code, the stable reason with a hint (`google.rpc.ErrorInfo`), what is wrong where
//! (`BadRequest`) and when to come back (`RetryInfo`). What went wrong inside goes to the log, whole and once; the caller
//! gets the id of that line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::{engine, identity, stock, store};

pub const DOMAIN: &str = "vend";

/// A status travels in HTTP/2 headers, and clients take 16 KiB of them: so much of each part.
const MESSAGE_BYTES: usize = 1_024;
const HINT_BYTES: usize = 512;
const VIOLATIONS_BYTES: usize = 4_096;

/// Where waiting helps and nobody said how long.
const RETRY_MS: u64 = 1_000;

/// The canonical code of a reason. `docs/errors.md` has the same table, and a test compares them.
pub fn code(reason: Reason) -> Code {
    match reason {
        Reason::ParamsInvalid
        | Reason::DocumentInvalid
        | Reason::RequestInvalid
        | Reason::GraphCycle
        | Reason::DriverInvalid => Code::InvalidArgument,
        Reason::NotFound | Reason::ResourceTypeUnknown | Reason::ClassUnknown => Code::NotFound,
        Reason::AlreadyExists | Reason::RequestIdReused | Reason::ForeignObjectExists => Code::AlreadyExists,
        Reason::UnresolvedReference
        | Reason::NoMatchingRecipe
        | Reason::AmbiguousRecipe
        | Reason::RecipeUnfit
        | Reason::PlanRequired
        | Reason::ReplacementRefused
        | Reason::OrderConflict
        | Reason::ResourceProtected
        | Reason::ResourceHasDependants
        | Reason::NotEmpty
        | Reason::InUse
        | Reason::BackendRefused
        | Reason::CredentialsRejected
        | Reason::Paused
        | Reason::DeletionGrace
        | Reason::Unverified
        | Reason::OutcomeUnknown
        | Reason::CreateOutcomeUnknown
        | Reason::MultipleCandidates
        | Reason::DriverUnfit
        | Reason::ConnectionMoved
        | Reason::DependencyFailed
        | Reason::ChildrenFailed => Code::FailedPrecondition,
        // Read again and decide anew.
        Reason::PlanStale
        | Reason::EtagMismatch
        | Reason::ConcurrentOperation
        | Reason::PlanViolated
        | Reason::Superseded => Code::Aborted,
        Reason::Unauthenticated | Reason::TokenInvalid => Code::Unauthenticated,
        Reason::PolicyDenied | Reason::EgressDenied => Code::PermissionDenied,
        Reason::RateLimited | Reason::BackendThrottled | Reason::DriverLimitExceeded => Code::ResourceExhausted,
        Reason::WatchExpired => Code::OutOfRange,
        Reason::VerbUnsupported => Code::Unimplemented,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        Reason::Unavailable | Reason::BackendUnavailable => Code::Unavailable,
        Reason::Cancelled => Code::Cancelled,
        Reason::Internal | Reason::Nondeterministic | Reason::DriverTrapped => Code::Internal,
    }
}

/// The same call may do better in a while.
fn waiting_helps(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RateLimited
            | Reason::Unavailable
            | Reason::BackendUnavailable
            | Reason::BackendThrottled
            | Reason::ConcurrentOperation
    )
}

/// A status with all that a client may match on. `name` is the thing it is about; empty if there is none.
pub fn refuse(refusal: &Refusal, name: &str) -> Status {
    let mut details = ErrorDetails::new();
    let mut metadata = HashMap::new();
    if !refusal.hint.is_empty() {
        metadata.insert("hint".to_owned(), cut(&refusal.hint, HINT_BYTES));
    }
    if !name.is_empty() {
        metadata.insert("name".to_owned(), cut(name, HINT_BYTES));
    }
    let left_out = add_violations(refusal, &mut details);
    if left_out > 0 {
        metadata.insert("more_violations".to_owned(), left_out.to_string());
    }
    details.set_error_info(refusal.reason.as_str(), DOMAIN, metadata);
    let retry_ms = refusal.retry_after_ms.or(waiting_helps(refusal.reason).then_some(RETRY_MS));
    if let Some(retry_ms) = retry_ms {
        details.set_retry_info(Some(Duration::from_millis(retry_ms)));
    }
    Status::with_error_details(code(refusal.reason), cut(&refusal.message, MESSAGE_BYTES), details)
}

/// As many violations as a status can carry; answers how many it cannot.
fn add_violations(refusal: &Refusal, details: &mut ErrorDetails) -> usize {
    let mut room = VIOLATIONS_BYTES;
    for (done, violation) in refusal.violations.iter().enumerate() {
        let field = cut(&violation.pointer, 256);
        let message = cut(&violation.message, 512);
        let Some(left) = room.checked_sub(field.len() + message.len() + 8) else {
            return refusal.violations.len() - done;
        };
        room = left;
        details.add_bad_request_violation(field, message);
    }
    0
}

/// At most `limit` bytes of `text`, and a sign that there was more.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit - '…'.len_utf8());
    format!("{}…", &text[..end])
}

pub fn not_found(name: &str) -> Status {
    refuse(&Refusal::new(Reason::NotFound, format!("there is no `{}`", cut(name, 256))), name)
}

pub fn invalid(message: impl Into<String>) -> Status {
    Refusal::new(Reason::RequestInvalid, message).into()
}

pub fn unavailable(message: &str) -> Status {
    Refusal::new(Reason::Unavailable, message).into()
}

/// Something that is not the caller's business: logged here, whole; answered with the id of the log line.
pub fn internal(error: &dyn std::error::Error) -> Status {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    internal_text(&chain)
}

/// As [`internal`], of what is no error value: a panic, say.
pub fn internal_text(detail: &str) -> Status {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let log_id = format!("log-{:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    tracing::error!(log.id = %log_id, error = %detail, "a call failed inside");
    let mut details = ErrorDetails::new();
    let hint = format!("the log of `vend serve` says more under {log_id}");
    let metadata = HashMap::from([("log_id".to_owned(), log_id.clone()), ("hint".to_owned(), hint)]);
    details.set_error_info(Reason::Internal.as_str(), DOMAIN, metadata);
    Status::with_error_details(Code::Internal, format!("something went wrong inside ({log_id})"), details)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        refuse(&refusal, "")
    }
}

impl From<store::Error> for Status {
    fn from(error: store::Error) -> Status {
        match &error {
            store::Error::Conflict { .. } => Refusal::new(Reason::ConcurrentOperation, error.to_string())
                .hint("read it again and repeat the call")
                .into(),
            store::Error::KeyTaken { .. } => Refusal::new(Reason::AlreadyExists, error.to_string()).into(),
            store::Error::Compacted { .. } => Refusal::new(Reason::WatchExpired, error.to_string())
                .hint("watch again without a resume token: it begins with what is there")
                .into(),
            store::Error::Fenced { .. } | store::Error::Closed => unavailable(&error.to_string()),
            store::Error::Full { .. } => Refusal::new(Reason::Unavailable, error.to_string())
                .hint("make room where the core keeps its data, and repeat the call")
                .into(),
            store::Error::Failed { .. } => Refusal::new(Reason::Unavailable, error.to_string())
                .hint("once the core is started again, repeat the call with the same request id: it is done once")
                .into(),
            store::Error::Backend { .. } | store::Error::Damaged { .. } => internal(&error),
        }
    }
}

impl From<stock::Error> for Status {
    fn from(error: stock::Error) -> Status {
        match error {
            stock::Error::Refused(refusal) => refusal.into(),
            stock::Error::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<engine::Error> for Status {
    fn from(error: engine::Error) -> Status {
        match error {
            engine::Error::Refused(refusal) => refusal.into(),
            engine::Error::Stock(error) => error.into(),
            engine::Error::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<identity::Error> for Status {
    fn from(error: identity::Error) -> Status {
        let reason = match &error {
            identity::Error::Missing => Reason::Unauthenticated,
            identity::Error::Malformed | identity::Error::Invalid => Reason::TokenInvalid,
            identity::Error::Store(store::Error::Closed) => Reason::Unavailable,
            _ => return internal(&error),
        };
        Refusal::new(reason, error.to_string())
            .hint("send `authorization: Bearer vend_…`; `vend serve` says which file holds the administrator's token")
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::Violation;

    #[test]
    fn the_table_in_the_docs_is_this_one() {
        let docs = include_str!("../../docs/errors.md");
        let rows: Vec<Vec<&str>> = docs
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
            .collect();
        for reason in Reason::ALL {
            let row = rows.iter().find(|row| row[0] == reason.as_str());
            let row = row.unwrap_or_else(|| panic!("docs/errors.md does not list {reason}"));
            assert_eq!(row[1], screaming(code(*reason)), "the code of {reason}");
            assert!(
                row.len() == 4 && !row[2].is_empty() && !row[3].is_empty(),
                "the row of {reason} says when and what to do"
            );
        }
        assert_eq!(rows.len(), Reason::ALL.len(), "docs/errors.md lists a reason that is none, or one twice");
    }

    fn screaming(code: Code) -> String {
        let mut text = String::new();
        for (i, c) in format!("{code:?}").chars().enumerate() {
            if i > 0 && c.is_ascii_uppercase() {
                text.push('_');
            }
            text.push(c.to_ascii_uppercase());
        }
        text
    }

    #[test]
    fn a_refusal_travels_whole() {
        let refusal = Refusal::new(Reason::RateLimited, "too many calls")
            .hint("slow down")
            .violations(vec![Violation { pointer: "/params/name".into(), message: "too long".into() }]);
        let status = refuse(&refusal, "projects/shop");
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "too many calls"));
        let details = status.get_error_details();
        let info = details.error_info().expect("an ErrorInfo");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("RATE_LIMITED", "vend"));
        assert_eq!(info.metadata["hint"], "slow down");
        assert_eq!(info.metadata["name"], "projects/shop");
        assert_eq!(details.bad_request().expect("a BadRequest").field_violations[0].field, "/params/name");
        let retry = details.retry_info().expect("a RetryInfo").retry_delay;
        assert_eq!(retry, Some(Duration::from_millis(RETRY_MS)));
    }

    #[test]
    fn a_status_fits_into_headers_whatever_is_in_it() {
        let violation = Violation { pointer: "/x".repeat(400), message: "é".repeat(4_000) };
        let refusal = Refusal::new(Reason::DocumentInvalid, "ä".repeat(10_000))
            .hint("h".repeat(10_000))
            .violations(vec![violation; 10_000]);
        let status = refuse(&refusal, &"n".repeat(10_000));
        let headers: usize = status.to_http_size();
        assert!(headers < 16 << 10, "{headers} bytes");
        let details = status.get_error_details();
        let left_out = &details.error_info().expect("an ErrorInfo").metadata["more_violations"];
        assert!(left_out.parse::<usize>().expect("a number") > 9_900);
    }

    trait HttpSize {
        fn to_http_size(&self) -> usize;
    }

    impl HttpSize for Status {
        fn to_http_size(&self) -> usize {
            let response = self.clone().into_http::<tonic::body::Body>();
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
        }
    }

    #[test]
    fn what_went_wrong_inside_stays_inside() {
        let error = store::Error::Damaged { what: "row".into(), detail: "hunter2".into() };
        let status = Status::from(error);
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("hunter2"));
        assert!(status.message().contains("log-"));
    }
}
