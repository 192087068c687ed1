//! A create that was begun for another object: somebody changed a create-only param before it was finished.
//!
//! What was begun then is removed before anything is made; nobody else would, for the resource has one claim.

use serde_json::{Value, json};

use crate::bindings::exports::vend::driver::lifecycle as out;
use crate::bindings::vend::driver::types as wire;
use crate::input::stored;
use crate::plan::{Action, Documents, Made, Markers, derive};
use crate::{Error, Input, Removal, Resource};

/// In the continuation of a create that waits for a removal; what the removal handed on is its value.
const REMOVING: &str = "removing-what-was-begun";

/// What is to be done before a create may begin.
pub(crate) enum Begun {
    /// Nothing; a prior is of the object that is asked.
    Same,
    /// What was begun is gone: create as if nothing had been.
    Gone,
    Pending(out::Pending),
}

/// `desired` and `made` in normal form.
pub(crate) fn remove_other<R: Resource>(
    input: &wire::Input,
    desired: &Documents,
    made: Option<&Made>,
) -> Result<Begun, Error> {
    let markers = Markers { create_only: R::describe().create_only, outputs: Vec::new() };
    if made.is_none() || derive(desired, &[], made, &markers).action != Action::Replace {
        return Ok(Begun::Same);
    }
    let continuation = match &input.continuation {
        Some(text) => stored::<Value>("continuation", text)?.get(REMOVING).map(Value::to_string),
        None => None,
    };
    let (applied, prior) = Input::<R>::applied(&wire::Input { continuation, ..input.clone() })?;
    Ok(match R::delete(&applied, &prior)? {
        Removal::Gone => Begun::Gone,
        Removal::Pending(continuation, poll_after_ms) => {
            let continuation = json!({ REMOVING: continuation }).to_string();
            Begun::Pending(out::Pending { continuation, poll_after_ms })
        }
    })
}
