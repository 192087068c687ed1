//! What needs a PostgreSQL server: one of its own, which writes down every statement it is asked.

mod gate;
pub mod server;

mod canary;
mod drift;
mod example;
mod kill;
mod linkage;
