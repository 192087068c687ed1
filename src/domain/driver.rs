//! An installed driver as a record.

use serde::{Deserialize, Serialize};

use super::description::Description;
use super::time::Timestamp;

/// One version of one driver, known by the digest of its component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriverRecord {
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    pub description: Description,
    /// Interfaces the component imports, e.g. `vend:driver/sql-read@0.1.0`.
    pub imports: Vec<String>,
    pub size_bytes: u64,
    pub version: u64,
    pub principal: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}
