//! What the core keeps for the resource while a create or update is under way. Apply only.

use serde::Serialize;

use crate::Error;
use crate::bindings::vend::driver::claims;
use crate::bindings::vend::driver::types::Claim;
use crate::results::json;

/// From here on this is what every later attempt, find and delete gets as prior, whatever becomes of this call. Durable
/// before the next effect leaves: announce with it what is about to be made.
pub fn checkpoint(external_id: Option<&str>, state: &impl Serialize) -> Result<(), Error> {
    claims::checkpoint(&Claim { external_id: external_id.map(String::from), state: json(state)? })
}

/// An idempotency key (a UUID) for the effect so named, for `Semantics::Keyed`: stable over attempts and restarts.
pub fn key(name: &str) -> String {
    claims::key(name)
}
