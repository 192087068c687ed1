//! Clients of the public API through which people order.
//!
//! Must never know anything behind the API: everything here could live in another process, and `cli` does.

pub mod cli;
