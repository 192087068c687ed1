//! What a driver may touch, and the journal that remembers it touched it.
//!
//! Must never know the engine, the store, or which driver calls beyond its grants.

pub mod address;
pub mod journal;
pub mod replay;
pub mod backend;
pub mod grants;
pub mod book;
pub mod encode;
pub mod tape;
pub mod sql;
pub mod linker;
