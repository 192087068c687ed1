//! Who may do what: one pure question, denied unless a role allows it.
//!
//! Must never know the store or the wire: facts come in as arguments, and the same question has the same answer always.

pub mod action;
mod role;

#[cfg(test)]
mod tests;

use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

pub use action::Action;

/// May `principal` do `action` to the thing called `name`?
///
/// Asked by every handler before it looks at anything, so that a denial tells nothing about what exists. `name` is as the
/// caller gave it; empty asks whether the action is open to the caller for any name at all.
pub fn authorize(principal: &Principal, action: Action, name: &str) -> Result<(), Refusal> {
    if principal.roles.iter().any(|role| role::allows(*role, action, name)) {
        return Ok(());
    }
    let on = if name.is_empty() { String::new() } else { format!(" on `{name}`") };
    let refusal = Refusal::new(Reason::PolicyDenied, format!("{principal} may not do `{action}`{on}"));
    Err(refusal.hint(match role::who_may(action, name) {
        Some(roles) => format!("it takes one of the roles: {roles}"),
        None => "no role allows it".to_owned(),
    }))
}
