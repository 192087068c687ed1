//! A refusal: nothing has changed, and here is why and what to do.

use super::contract::Violation;
use super::reason::Reason;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub reason: Reason,
    /// One sentence: what, which, why.
    pub message: String,
    /// What is wrong where, if an input is at fault: all of it, not only the first.
    pub violations: Vec<Violation>,
    /// What to do about it; may be empty.
    pub hint: String,
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), violations: Vec::new(), hint: String::new(), retry_after_ms: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }
}
