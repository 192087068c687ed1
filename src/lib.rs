//! vend: the vending machine for infrastructure.
//!
//! The code map, in reading order; `tests/tidy.rs` holds which module may import which.

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
