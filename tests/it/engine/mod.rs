//! The engine with real drivers and a real store, without a server.

mod budget;
mod lifecycle;
mod waiting;
