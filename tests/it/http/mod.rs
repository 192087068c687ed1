//! HTTP egress: the host's functions, as a driver calls them, against servers on loopback that do what they are told.
//!
//! Each step of the egress order has a test that turns red without it.

pub mod world;
mod order;
mod credentials;
mod secrets;
mod answers;
mod trust;
