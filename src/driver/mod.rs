//! Running drivers: the wasmtime engine, link profiles, one fresh instance per attempt.
//!
//! Must never know the store, gRPC, or why it is called.

pub mod attempt;

pub use attempt::{Attempt, Failure, Report, Usage};
