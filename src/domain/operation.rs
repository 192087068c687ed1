//! An operation as a record: one thing asked, and how far it has come.
//!
//! Applying or deleting an order is one; it has a child for each resource touched.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::id::{OperationId, ResourceId};
use super::name::OrderName;
use super::reason::Reason;
use super::sealed::Sealed;
use super::time::Timestamp;

#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub id: OperationId,
    pub parent: Option<OperationId>,
    pub order: OrderName,
    /// Of a child: what it works on. Of an order's operation: none.
    pub resource: Option<ResourceId>,
    /// The key of that resource in its order.
    pub resource_key: String,
    pub verb: OperationVerb,
    /// The order's generation (parents) or the resource's (children) that it carries out.
    pub generation: u64,
    pub state: OperationState,
    pub reason: Option<Reason>,
    pub message: String,
    pub effect: Effect,
    /// What it waits for, in a line, as the driver or the host says.
    pub status: String,
    pub principal: String,
    pub request_id: String,
    /// W3C trace context (`traceparent`) of the call that caused it.
    pub trace: String,
    /// Which part of the verb is on: a replacement deletes and creates.
    pub stage: Stage,
    /// Counts the driver calls of a verb that was `pending`; each has its own journal.
    pub step: u32,
    pub continuation: Option<Sealed>,
    /// Attempts of this step that failed or were lost.
    pub attempts: u32,
    pub budget: Budget,
    /// Not before this.
    pub due: Timestamp,
    /// What it waits for, whatever `due` says: no attempt of it starts.
    pub held: Option<Held>,
    /// How many other operations have to end well before it begins.
    pub awaits: u32,
    /// The one of them that has not: it does not begin at all.
    pub broken_by: Option<OperationId>,
    pub cancel_requested: bool,
    pub superseded_by: Option<OperationId>,
    /// Of the plan that was applied.
    pub plan_digest: String,
    /// Of an order's operation: its children by state.
    pub tally: Tally,
    pub driver_digest: String,
    pub version: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
    pub end_time: Option<Timestamp>,
}

/// Which hold keeps an operation from going on, and since when. That time is not part of its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The hold's key.
    pub by: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationVerb {
    /// Of orders.
    Apply,
    /// Of orders: some of their resources are made with something else from now on.
    Upgrade,
    /// Of orders and resources.
    Delete,
    /// Of resources.
    Create,
    Update,
    Replace,
    /// Takes an existing object under management.
    Adopt,
    /// Lets an object go without touching it.
    Release,
}

impl OperationVerb {
    /// The resource is gone afterwards.
    pub fn removes(self) -> bool {
        matches!(self, OperationVerb::Delete | OperationVerb::Release)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            OperationVerb::Apply => "apply",
            OperationVerb::Upgrade => "upgrade",
            OperationVerb::Delete => "delete",
            OperationVerb::Create => "create",
            OperationVerb::Update => "update",
            OperationVerb::Replace => "replace",
            OperationVerb::Adopt => "adopt",
            OperationVerb::Release => "release",
        }
    }
}

/// What a child operation is at. Each stage is one driver verb, in one step or, while that answers `pending`, several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// What is to be done next follows from the resource's record.
    #[default]
    Decide,
    /// Settling what an earlier create left.
    Find,
    Create,
    Update,
    /// Of the current object: for good, or because it is replaced delete-first.
    Delete,
    /// Of the object that was replaced.
    DeleteFormer,
}

