//! The driver contract in domain words: what goes into a verb and what comes back.
//!
//! Mirrors `wit/types.wit` and `wit/driver.wit`; `driver/` converts. JSON texts of the WIT are parsed values here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reason::Reason;

/// The verbs of a driver's life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Describe,
    Validate,
    Plan,
    Create,
    Read,
    Find,
    Update,
    Delete,
    Adopt,
    Discover,
    Migrate,
}

/// Which imports are real for a verb; the others are linked to a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// No effects at all.
    Pure,
    /// Reads.
    Observe,
    /// Reads and writes.
    Apply,
}

impl Verb {
    pub fn profile(self) -> Profile {
        match self {
            Verb::Describe | Verb::Validate | Verb::Migrate => Profile::Pure,
            Verb::Plan | Verb::Read | Verb::Find | Verb::Adopt | Verb::Discover => Profile::Observe,
            Verb::Create | Verb::Update | Verb::Delete => Profile::Apply,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Describe => "describe",
            Verb::Validate => "validate",
            Verb::Plan => "plan",
            Verb::Create => "create",
            Verb::Read => "read",
            Verb::Find => "find",
            Verb::Update => "update",
            Verb::Delete => "delete",
            Verb::Adopt => "adopt",
            Verb::Discover => "discover",
            Verb::Migrate => "migrate",
        }
    }
}

/// What one call is about. Byte-identical on every replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Input {
    pub resource_id: String,
    pub incarnation: u32,
    pub resource_type: String,
    pub labels: Vec<(String, String)>,
    pub config: Value,
    pub params: Value,
    pub unknown: Vec<String>,
    pub prior: Option<Prior>,
    pub continuation: Option<Value>,
    pub context: Value,
}

/// What is known to be ours at the backend, complete or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Claim {
    pub external_id: Option<String>,
    pub state: Value,
}

/// What was made before, with what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Prior {
    pub claim: Claim,
    pub params: Value,
    pub config: Value,
    pub outputs: Value,
}

/// A finished external object as the driver reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Object {
    pub external_id: String,
    pub state: Value,
    pub outputs: Value,
}

/// Not done yet: call again with `continuation` once `poll_after_ms` have passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pending {
    pub continuation: Value,
    pub poll_after_ms: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    None,
    Create,
    Update,
    Replace,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    pub pointer: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub forces_replacement: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Planned {
    pub action: Action,
    pub changes: Vec<Change>,
    pub outputs: Value,
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    pub object: Object,
    pub params: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observation {
    Ready(Observed),
    Unready(Observed),
    Absent,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    None,
    One(Claim),
    Many(Vec<String>),
}

/// A page of what exists at the backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Discovered {
    pub candidates: Vec<Candidate>,
    pub next_page_token: Option<String>,
}

/// An object at the backend, whether or not there is a record of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Candidate {
    pub external_id: String,
    /// As its ownership label says.
    pub resource_id: Option<String>,
    /// What it is, in a line.
    pub summary: String,
}

/// One verb with its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    Describe,
    Validate(Input),
    Plan(Input),
    Create(Input),
    Read(Input),
    Find(Input),
    Update(Input),
    Delete(Input),
    Adopt { input: Input, external_id: String },
    Discover { input: Input, page_token: Option<String> },
    Migrate { resource_type: String, from_version: u32, to_version: u32, state: Value },
}

impl Call {
    pub fn verb(&self) -> Verb {
        match self {
            Call::Describe => Verb::Describe,
            Call::Validate(_) => Verb::Validate,
            Call::Plan(_) => Verb::Plan,
            Call::Create(_) => Verb::Create,
            Call::Read(_) => Verb::Read,
            Call::Find(_) => Verb::Find,
            Call::Update(_) => Verb::Update,
            Call::Delete(_) => Verb::Delete,
            Call::Adopt { .. } => Verb::Adopt,
            Call::Discover { .. } => Verb::Discover,
            Call::Migrate { .. } => Verb::Migrate,
        }
    }

    /// The input, for the verbs that have one.
    pub fn input(&self) -> Option<&Input> {
        match self {
            Call::Validate(input)
            | Call::Plan(input)
            | Call::Create(input)
            | Call::Read(input)
            | Call::Find(input)
            | Call::Update(input)
            | Call::Delete(input)
            | Call::Adopt { input, .. }
            | Call::Discover { input, .. } => Some(input),
            Call::Describe | Call::Migrate { .. } => None,
        }
    }
}

