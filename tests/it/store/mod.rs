//! The store: what every backend must do, and what one alone can be asked.

#[macro_use]
mod conformance;
mod sqlite;
