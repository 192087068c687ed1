//! A line of the ledger. README.md says what each member means; whoever counts relies on it.

use serde::{Deserialize, Serialize};

use crate::object::{Collection, Labels};

/// What one write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Make,
    Change,
    Delete,
    Part,
    /// It had been applied before; nothing changed.
    Replay,
    /// It was not applied.
    Refuse,
    /// Virtual time was put ahead.
    Clock,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Counts from 1, without gaps.
    pub seq: u64,
    /// Virtual time, milliseconds since the Unix epoch; never goes back.
    pub time_ms: u64,
    pub event: Event,
    pub method: String,
    pub path: String,
    /// The status that the cloud came to, whatever the client got to see of it.
    pub status: u16,
    /// `sent`, or the fault that befell the request.
    pub answer: String,
    #[serde(flatten)]
    pub of: Of,
}

/// What the write was about; members that do not apply are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Of {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<Collection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advance_ms: Option<u64>,
}