/// What a verb answered when it did not fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The describe document as it came.
    Described(Value),
    /// Params in normal form.
    Validated(Value),
    Planned(Planned),
    /// Of create and update.
    Done(Object),
    /// Of create, update and delete.
    Pending(Pending),
    /// Of delete.
    Gone,
    Observed(Observation),
    Found(Finding),
    Adopted(Observed),
    Discovered(Discovered),
    /// State in the asked version.
    Migrated(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    InvalidInput,
    NotFound,
    AlreadyExists,
    Conflict,
    Denied,
    Unauthenticated,
    Quota,
    Throttled,
    Unavailable,
    Unsupported,
    Internal,
    Other,
}

/// What is wrong where. `pointer` is a JSON Pointer into what was given, e.g. `/params/name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Violation {
    pub pointer: String,
    pub message: String,
}

/// An error as a driver returns it, or as a capability answers it to a driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{message} ({code})")]
pub struct Error {
    pub kind: ErrorKind,
    pub code: String,
    pub message: String,
    pub violations: Vec<Violation>,
    pub retry_after_ms: Option<u32>,
}

impl Error {
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), violations: Vec::new(), retry_after_ms: None }
    }
    /// For where its reason is told beside it: the code only if it says more than that.
    pub fn words(&self) -> String {
        if self.code == self.reason().as_str() { self.message.clone() } else { self.to_string() }
    }

    /// The word for it on operations and in refusals, the same in both.
    pub fn reason(&self) -> Reason {
        match self.kind {
            ErrorKind::Unavailable => Reason::BackendUnavailable,
            ErrorKind::Throttled => Reason::BackendThrottled,
            ErrorKind::Unauthenticated => Reason::CredentialsRejected,
            ErrorKind::InvalidInput => Reason::ParamsInvalid,
            ErrorKind::Unsupported => Reason::VerbUnsupported,
            ErrorKind::AlreadyExists if self.code == "FOREIGN_OBJECT_EXISTS" => Reason::ForeignObjectExists,
            ErrorKind::Denied if self.is_denied_by_host() => Reason::EgressDenied,
            ErrorKind::AlreadyExists
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Denied
            | ErrorKind::Quota
            | ErrorKind::Internal
            | ErrorKind::Other => Reason::BackendRefused,
        }
    }

    fn is_denied_by_host(&self) -> bool {
        HOST_DENIALS.contains(&self.code.as_str()) || self.code.starts_with("DENIED_")
    }
}

/// Codes with which the host itself denies a call.
const HOST_DENIALS: [&str; 24] = [
    "ADDRESS_FORBIDDEN",
    "CREDENTIAL_MISSING",
    "DATABASE_NOT_ALLOWED",
    "HANDLE_IN_QUERY",
    "HANDLE_NOT_GRANTED",
    "HEADER_FORBIDDEN",
    "METHOD_FORBIDDEN",
    "NOT_A_READ",
    "PATH_INVALID",
    "READ_ROLE_TOO_POWERFUL",
    "REQUEST_DENIED",
    "REQUEST_NOT_ALLOWED",
    "REQUEST_NOT_ASKED",
    "REQUEST_NOT_A_READ",
    "SECRET_CHANGES_REQUEST",
    "SECRET_IN_QUERY",
    "SLOT_NOT_GRANTED",
    "SLOT_OTHER_PROTOCOL",
    "SLOT_READ_ONLY",
    "STATEMENT_DENIED",
    "STATEMENT_WRITES",
    "TLS_REQUIRED",
    "TRANSACTION_CONTROL",
    "URL_OUTSIDE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once() {
        let words = |kind, code: &str| Error::new(kind, code, "away").words();
        assert_eq!(words(ErrorKind::Unavailable, "BACKEND_UNAVAILABLE"), "away");
        assert_eq!(words(ErrorKind::AlreadyExists, "FOREIGN_OBJECT_EXISTS"), "away");
        assert_eq!(words(ErrorKind::Unavailable, "57P03"), "away (57P03)");
    }
}
