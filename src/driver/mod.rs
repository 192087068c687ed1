//! Running drivers: the wasmtime engine, link profiles, one fresh instance per attempt.
//!
//! Must never know the store, gRPC, or why it is called.

pub mod attempt;
pub mod runtime;
pub mod load;
mod describe;
pub mod manifest;
mod profile;
mod component;
mod run;
mod state;
mod answer;
mod fit;
mod wasi;
mod engine;
mod inspect;
mod cache;

pub use attempt::{Attempt, Failure, LogLevel, Past, Report, Usage};
pub use component::Driver;
pub use load::LoadError;
pub use runtime::{Runtime, RuntimeConfig};

#[cfg(test)]
#[allow(dead_code, reason = "the integration tests build hostile drivers with the rest of it")]
mod fixture;
#[cfg(test)]
mod tests;
