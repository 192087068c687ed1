//! The words of the product: records, their states and their rules.
//!
//! No I/O, no async, no wire formats, no clock: whatever moves comes in as an argument.

pub mod id;
pub mod time;
pub mod json;
pub mod sealed;
pub mod secret;
pub mod description;
pub mod contract;
pub mod effect;
pub mod limits;
