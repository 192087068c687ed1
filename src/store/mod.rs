//! What must survive a crash: one trait in domain words, and its implementations with the same file names.
//!
//! Must never know the engine, wasmtime or protobuf. Sealed values pass through unopened.

pub mod backup;
pub mod commit;
pub mod page;
pub mod sqlite;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::document::{Document, Kind};
use crate::domain::driver::DriverRecord;
use crate::domain::event::{Audit, Recorded};
use crate::domain::generation::Generation;
use crate::domain::hold::Hold;
use crate::domain::id::{CoreId, OperationId, ResourceId};
use crate::domain::name::{EnvironmentName, Name, OrderName, SharedId};
use crate::domain::observation::{DueObservation, Observation};
use crate::domain::operation::{Operation, OperationState};
use crate::domain::order::Order;
use crate::domain::resource::{Alias, Resource, ResourceState};
use crate::domain::secret::SecretRecord;
use crate::domain::suspect::{Restored, Suspect};
use crate::domain::time::Timestamp;

pub use commit::{
    Commit, Committed, Ended, JournalRow, Move, NaturalKey, Related, Relation, Request, Site, Token, Write,
};
pub use page::{Filter, Page, Paging, Pinned};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record is not at the version it was read at: read again and decide anew.
    #[error("{record} was changed meanwhile")]
    Conflict { record: String },
    /// Another resource holds this natural key.
    #[error("`{key}` ({family}) is taken by {holder}")]
    KeyTaken { family: String, key: String, holder: String },
    /// This process no longer owns the shard: nothing was written.
    #[error("shard {shard} belongs to another process")]
    Fenced { shard: u16 },
    /// The revision asked for is no longer, or not yet, kept.
    #[error("revision {revision} is not kept: the oldest is {oldest}")]
    Compacted { revision: u64, oldest: u64 },
    #[error("cannot {action}")]
    Backend { action: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// What is stored cannot be read as what it should be.
    #[error("stored {what} is damaged: {detail}")]
    Damaged { what: String, detail: String },
    /// There is no room for this; nothing of it was written, and smaller things may still fit.
    #[error("the store has no room for this: {what}")]
    Full { what: String },
    /// The disk failed. Whether this was written shows when the store is opened again; until then it answers nothing more.
    #[error("the store failed: {what}")]
    Failed { what: String },
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// A record's time lies ahead by more than this only if the clock was set back; by less, also if two threads looked at it
/// in turn, or it was slewed.
pub const AHEAD_MS: u64 = 5_000;

/// Operations on resources that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub by_state: Vec<(OperationState, u64)>,
    /// Of them those whose effect is unknown.
    pub in_doubt: u64,
    /// Of them those that are held.
    pub held: u64,
    /// The earliest time that one of those falls due, or fell, which the queue may start.
    pub due: Option<Timestamp>,
}

/// The store. All methods may be called concurrently; every read sees all commits acknowledged before it began.
#[async_trait]
pub trait Store: Send + Sync {
    /// What it is, and how it makes commits durable, as it answered when it was opened.
    fn kind(&self) -> &str;

    /// Made when the store was.
    fn core_id(&self) -> &CoreId;

    /// What the store was restored from, if it was.
    fn restored(&self) -> Option<Restored>;

    /// A consistent copy of everything, as it was at one moment. Takes as long as it takes, and as much room as the store; commits go on.
    /// One at a time.
    async fn copy(&self) -> Result<backup::Copy, Error>;

    /// All or nothing, durable when it returns. Every put demands that the stored version is one below the given one
    /// (absent for version 1), else [`Error::Conflict`]; an event per put record is appended in the same transaction.
    async fn commit(&self, commit: Commit) -> Result<Committed, Error>;

    /// Counts commits; changes after each. A wake-up, not a source of truth.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Another one after every commit that puts or deletes a document or a driver: what was read of these after it was asked for holds as
    /// long as it stays.
    async fn catalog_version(&self) -> Result<u64, Error>;

    async fn document(&self, kind: Kind, project: &str, name: &str) -> Result<Option<Document>, Error>;
    /// As it was at `version`; kept as long as anything is pinned to it.
    async fn document_at(&self, kind: Kind, project: &str, name: &str, version: u64)
    -> Result<Option<Document>, Error>;
    /// By name. `project` narrows for environments.
    async fn documents(&self, kind: Kind, project: Option<&str>, paging: &Paging) -> Result<Page<Document>, Error>;

    async fn order(&self, name: &OrderName) -> Result<Option<Order>, Error>;
    async fn orders(&self, filter: &Filter, paging: &Paging) -> Result<Page<Order>, Error>;

