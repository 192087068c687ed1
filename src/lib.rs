//! vend: the vending machine for infrastructure.
//!
//! The code map, in reading order; `tests/tidy.rs` holds which module may import which.

pub mod domain;
pub mod pb;
pub mod store;
pub mod wit;
pub mod capability;
pub mod driver;
pub mod frontend;
