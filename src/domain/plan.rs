//! A plan: what applying an order would do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::care::Care;
use super::contract::Change;
use super::id::ResourceId;
use super::name::{Key, Name, OrderName, SharedId};
use super::resource::{Desired, Pin};

/// Secrets in it are handles; `mask` before it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    pub order: OrderName,
    /// SHA-256, hex, over desired values, actions, forcing paths, recipe revisions and driver digests; not over times or bodies read.
    pub digest: String,
    /// By key.
    pub resources: Vec<PlannedResource>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedResource {
    pub key: Key,
    /// Absent for one that does not exist yet.
    pub id: Option<ResourceId>,
    pub resource_type: Name,
    pub class: Option<Name>,
    /// The `id` of its entry.
    #[serde(default)]
    pub shared: Option<SharedId>,
    /// `ORDER/NAME` of the entry whose resource this one is, if it is another's.
    #[serde(default)]
    pub home: Option<String>,
    pub action: PlannedAction,
    pub changes: Vec<Change>,
    /// JSON Pointers into params that are not as they were applied, for which alone it is updated.
    #[serde(default)]
    pub drifted: Vec<String>,
    pub outputs: Value,
    pub unknown: Vec<String>,
    /// Resources of the order whose outputs its params refer to.
    pub needs: Vec<Key>,
    /// JSON Pointers to params that are known only when those are made: `/params/target`.
    pub unknown_params: Vec<String>,
    /// What it shall be; absent for deletions.
    pub desired: Option<Desired>,
    pub pin: Pin,
    /// `NAME@VERSION`.
    pub driver: String,
    pub recipe_reason: String,
    pub reads: Vec<PlanRead>,
    /// How it is to be treated from then on.
    pub care: Care,
    /// Its deletion waits so long before it begins.
    pub grace_ms: u64,
}

impl PlannedResource {
    /// Nothing but what it is, and what is done to it.
    pub fn bare(key: Key, resource_type: Name, pin: Pin, action: PlannedAction) -> Self {
        Self {
            key,
            id: None,
            resource_type,
            class: None,
            shared: None,
            home: None,
            action,
            changes: Vec::new(),
            drifted: Vec::new(),
            outputs: json!({}),
            unknown: Vec::new(),
            needs: Vec::new(),
            unknown_params: Vec::new(),
            desired: None,
            pin,
            driver: String::new(),
            recipe_reason: String::new(),
            reads: Vec::new(),
            care: Care::default(),
            grace_ms: 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    None,
    Create,
    Update,
    Replace,
    Delete,
    /// An existing object is taken under management; `changes` says what is then done to it.
    Adopt,
    /// The record goes, the object stays untouched.
    Release,
    /// What vend has on record changes, and nothing at the backend.
    Record,
}

impl PlannedAction {
    /// The resource is not part of its order any more.
    pub fn removes(self) -> bool {
        matches!(self, PlannedAction::Delete | PlannedAction::Release)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            PlannedAction::None => "none",
            PlannedAction::Create => "create",
            PlannedAction::Update => "update",
            PlannedAction::Replace => "replace",
            PlannedAction::Delete => "delete",
            PlannedAction::Adopt => "adopt",
            PlannedAction::Release => "release",
            PlannedAction::Record => "record",
        }
    }
}

/// One read made while planning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanRead {
    pub connection: String,
    pub function: String,
    /// SQL, or an HTTP method and path.
    pub statement: String,
    /// `linkage`; `read-only-transaction` or `connection-rules`; `read-credential`.
    pub held_by: Vec<String>,
}

impl Plan {
    /// Applying it changes something.
    pub fn has_work(&self) -> bool {
        self.resources.iter().any(|it| it.action != PlannedAction::None)
    }

    /// Applying it deletes or replaces something.
    pub fn destroys(&self) -> bool {
        self.resources.iter().any(|it| matches!(it.action, PlannedAction::Delete | PlannedAction::Replace))
    }
}
