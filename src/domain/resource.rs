//! A resource as a record: one ordered thing and what is known of its external object.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::care::Care;
use super::id::{OrderId, ResourceId};
use super::name::{Key, Name, ResourceName, SharedId};
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
    /// Entries of its environment with its type and class and this id are this resource.
    pub shared: Option<SharedId>,
    /// Counts changes of what is desired of it.
    pub generation: u64,
    /// The generation that was carried out last.
    pub observed_generation: u64,
    /// Params and config as desired now, sealed JSON of [`Desired`].
    pub desired: Sealed,
    pub pin: Pin,
    pub care: Care,
    /// What this resource depends on, as of its last apply.
    pub edges: Vec<ResourceId>,
    /// What its objects were made with, as long as its generation is not carried out; behind that, `edges` are.
    pub ties: Vec<ResourceId>,
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

/// What a resource was made with by applies that were not carried out; more is not kept.
const MOST_TIES: usize = 20_000;

impl Resource {
    /// What its objects were made with.
    pub fn leans_on(&self) -> &[ResourceId] {
        if self.observed_generation < self.generation { &self.ties } else { &self.edges }
    }

    /// Whether it depends on another one, or was made with it.
    pub fn refers_to(&self, other: &ResourceId) -> bool {
        self.edges.contains(other) || self.leans_on().contains(other)
    }

    /// What it leans on when it has come to depend on `edges` too; each once.
    pub fn leaning_too(&self, edges: &[ResourceId]) -> Vec<ResourceId> {
        let all: BTreeSet<&ResourceId> = self.leans_on().iter().chain(edges).collect();
        all.into_iter().take(MOST_TIES).cloned().collect()
    }
}

/// An entry of an order that is a resource of another entry, which has the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub name: ResourceName,
    pub resource: ResourceId,
}

/// What is asked of a driver for a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Without what is not known yet, as long as `wiring` is not bound.
    pub params: serde_json::Value,
    pub config: serde_json::Value,
    /// Of one whose params refer to outputs of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wiring: Option<Wiring>,
    /// Of one that is shared: its params as they were ordered, for entries that leave them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<serde_json::Value>,
}

impl Desired {
    pub fn new(params: serde_json::Value, config: serde_json::Value) -> Self {
        Self { params, config, wiring: None, said: None }
    }

    /// All of its params are what they shall be.
    pub fn is_bound(&self) -> bool {
        self.wiring.as_ref().is_none_or(|wiring| wiring.bound)
    }

    /// The same is asked, whatever stands behind references.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let same = match (&self.wiring, &other.wiring) {
            (None, None) => self.params == other.params,
            (Some(one), Some(other)) => one.written == other.written && one.needs == other.needs,
            _ => false,
        };
        same && self.config == other.config
    }
}

/// How a resource hangs together with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wiring {
    /// Params as they were ordered, with their placeholders.
    pub written: serde_json::Value,
    /// What the placeholders refer to.
    pub needs: BTreeMap<Key, ResourceId>,
    /// Everything was in place when the params were made of it; decided anew whenever the resource is applied.
    pub bound: bool,
    /// Where in the params a secret of another resource stands: JSON Pointer → its owner.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lent: BTreeMap<String, ResourceId>,
    /// Composites around it, from the outermost, whose params refer to others: these are asked once more when it is known what they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wholes: Vec<ResourceId>,
}

/// What a resource is made with; nothing moves it but an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pin {
    pub recipe: Name,
    pub recipe_revision: u64,
    /// Empty where the recipe is a composite.
    pub driver_digest: String,
    /// Slot → connection.
    pub connections: BTreeMap<String, Name>,
    /// Slot → the resource whose outputs its connection is filled from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filled: BTreeMap<String, ResourceId>,
}

impl Pin {
    /// Those that lead to one backend whoever uses them: slot → connection.
    pub fn shared(&self) -> impl Iterator<Item = &Name> {
        self.connections.iter().filter(|(slot, _)| !self.filled.contains_key(*slot)).map(|(_, name)| name)
    }

    /// It is made of other resources: no driver is asked about it, and nothing of it is at a backend.
    pub fn is_composite(&self) -> bool {
        self.driver_digest.is_empty()
    }
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
