//! What a driver may touch, and the journal that remembers it touched it.
//!
//! Must never know the engine, the store, or which driver calls beyond its grants.

pub mod address;
pub mod journal;
pub mod replay;
pub mod tape;
pub mod abort;
pub mod backend;
pub mod grants;
pub mod book;
pub mod password;
pub mod encode;
pub mod scrub;
pub mod host;
pub mod log;
pub mod watch;
pub mod linker;
pub mod denied;
mod context;
mod claims;
mod secrets;
mod http;
pub mod sql;
pub mod convert;
pub mod digest;

#[cfg(test)]
pub mod testing;
