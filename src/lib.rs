//! vend: the vending machine for infrastructure.
//!
//! The code map, in reading order; `tests/tidy.rs` holds which module may import which.

// Futures that await one another are laid out from the innermost, which the released program does for all of them.
#![recursion_limit = "256"]

pub mod domain;
pub mod config;
pub mod telemetry;
pub mod pb;
pub mod wit;
pub mod document;
pub mod store;
pub mod secret;
pub mod identity;
pub mod policy;
pub mod capability;
pub mod driver;
pub mod stock;
pub mod engine;
pub mod server;
pub mod workbench;
pub mod frontend;
pub mod app;
