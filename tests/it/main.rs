//! Integration tests, one binary: real servers on loopback, the public API of the crate, no mocks.

mod support;
mod store;
mod sql_postgres;
mod http;
mod engine;
mod api;
mod proof;
mod workbench;
mod bad_input;
mod hostile;
mod fuzz;
mod crash;
mod costs;
