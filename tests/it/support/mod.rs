//! What several tests lean on: servers of the machine, started here and gone with the process.

pub mod postgres;
pub mod proxy;
