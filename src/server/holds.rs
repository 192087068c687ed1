//! Pausing and resuming, which four services have in common.

use tonic::Status;

use crate::domain::hold::Target;
use crate::pb;

use super::caller::Caller;
use super::core::Core;
use super::{convert, names};

const MESSAGE_CHARS: usize = 200;

impl Core {
    /// The pause that holds now, and whether it did before.
    pub async fn pause(&self, target: Target, message: &str, caller: &Caller) -> Result<(pb::Hold, bool), Status> {
        if message.chars().count() > MESSAGE_CHARS || message.chars().any(char::is_control) {
            let fault = format!("is longer than {MESSAGE_CHARS} characters, or has control characters");
            return Err(names::field("message", fault));
        }
        let (hold, unchanged) = self.engine.pause(target, message, &caller.principal).await?;
        Ok((convert::hold::hold(hold), unchanged))
    }

    /// Whether nothing was paused.
    pub async fn resume(&self, target: &Target, caller: &Caller) -> Result<bool, Status> {
        Ok(self.engine.resume(target, &caller.principal).await?.is_none())
    }
}

/// The name of something of a kind that can be paused.
pub fn target(text: &str, shape: &str, fits: fn(&Target) -> bool) -> Result<Target, Status> {
    let found = Target::parse(text).filter(fits);
    found.ok_or_else(|| names::field("name", format!("is no name of the form {shape}")))
}
