//! What is written together.

use serde::{Deserialize, Serialize};

use crate::domain::document::{Document, Kind};
use crate::domain::driver::DriverRecord;
use crate::domain::event::Audit;
use crate::domain::generation::Generation;
use crate::domain::hold::Hold;
use crate::domain::id::{OperationId, OrderId, ResourceId, TokenId};
use crate::domain::name::{Name, OrderName, ResourceName};
use crate::domain::observation::Observation;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::order::Order;
use crate::domain::principal::Role;
use crate::domain::reason::Reason;
use crate::domain::resource::{Alias, Resource};
use crate::domain::sealed::Sealed;
use crate::domain::secret::SecretRecord;
use crate::domain::suspect::Suspect;
use crate::domain::time::Timestamp;

/// One transaction.
#[derive(Debug, Clone)]
pub struct Commit {
    pub site: Site,
    pub writes: Vec<Write>,
    pub audit: Vec<Audit>,
}

impl Commit {
    pub fn new(site: Site) -> Self {
        Self { site, writes: Vec::new(), audit: Vec::new() }
    }

    /// Whether it puts or deletes a document or a driver.
    pub fn changes_catalog(&self) -> bool {
        self.writes.iter().any(|it| {
            matches!(
                it,
                Write::Document(_) | Write::DeleteDocument { .. } | Write::Driver(_) | Write::DeleteDriver { .. }
            )
        })
    }
}

/// What a commit has brought about beside what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// Children that wait for nothing any more, with their resources: nothing of an earlier generation is open of these.
    pub released: Vec<(OperationId, ResourceId)>,
}

/// Where in the code a commit comes from: each is a place to crash at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// An order's new generation, its resources and operations.
    Accept,
    /// Documents of one apply.
    Documents,
    /// A driver installed or removed.
    Driver,
    /// A secret or token set.
    Secret,
    /// Before an effect, with the outcome of the one before.
    Intent,
    /// After an effect.
    Outcome,
    /// A step has ended, well or not.
    Result,
    /// A person or the queue changed an operation outside its steps.
    Operation,
    /// Something was paused or resumed, or a breaker opened or closed.
    Hold,
    /// Something was looked at that must be on record.
    Audit,
    /// What has been kept for long enough goes.
    Prune,
}

impl Site {
    pub const ALL: [Site; 11] = [
        Site::Accept,
        Site::Documents,
        Site::Driver,
        Site::Secret,
        Site::Intent,
        Site::Outcome,
        Site::Result,
        Site::Operation,
        Site::Hold,
        Site::Audit,
        Site::Prune,
    ];
}

