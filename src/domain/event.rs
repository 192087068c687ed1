//! What changed (for watchers) and who did it (for auditors): one row of each in every commit that changes state.

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::driver::DriverRecord;
use super::hold::{Cause, Hold};
use super::id::AuditId;
use super::operation::Operation;
use super::order::Order;
use super::principal::Principal;
use super::resource::Resource;
use super::secret::SecretRecord;
use super::time::{Entropy, Timestamp};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Document,
    Order,
    Resource,
    Operation,
    Driver,
    Secret,
    Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Created,
    Updated,
    Deleted,
}

impl Subject {
    pub fn as_str(self) -> &'static str {
        match self {
            Subject::Document => "document",
            Subject::Order => "order",
            Subject::Resource => "resource",
            Subject::Operation => "operation",
            Subject::Driver => "driver",
            Subject::Secret => "secret",
            Subject::Hold => "hold",
        }
    }
}

impl Change {
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Deleted => "deleted",
        }
    }
}

/// One change of one record. The store numbers it with the shard's next revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    pub project: String,
    pub subject: Subject,
    pub change: Change,
    pub id: String,
    /// The record's resource name; of an operation, that of its order or resource.
    pub name: String,
    /// The order it belongs to (`projects/*/environments/*/orders/*`); empty for others.
    #[serde(default)]
    pub order: String,
    /// The record's state as people see it, e.g. `running`, `ready`; empty for documents.
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub message: String,
    pub time: Timestamp,
}

/// An event with its place in the shard's gap-free sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub revision: u64,
    pub event: Event,
}

/// Who did what, and why it was allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    pub id: AuditId,
    pub project: String,
    pub principal: String,
    /// `orders.apply`, `resources.reveal`, …
    pub action: String,
    /// Full name of what it was done to.
    pub name: String,
    /// `allowed` or `denied`.
    pub decision: String,
    pub reason: String,
    pub time: Timestamp,
}

impl Audit {
    /// Something that `principal` asked for, and that was done.
    pub fn allowed(
        principal: &Principal,
        project: &str,
        action: &str,
        name: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        Self {
            id: AuditId::new(now, entropy),
            project: project.to_owned(),
            principal: principal.name.clone(),
            action: action.to_owned(),
            name: name.to_owned(),
            decision: "allowed".into(),
            reason: String::new(),
            time: now,
        }
    }

    #[must_use]
    pub fn because(self, reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..self }
    }
}

impl Event {
    fn of(project: &str, subject: Subject, id: &str, name: String, version: u64, time: Timestamp) -> Self {
        let change = if version <= 1 { Change::Created } else { Change::Updated };
        Self {
            project: project.to_owned(),
            subject,
            change,
            id: id.to_owned(),
            name,
            order: String::new(),
            state: String::new(),
            message: String::new(),
            time,
        }
    }

    /// The same record's end.
    pub fn deleted(mut self, time: Timestamp) -> Self {
        self.change = Change::Deleted;
        self.time = time;
        self
    }
}

impl From<&Document> for Event {
    fn from(it: &Document) -> Self {
        let name = it.manifest.resource_name();
        Event::of(&it.project, Subject::Document, it.id.as_str(), name, it.version, it.update_time)
    }
}

impl From<&Order> for Event {
    fn from(it: &Order) -> Self {
        let name = it.name.to_string();
        Event {
            order: name.clone(),
            state: if it.deleting { "deleting".into() } else { String::new() },
            ..Event::of(it.name.project.as_str(), Subject::Order, it.id.as_str(), name, it.version, it.update_time)
        }
    }
}

impl From<&Resource> for Event {
    fn from(it: &Resource) -> Self {
        let project = it.name.order.project.as_str();
        Event {
            order: it.name.order.to_string(),
            state: it.state.as_str().into(),
            message: it.message.clone(),
            ..Event::of(project, Subject::Resource, it.id.as_str(), it.name.to_string(), it.version, it.update_time)
        }
    }
}

impl From<&Operation> for Event {
    fn from(it: &Operation) -> Self {
        let name = match it.resource_key.as_str() {
            "" => it.order.to_string(),
            key => format!("{}/resources/{key}", it.order),
        };
        let message = if it.message.is_empty() { it.status.clone() } else { it.message.clone() };
        Event {
            order: it.order.to_string(),
            state: it.state.as_str().into(),
            message,
            ..Event::of(it.order.project.as_str(), Subject::Operation, it.id.as_str(), name, it.version, it.update_time)
        }
    }
}

impl From<&DriverRecord> for Event {
    fn from(it: &DriverRecord) -> Self {
        let name = format!("drivers/{}", it.description.name);
        Event {
            state: it.description.version.clone(),
            ..Event::of("", Subject::Driver, &it.digest, name, it.version, it.update_time)
        }
    }
}

/// Of one that an operator set: its name is public, its value is not here.
impl From<&SecretRecord> for Event {
    fn from(it: &SecretRecord) -> Self {
        let name = format!("secrets/{}", it.name);
        Event::of(&it.project, Subject::Secret, &it.key, name, it.version, it.update_time)
    }
}

/// Something is held: its name says what. The end of the hold is this event's deletion.
impl From<&Hold> for Event {
    fn from(it: &Hold) -> Self {
        let name = it.target.to_string();
        let order = if it.target.project().is_empty() { String::new() } else { name.clone() };
        let state = match it.cause {
            Cause::Pause => "paused",
            Cause::Breaker => "circuit-open",
            Cause::Suspect => "unverified",
        };
        Event {
            order,
            state: state.into(),
            message: it.told(),
            ..Event::of(it.target.project(), Subject::Hold, &it.key(), name, 1, it.since)
        }
    }
}
