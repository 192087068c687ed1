//! Domain records as messages of the API. Nothing is decided here, and nothing is looked up.

pub mod audit;
pub mod backup;
pub mod catalog;
pub mod document;
pub mod driver;
pub mod hold;
pub mod journal;
pub mod operation;
pub mod order;
pub mod plan;
pub mod resource;
pub mod watch;

use serde_json::Value;

use crate::domain::name::Name;
use crate::domain::time::Timestamp;

pub fn duration(it: std::time::Duration) -> prost_types::Duration {
    let seconds = i64::try_from(it.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(it.subsec_nanos()).unwrap_or(0) }
}

pub fn time(at: Timestamp) -> prost_types::Timestamp {
    let seconds = i64::try_from(at.ms() / 1_000).unwrap_or(i64::MAX);
    // Below a thousand million, so it fits.
    let nanos = (at.ms() % 1_000) as i32 * 1_000_000;
    prost_types::Timestamp { seconds, nanos }
}

/// A version as an entity tag (RFC 9110, 8.8.3): quoted.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// JSON text; empty for what is absent.
pub fn json(value: Option<&Value>) -> String {
    value.map_or_else(String::new, Value::to_string)
}

pub fn text(name: Option<&Name>) -> String {
    name.map_or_else(String::new, Name::to_string)
}

/// Counts that the API has as signed: what is beyond them stays at the bound.
pub fn long(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
