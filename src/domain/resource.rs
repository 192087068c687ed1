//! A resource as a record: one ordered thing and what is known of its external object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::{OrderId, ResourceId};
use super::name::{Name, ResourceName};
use super::reason::Reason;
use super::sealed::Sealed;
use super::time::Timestamp;

#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub id: ResourceId,
    pub name: ResourceName,
    pub order: OrderId,
    pub labels: BTreeMap<String, String>,
    pub resource_type: Name,
    pub class: Option<Name>,
    /// Counts changes of what is desired of it.
    pub generation: u64,
    /// The generation that was carried out last.
    pub observed_generation: u64,
    /// Params and config as desired now, sealed JSON of [`Desired`].
    pub desired: Sealed,
    pub pin: Pin,
    /// What this resource depends on, as of its last apply.
    pub edges: Vec<ResourceId>,
    /// Counts the external objects made for this resource; the current one's number.
    pub incarnation: u32,
    /// The current external object, complete or not.
    pub object: Option<ExternalObject>,
    /// The one it replaces, until that is gone.
    pub former: Option<ExternalObject>,
    pub state: ResourceState,
    pub reason: Option<Reason>,
    pub message: String,
    pub principal: String,
    pub version: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// What is asked of a driver for a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    pub params: serde_json::Value,
    pub config: serde_json::Value,
}

/// What a resource is made with; nothing moves it but an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pin {
    pub recipe: Name,
    pub recipe_revision: u64,
    pub driver_digest: String,
    /// Slot → connection.
    pub connections: BTreeMap<String, Name>,
}

/// The thing at the backend.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalObject {
    pub incarnation: u32,
    /// A claim is known; otherwise a create had begun to write, and only `find` can tell what it left.
    pub claimed: bool,
    pub external_id: Option<String>,
    /// What the driver remembers, in `state_version`.
    pub state: Sealed,
    pub state_version: u32,
    /// Params and config as last applied, whole; for an unfinished create, as it was begun.
    pub applied: Sealed,
    /// Empty object while unfinished.
    pub outputs: Sealed,
    /// The create ended well; otherwise only a claim is known.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceState {
    /// Ordered, nothing there yet.
    Pending,
    Ready,
    /// Its last operation failed; what was there before may still be.
    Failed,
    /// Waits for a person.
    AttentionRequired,
    Deleting,
}

impl ResourceState {
    pub fn as_str(self) -> &'static str {
        match self {
            ResourceState::Pending => "pending",
            ResourceState::Ready => "ready",
            ResourceState::Failed => "failed",
            ResourceState::AttentionRequired => "attention-required",
            ResourceState::Deleting => "deleting",
        }
    }
}