    async fn resource(&self, id: &ResourceId) -> Result<Option<Resource>, Error>;
    /// Whether it is one that a backup brought, and what is known of it since.
    async fn suspect(&self, id: &ResourceId) -> Result<Option<Suspect>, Error>;
    /// Those behind `after`, by id, at most `limit`.
    async fn suspects(&self, after: Option<&ResourceId>, limit: u32) -> Result<Vec<Suspect>, Error>;
    /// What its backend has said of a resource last.
    async fn observation(&self, id: &ResourceId) -> Result<Option<Observation>, Error>;
    /// Resources whose turn to be looked at has come by `now`, behind `after`, by due time and id. At most `limit`.
    async fn due_observations(
        &self,
        after: Option<&(Timestamp, ResourceId)>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueObservation>, Error>;
    /// What was seen last of resources of an environment that are not as they were applied.
    async fn drifted(&self, place: &EnvironmentName) -> Result<Vec<Observation>, Error>;
    /// When the turn of the next of them comes, or came.
    async fn next_observation(&self) -> Result<Option<Timestamp>, Error>;
    /// The resource that all entries of this type, class and id are.
    async fn shared(
        &self,
        place: &EnvironmentName,
        resource_type: &Name,
        class: Option<&Name>,
        id: &SharedId,
    ) -> Result<Option<Resource>, Error>;
    /// Entries of an order that are resources of other entries, by key.
    async fn aliases(&self, order: &OrderName) -> Result<Vec<Alias>, Error>;
    /// The other entries that a resource is, by order and key; at most `limit`.
    async fn aliases_of(&self, resource: &ResourceId, limit: u32) -> Result<Vec<Alias>, Error>;
    /// What refers to a resource from other orders, by order and key; at most `limit`.
    async fn referrers(&self, resource: &Resource, limit: u32) -> Result<Vec<Resource>, Error>;
    /// How many resources of an order there are in each state; one that it shares is counted with each entry.
    async fn count_resources(&self, order: &OrderName) -> Result<Vec<(ResourceState, u64)>, Error>;
    /// In the order of order name and key.
    async fn resources(&self, filter: &Filter, paging: &Paging) -> Result<Page<Resource>, Error>;

    /// Those that are kept of an order, the latest first; without their manifests.
    async fn generations(&self, order: &OrderName) -> Result<Vec<Generation>, Error>;
    /// With its manifest.
    async fn generation(&self, order: &OrderName, generation: u64) -> Result<Option<Generation>, Error>;

    async fn operation(&self, id: &OperationId) -> Result<Option<Operation>, Error>;
    /// Newest first.
    async fn operations(&self, filter: &Filter, paging: &Paging) -> Result<Page<Operation>, Error>;
    /// Children that are not terminal of one resource, oldest generation first.
    async fn open_operations(&self, resource: &ResourceId) -> Result<Vec<Operation>, Error>;
    /// Others wait for what this operation makes.
    async fn is_awaited(&self, operation: &OperationId) -> Result<bool, Error>;
    /// Children that may run now, by due time: runnable, not held, due at or before `now`, and with no open operation of the
    /// same resource and a lower generation. At most `limit`.
    ///
    /// One that was last changed more than [`AHEAD_MS`] after `now` is due too, behind the others: the clock was set back
    /// meanwhile, and how much of its time to wait is left nobody knows.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Operation>, Error>;
    /// How children stand that have not ended.
    async fn standing(&self) -> Result<Standing, Error>;
    /// When the next child behind `now` falls due.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error>;

    /// All holds, by key.
    async fn holds(&self) -> Result<Vec<Hold>, Error>;
    /// The lowest key behind `after` that an operation says it is held by; whether or not there is such a hold.
    async fn next_held_key(&self, after: &str) -> Result<Option<String>, Error>;
    /// Runnable children held under `key`, those first that have been for longest. At most `limit`.
    async fn held(&self, key: &str, limit: u32) -> Result<Vec<Operation>, Error>;

    /// All of one operation, by step, attempt and position.
    async fn journal(&self, operation: &OperationId) -> Result<Vec<JournalRow>, Error>;

    /// Rows of one operation's journal behind the place of `after`, at most `limit`.
    async fn journal_behind(
        &self,
        operation: &OperationId,
        after: Option<&JournalRow>,
        limit: u32,
    ) -> Result<Vec<JournalRow>, Error>;

    /// Operations that have ended, behind `after` and not later than `until`; at most `limit`.
    async fn ended(&self, after: Option<&Ended>, until: Timestamp, limit: u32) -> Result<Vec<Ended>, Error>;
    /// As [`Write::ReducedUntil`] said last; only its place among those that have ended is known.
    async fn reduced_until(&self) -> Result<Option<Ended>, Error>;
    /// Shards of which [`Write::PruneEvents`] would take something.
    async fn stale_events(&self, before: Timestamp, most: u64) -> Result<Vec<u16>, Error>;

    /// By handle, or by the name an operator gave it.
    async fn secret(&self, key: &str) -> Result<Option<SecretRecord>, Error>;
    /// Of one resource.
    async fn resource_secrets(&self, resource: &ResourceId) -> Result<Vec<SecretRecord>, Error>;
    /// Those that operators set, by name.
    async fn named_secrets(&self, paging: &Paging) -> Result<Page<SecretRecord>, Error>;

    async fn driver(&self, digest: &str) -> Result<Option<DriverRecord>, Error>;
    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, Error>;
    /// All, by name and version; newest installed first among equals.
    async fn drivers(&self) -> Result<Vec<DriverRecord>, Error>;

    /// What was answered to this request id before.
    async fn request(&self, project: &str, request_id: &str) -> Result<Option<Request>, Error>;
    async fn token(&self, hash: &str) -> Result<Option<Token>, Error>;

    /// The resources that pin this document (connection, recipe), are of this type, or in this environment (`PROJECT/NAME`): how many, and
    /// the first few names.
    async fn users(&self, kind: Kind, name: &str) -> Result<(u64, Vec<String>), Error>;
    /// How many of these are pinned to which revision of which recipe, most first, at most `limit` pairs.
    async fn pinned(&self, kind: Kind, name: &str, limit: u32) -> Result<Vec<Pinned>, Error>;
    /// The resources that pin this driver, likewise.
    async fn driver_users(&self, digest: &str) -> Result<(u64, Vec<String>), Error>;

    /// The latest revision of a project's shard.
    async fn revision(&self, project: &str) -> Result<u64, Error>;
    /// Events of one project behind `after`, in order, at most `limit`; and the shard's revision up to which that is all.
    async fn events(&self, project: &str, after: u64, limit: u32) -> Result<(Vec<Recorded>, u64), Error>;
    /// Newest first.
    async fn audit(&self, project: Option<&str>, paging: &Paging) -> Result<Page<Audit>, Error>;
}