impl Stage {
    pub const ALL: [Stage; 6] =
        [Stage::Decide, Stage::Find, Stage::Create, Stage::Update, Stage::Delete, Stage::DeleteFormer];

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Decide => "decide",
            Stage::Find => "find",
            Stage::Create => "create",
            Stage::Update => "update",
            Stage::Delete => "delete",
            Stage::DeleteFormer => "delete-former",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationState {
    Queued,
    Running,
    /// For time to pass (a back-off, a driver's `poll-after`), or for what holds it.
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
    Superseded,
    /// For a person.
    NeedsAttention,
}

impl OperationState {
    pub const ALL: [OperationState; 8] = [
        OperationState::Queued,
        OperationState::Running,
        OperationState::Waiting,
        OperationState::Succeeded,
        OperationState::Failed,
        OperationState::Cancelled,
        OperationState::Superseded,
        OperationState::NeedsAttention,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            OperationState::Queued => "queued",
            OperationState::Running => "running",
            OperationState::Waiting => "waiting",
            OperationState::Succeeded => "succeeded",
            OperationState::Failed => "failed",
            OperationState::Cancelled => "cancelled",
            OperationState::Superseded => "superseded",
            OperationState::NeedsAttention => "needs-attention",
        }
    }

    /// Nothing will change it any more.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            OperationState::Succeeded | OperationState::Failed | OperationState::Cancelled | OperationState::Superseded
        )
    }

    /// The queue may start a step of it once it is due.
    pub fn is_runnable(self) -> bool {
        matches!(self, OperationState::Queued | OperationState::Running | OperationState::Waiting)
    }
}

/// How often and how long a step is tried before the operation stops for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Budget {
    pub attempts: u32,
    pub time_ms: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { attempts: 20, time_ms: 15 * 60 * 1000 }
    }
}

/// Children of an order's operation, counted by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Tally {
    pub queued: u32,
    pub running: u32,
    pub waiting: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub superseded: u32,
    pub needs_attention: u32,
}

impl Tally {
    pub fn count(&mut self, state: OperationState) -> &mut u32 {
        match state {
            OperationState::Queued => &mut self.queued,
            OperationState::Running => &mut self.running,
            OperationState::Waiting => &mut self.waiting,
            OperationState::Succeeded => &mut self.succeeded,
            OperationState::Failed => &mut self.failed,
            OperationState::Cancelled => &mut self.cancelled,
            OperationState::Superseded => &mut self.superseded,
            OperationState::NeedsAttention => &mut self.needs_attention,
        }
    }

    /// One child went from one state to another.
    pub fn moved(&mut self, from: OperationState, to: OperationState) {
        let left = self.count(from);
        *left = left.saturating_sub(1);
        *self.count(to) += 1;
    }

    /// The state of the parent whose children stand like this.
    pub fn state(&self) -> OperationState {
        if self.running + self.waiting + self.queued > 0 {
            let begun = self.running + self.waiting + self.succeeded + self.failed + self.superseded;
            return if begun > 0 { OperationState::Running } else { OperationState::Queued };
        }
        if self.needs_attention > 0 {
            return OperationState::NeedsAttention;
        }
        if self.failed > 0 {
            return OperationState::Failed;
        }
        if self.cancelled > 0 {
            return OperationState::Cancelled;
        }
        if self.superseded > 0 {
            return OperationState::Superseded;
        }
        OperationState::Succeeded
    }

    pub fn total(&self) -> u32 {
        self.queued
            + self.running
            + self.waiting
            + self.succeeded
            + self.failed
            + self.cancelled
            + self.superseded
            + self.needs_attention
    }
}

impl Operation {
    /// Takes the state its children give it, at `now`. True if anything changed.
    pub fn settle(&mut self, now: Timestamp) -> bool {
        let state = self.tally.state();
        if state == self.state {
            return false;
        }
        self.state = state;
        self.end_time = state.is_terminal().then_some(now);
        self.reason = match state {
            OperationState::Failed | OperationState::NeedsAttention => Some(Reason::ChildrenFailed),
            OperationState::Superseded => Some(Reason::Superseded),
            OperationState::Cancelled => Some(Reason::Cancelled),
            _ => None,
        };
        self.message = match state {
            OperationState::Failed => format!("{} of {} resources failed", self.tally.failed, self.tally.total()),
            OperationState::NeedsAttention => {
                format!("{} of {} resources need a person", self.tally.needs_attention, self.tally.total())
            }
            _ => String::new(),
        };
        true
    }
}
