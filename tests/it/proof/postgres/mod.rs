//! What needs a PostgreSQL server: one of its own, which writes down every statement it is asked.

pub mod gate;
pub mod server;

mod canary;
mod credentials;
mod drift;
mod example;
mod kill;
mod linkage;
mod sharing;
