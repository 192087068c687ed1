//! Why a write did not answer with success: what is certain, and what is not.

use crate::domain::contract::{Error, ErrorKind};

#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// For certain not applied: refused by the backend, rolled back, or never sent.
    Refused(Error),
    /// Sent, and nothing proves what became of it.
    Lost(String),
}

impl Failure {
    /// As the error of something that changes nothing.
    pub fn of_read(self) -> Error {
        match self {
            Failure::Refused(error) => error,
            Failure::Lost(message) => unavailable(message),
        }
    }
}

pub fn unavailable(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, "BACKEND_UNAVAILABLE", message)
}

/// That the backend would not have the credential, in words that leave its own out.
pub fn rejected(connection: &str) -> Error {
    let message = format!("the backend rejected the credentials of connection `{connection}`");
    Error::new(ErrorKind::Unauthenticated, "CREDENTIALS_REJECTED", message)
}
