//! Values sealed at rest, handles out.
//!
//! Must never know who asks for a value: callers decide that before they come here.

pub mod keyring;
pub mod sealer;

pub use keyring::{Error, Keyring, Place};
pub use sealer::Sealer;