#[derive(Debug, Clone)]
pub enum Write {
    Document(Box<Document>),
    DeleteDocument {
        kind: Kind,
        project: String,
        name: String,
        version: u64,
        time: Timestamp,
    },
    Order(Box<Order>),
    /// With its version as read; its event carries `time`.
    DeleteOrder {
        name: OrderName,
        id: OrderId,
        version: u64,
        time: Timestamp,
    },
    /// Deletes the order if it is being deleted and has no resources left; looked at behind the writes before it.
    SweepOrder {
        name: OrderName,
        time: Timestamp,
    },
    Resource(Box<Resource>),
    /// In this order, before the records themselves are written under their new names: makes no events.
    Rename(Vec<Move>),
    /// Of a resource that is there; a conflict if anything has its name. Makes no event: the resource is put beside it.
    Alias(Alias),
    /// A conflict if there is none such.
    DropAlias(Alias),
    /// Takes its secrets and natural keys with it. A conflict while it has aliases.
    DeleteResource {
        id: ResourceId,
        version: u64,
        time: Timestamp,
    },
    /// Its tally counts at version 1 only: from then on the store keeps it, as [`Write::Tally`] says. What it waits for never does:
    /// that is [`Write::Await`]'s. A child that has ended lets those go on that wait for it: they begin if it has ended well and they
    /// wait for no other, wait for its successor if it has one, and are broken by it otherwise.
    Operation(Box<Operation>),
    /// From here on `operation`, a child that is on record, waits for these children and no others, as far as it waits for them. Those that
    /// have ended well are not waited for; one that has not breaks it.
    Await {
        operation: Box<Operation>,
        related: Vec<Related>,
    },
    /// `operation` has made what others wait for, who are let go; and it comes to its last step when those have ended well that move to it
    /// or leave what it replaces: of a composite among them, which hands on what it was given, also those that do so from there.
    HandOver(Box<Operation>),
    /// Before the order itself: keeps what it was until then, and lets go what is older than the latest [`crate::domain::generation::KEPT`].
    Generation(Box<Generation>),
    /// One child of `parent` went from a state to another: counts it and settles the parent. Never conflicts.
    Tally {
        parent: OperationId,
        from: OperationState,
        to: OperationState,
        time: Timestamp,
    },
    /// A conflict if there is one of its key.
    Hold(Box<Hold>),
    /// A conflict if there is none.
    LiftHold {
        key: String,
        time: Timestamp,
    },
    /// What was found of a resource that a backup brought; a conflict if there is no such resource any more.
    Suspect {
        project: String,
        suspect: Box<Suspect>,
    },
    /// With its version as read, or 1 if there was none; a conflict also if there is no such resource any more.
    Observation {
        project: String,
        observation: Box<Observation>,
        /// Of whose conditions it changes something: watchers are told, as of a change of the resource itself.
        told: Option<Box<Resource>>,
    },
    /// The resource was made or changed: what was seen of it is forgotten, and it is looked at when `due`.
    ResetObservation {
        project: String,
        resource: ResourceId,
        generation: u64,
        due: Option<Timestamp>,
    },
    /// All resources of a type are looked at within this interval from `time`, one after the other; `None`: never.
    /// Of all that is made with the connection: what was seen may be otherwise by now, and is due to be looked at.
    DoubtObservations {
        connection: Name,
        reason: Reason,
        message: String,
        time: Timestamp,
    },
    ScheduleObservations {
        resource_type: Name,
        time: Timestamp,
        interval_ms: Option<u64>,
    },
    /// Of an operation that exists. A second row at one place is a conflict.
    Journal(JournalRow),
    /// In the place of a row that is there. Makes no event, as nothing that prunes does.
    ReduceJournal(JournalRow),
    /// The journals of all operations that have ended until here are reduced.
    ReducedUntil(Ended),
    /// Up to `rows` rows of its journal go; if there are no more, so does it, with the request that made it.
    /// Does nothing to one that has not ended, or has children.
    PruneOperation {
        id: OperationId,
        rows: u32,
    },
    /// Up to `limit` of the oldest events of a shard go: those before `before`, and those beyond the newest `most`.
    PruneEvents {
        shard: u16,
        before: Timestamp,
        most: u64,
        limit: u32,
    },
    /// Only one that an operator set makes an event; a resource's own come and go with it.
    Secret(Box<SecretRecord>),
    ReserveKey(NaturalKey),
    ReleaseKeys {
        resource: ResourceId,
    },
    Driver(Box<DriverRecord>),
    Component {
        digest: String,
        bytes: Vec<u8>,
    },
    DeleteDriver {
        digest: String,
        time: Timestamp,
    },
    /// A request id that is taken is a conflict.
    Request(Request),
    Token(Token),
}

/// A child that another one has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub operation: OperationId,
    pub relation: Relation,
}

/// What one child waits for at another, or keeps it waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// It begins when that one has made what it needs.
    Needs,
    /// Likewise; and it moves there, so that what that one replaces stays until this one has ended.
    Moves,
    /// It waits for nothing, and leaves: what that one replaces stays until this one has ended.
    Leaves,
    /// It goes on when that one has ended.
    Follows,
}

impl Relation {
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Needs => "needs",
            Relation::Moves => "moves",
            Relation::Leaves => "leaves",
            Relation::Follows => "follows",
        }
    }

    /// Whether it waits.
    pub fn waits(self) -> bool {
        self != Relation::Leaves
    }
}

/// One row of an operation's journal.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRow {
    pub project: String,
    pub operation: OperationId,
    pub step: u32,
    pub attempt: u32,
    /// Orders the rows of one attempt; the header is 0.
    pub position: u32,
    pub time: Timestamp,
    /// A header or an entry, sealed.
    pub payload: Sealed,
}

/// An operation that has ended, in the order in which they did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub end_time: Timestamp,
    pub id: OperationId,
    pub parent: Option<OperationId>,
    pub state: OperationState,
}

/// A resource gets another name within its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub id: ResourceId,
    /// As it was read; stays.
    pub version: u64,
    pub name: ResourceName,
    /// That it belongs to now.
    pub order: OrderId,
}

/// What names an object at its backend: taken by one resource until that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NaturalKey {
    /// The backend's identity.
    pub backend: String,
    pub family: String,
    pub key: String,
    pub project: String,
    pub resource: ResourceId,
    /// The resource's name, for messages.
    pub holder: String,
}

/// A call that was answered: the same id with the same content gets the same answer (AIP-155).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub project: String,
    pub request_id: String,
    /// SHA-256 of what was asked.
    pub content_hash: String,
    pub operation: OperationId,
    pub time: Timestamp,
}

/// A bearer token: only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    /// Hex of SHA-256.
    pub hash: String,
    pub roles: Vec<Role>,
    pub principal: String,
    pub create_time: Timestamp,
    pub expire_time: Option<Timestamp>,
    pub revoked: bool,
}
