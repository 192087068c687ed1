//! What a driver may touch, and the journal that remembers it touched it.
//!
//! Must never know the engine, the store, or which driver calls beyond its grants.

pub mod address;
pub mod pattern;
pub mod failure;
pub mod reach;
pub mod tls;
pub mod rate;
pub mod journal;
pub mod replay;
pub mod tape;
pub mod abort;
pub mod standing;
pub mod settings;
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
pub mod sql;
pub mod http;
pub mod convert;
pub mod digest;

#[cfg(test)]
pub mod testing;
