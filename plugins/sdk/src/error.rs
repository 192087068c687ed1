//! Errors as the contract has them, and the ways to make one. `?` passes on what a capability answered.
//!
//! Whether anything was changed is never said here: the host knows it from its journal.

pub use crate::bindings::vend::driver::types::{Error, ErrorKind, Violation};

/// Code of the error for an object of the wanted name that is not ours.
pub const FOREIGN_OBJECT_EXISTS: &str = "FOREIGN_OBJECT_EXISTS";

impl Error {
    /// `code` is stable and machine-readable; `message` one sentence without secrets and addresses.
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), violations: Vec::new(), retry_after_ms: None }
    }

    /// One thing is wrong with the input. `pointer` leads into it: `/params/name`.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::violations(vec![Violation { pointer: pointer.into(), message: message.into() }])
    }

    pub(crate) fn violations(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            several => format!("{} things are wrong with the input", several.len()),
        };
        Self { violations, ..Self::new(ErrorKind::InvalidInput, "INVALID_INPUT", message) }
    }

    /// The wanted name is taken by an object that is not provably ours.
    pub fn foreign(what: impl AsRef<str>) -> Self {
        let message = format!("{} exists and does not belong to this resource", what.as_ref());
        Self::new(ErrorKind::AlreadyExists, FOREIGN_OBJECT_EXISTS, message)
    }

    pub fn not_found(what: impl AsRef<str>) -> Self {
        let message = format!("{} does not exist", what.as_ref());
        Self::new(ErrorKind::NotFound, "NOT_FOUND", message)
    }

    pub fn conflict(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, code, message)
    }

    /// The driver does not have this verb.
    pub fn unsupported(what: impl AsRef<str>) -> Self {
        let message = format!("{} is not supported by this driver", what.as_ref());
        Self::new(ErrorKind::Unsupported, "UNSUPPORTED", message)
    }

    /// A fault of the driver, or of what it was handed.
    pub fn internal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, code, message)
    }

    /// Adds the time after which trying again makes sense.
    pub fn retry_after_ms(mut self, ms: u32) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    pub fn is(&self, kind: ErrorKind) -> bool {
        self.kind == kind
    }
}

/// Collects everything that is wrong with an input, not only the first thing.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes `message` at `pointer` unless `holds`.
    pub fn require(&mut self, holds: bool, pointer: impl Into<String>, message: impl Into<String>) {
        if !holds {
            self.0.push(Violation { pointer: pointer.into(), message: message.into() });
        }
    }

    /// Notes `message` at each of the pointers whose values do not go together. Where one of them is not known yet, nothing is wrong.
    pub fn require_of<const N: usize>(&mut self, holds: bool, pointers: [&str; N], message: impl Into<String>) {
        let message = message.into();
        for pointer in pointers {
            self.require(holds, pointer, message.clone());
        }
    }

    /// The value; or nothing, and what is wrong with it noted at `pointer`.
    pub fn take<T>(&mut self, read: Result<T, impl Into<String>>, pointer: impl Into<String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(message) => {
                self.require(false, pointer, message);
                None
            }
        }
    }

    /// `value` if nothing was noted.
    pub fn or<T>(self, value: T) -> Result<T, Error> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::violations(self.0)) }
    }
}
