//! Who called, for what: put beside every request by the gate, taken out first by every handler.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tonic::{Request, Status};

use crate::domain::principal::Principal;
use crate::policy::{self, Action};

use super::status;

#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Principal,
    /// What this call asks, by the table in `policy/action.rs`.
    pub action: Action,
    /// W3C trace context (`traceparent`) of the call; empty if it sent none that is well-formed.
    pub trace: String,
    /// The place this call takes among all at once: whoever goes on after the answer's head has left keeps it.
    pub slot: Arc<OwnedSemaphorePermit>,
}

impl Caller {
    /// The caller of `request`.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let found = request.extensions().get::<Caller>().cloned();
        found.ok_or_else(|| status::internal_text("a call came past the gate without a caller"))
    }

    /// Refused unless policy lets this caller do what it calls for to `name`.
    pub fn authorize(&self, name: &str) -> Result<(), Status> {
        policy::authorize(&self.principal, self.action, name).map_err(|refusal| {
            tracing::info!(principal = %self.principal, action = %self.action, name, "denied");
            status::refuse(&refusal, name)
        })
    }
}

/// A `traceparent` that is as W3C Trace Context (level 1) says; others are dropped, never passed on.
pub fn traceparent(text: &str) -> Option<&str> {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return None };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let well_formed = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (well_formed && *version != "ff" && !zero(trace) && !zero(parent)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::traceparent;

    #[test]
    fn only_a_well_formed_traceparent_is_passed_on() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(good), Some(good));
        let long = format!("{good}-extra");
        let upper = good.to_uppercase();
        for bad in [
            "",
            "00",
            &long,
            &upper,
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(traceparent(bad), None, "{bad}");
        }
    }
}
