//! The store over SQLite: one file, one process, one writer.
//!
//! A row's SQL stands in the file named after its record. Every caller's commit goes through the writer's queue, every
//! read through a pool of connections that cannot write. Must never know what sealed values hold.

mod open;
mod backup;
mod trouble;
mod files;
mod migration;
mod hook;
mod writer;
mod write;
mod reader;
mod shard;
mod table;
mod row;
mod list;
mod document;
mod order;
mod generation;
mod resource;
mod alias;
mod suspect;
mod observation;
mod operation;
mod awaiting;
mod hold;
mod prune;
mod journal;
mod secret;
mod natural_key;
mod driver;
mod request;
mod token;
mod event;
mod audit;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

pub use backup::restore;
pub use hook::{EXIT_STATUS, FatalHook, Phase, SiteHook};
pub use open::{Error, FORMAT};

use crate::domain::document::{Document, Kind};
use crate::domain::driver::DriverRecord;
use crate::domain::event::{Audit, Recorded};
use crate::domain::generation::Generation;
use crate::domain::hold::Hold;
use crate::domain::id::{CoreId, OperationId, ResourceId};
use crate::domain::name::{EnvironmentName, Name, OrderName, SharedId};
use crate::domain::observation::{DueObservation, Observation};
use crate::domain::operation::Operation;
use crate::domain::order::Order;
use crate::domain::resource::{Alias, Resource, ResourceState};
use crate::domain::secret::SecretRecord;
use crate::domain::suspect::{Restored, Suspect};
use crate::domain::time::{Clock, Entropy, Timestamp};
use crate::store::backup::Copy;
use crate::store::{
    self, Commit, Committed, Ended, Filter, JournalRow, Page, Paging, Pinned, Request, Standing, Store, Token,
};

/// A data directory being served. Dropping it finishes what is queued and frees the directory.
pub struct Sqlite {
    kind: String,
    core_id: CoreId,
    path: PathBuf,
    restored: Option<Restored>,
    copying: Arc<AtomicBool>,
    /// `None` once closing.
    queue: Option<mpsc::Sender<writer::Job>>,
    thread: Option<JoinHandle<()>>,
    readers: reader::Readers,
    changes: watch::Receiver<u64>,
    catalog_version: Arc<AtomicU64>,
    hooks: Arc<hook::Hooks>,
    /// Dropped last: whoever gets the lock finds nobody else at work.
    _lock: File,
}

impl Sqlite {
    /// Opens `directory`, or makes it; blocks for a few barriers. The directory is this process's until it is dropped.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let opened = open::open(directory, clock.as_ref(), entropy.as_ref())?;
        let hooks = Arc::new(hook::Hooks::default());
        let (sender, changes) = watch::channel(0);
        let copying = Arc::new(AtomicBool::new(false));
        let restored = backup::restored(&opened.connection).map_err(|error| Error::from(error).at(&opened.path))?;
        let left =
            |source| Error::Io { action: "remove what was left of a copy of", path: opened.path.clone(), source };
        backup::remove_leftover(&opened.path).map_err(left)?;
        let readers = reader::Readers::open(&opened.path, Arc::clone(&hooks));
        let readers = readers.map_err(|error| Error::from(error).at(&opened.path))?;
        let files = files::Files::of(&opened.path)?;
        let catalog_version = Arc::new(AtomicU64::new(0));
        let writer = writer::Writer::new(
            opened.connection,
            opened.owner,
            files,
            Arc::clone(&hooks),
            writer::Changed { all: sender, catalog: Arc::clone(&catalog_version) },
            Arc::clone(&copying),
        );
        let writer = writer.map_err(|error| Error::from(error).at(&opened.path))?;
        let path = opened.path;
        let (queue, thread) =
            writer.start().map_err(|source| Error::Io { action: "start a thread for", path: path.clone(), source })?;
        let (queue, thread) = (Some(queue), Some(thread));
        Ok(Self {
            kind: opened.kind,
            core_id: opened.core_id,
            path,
            restored,
            copying,
            queue,
            thread,
            readers,
            changes,
            catalog_version,
            hooks,
            _lock: opened.lock,
        })
    }

    /// For tests that crash: called by the writer around every COMMIT, for each site in the batch.
    pub fn with_hook(self, hook: SiteHook) -> Self {
        self.hooks.set_site(hook);
        self
    }

    /// For tests that break the disk: called instead of ending the process; the store is closed after it.
    pub fn with_on_fatal(self, hook: FatalHook) -> Self {
        self.hooks.set_fatal(hook);
        self
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// What SQLite itself refuses or fails at.
impl From<rusqlite::Error> for store::Error {
    fn from(source: rusqlite::Error) -> Self {
        store::Error::Backend { action: "use the database", source: Box::new(trouble::Trouble::of(source)) }
    }
}

type Result<T, E = store::Error> = std::result::Result<T, E>;

#[async_trait]
impl Store for Sqlite {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn core_id(&self) -> &CoreId {
        &self.core_id
    }

    fn restored(&self) -> Option<Restored> {
        self.restored
    }

    async fn copy(&self) -> Result<Copy> {
        self.hooks.check()?;
        let path = self.path.clone();
        let copying = Arc::clone(&self.copying);
        let copied = tokio::task::spawn_blocking(move || {
            copying.store(true, Ordering::Relaxed);
            let copied = backup::copy(&path);
            copying.store(false, Ordering::Relaxed);
            copied
        });
        let copied = copied.await;
        copied.map_err(|error| store::Error::Backend { action: "copy the store", source: error.into() })?
    }

    async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.hooks.check()?;
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(store::Error::Closed)?;
        queue.send(writer::Job { commit, reply }).await.map_err(|_| store::Error::Closed)?;
        answer.await.map_err(|_| store::Error::Closed)?
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    async fn catalog_version(&self) -> Result<u64> {
        Ok(self.catalog_version.load(Ordering::Acquire))
    }

    async fn document(&self, kind: Kind, project: &str, name: &str) -> Result<Option<Document>> {
        let (project, name) = (project.to_owned(), name.to_owned());
        self.readers.glance(move |connection| document::get(connection, kind, &project, &name)).await
    }

    async fn document_at(&self, kind: Kind, project: &str, name: &str, version: u64) -> Result<Option<Document>> {
        let (project, name) = (project.to_owned(), name.to_owned());
        self.readers.glance(move |connection| document::get_at(connection, kind, &project, &name, version)).await
    }

    async fn documents(&self, kind: Kind, project: Option<&str>, paging: &Paging) -> Result<Page<Document>> {
        let (project, paging) = (project.map(str::to_owned), paging.clone());
        self.readers.read(move |connection| document::list(connection, kind, project.as_deref(), &paging)).await
    }

    async fn order(&self, name: &OrderName) -> Result<Option<Order>> {
        let name = name.clone();
        self.readers.glance(move |connection| order::get(connection, &name)).await
    }

    async fn orders(&self, filter: &Filter, paging: &Paging) -> Result<Page<Order>> {
        let (filter, paging) = (filter.clone(), paging.clone());
        self.readers.read(move |connection| order::list(connection, &filter, &paging)).await
    }

    async fn resource(&self, id: &ResourceId) -> Result<Option<Resource>> {
        let id = id.clone();
        self.readers.glance(move |connection| resource::get(connection, &id)).await
    }

    async fn suspect(&self, id: &ResourceId) -> Result<Option<Suspect>> {
        let id = id.clone();
        self.readers.glance(move |connection| suspect::get(connection, &id)).await
    }

    async fn suspects(&self, after: Option<&ResourceId>, limit: u32) -> Result<Vec<Suspect>> {
        let after = after.cloned();
        self.readers.read(move |connection| suspect::behind(connection, after.as_ref(), limit)).await
    }

    async fn observation(&self, id: &ResourceId) -> Result<Option<Observation>> {
        let id = id.clone();
        self.readers.glance(move |connection| observation::get(connection, &id)).await
    }

    async fn due_observations(
        &self,
        after: Option<&(Timestamp, ResourceId)>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueObservation>> {
        let after = after.cloned();
        self.readers.read(move |connection| observation::due(connection, after.as_ref(), now, limit)).await
    }

    async fn next_observation(&self) -> Result<Option<Timestamp>> {
        self.readers.glance(observation::next_due).await
    }

    async fn count_resources(&self, order: &OrderName) -> Result<Vec<(ResourceState, u64)>> {
        let order = order.clone();
        self.readers.read(move |connection| resource::count(connection, &order)).await
    }

    async fn resources(&self, filter: &Filter, paging: &Paging) -> Result<Page<Resource>> {
        let (filter, paging) = (filter.clone(), paging.clone());
        self.readers.read(move |connection| resource::list(connection, &filter, &paging)).await
    }

    async fn drifted(&self, place: &EnvironmentName) -> Result<Vec<Observation>> {
        let place = place.clone();
        self.readers.read(move |connection| observation::drifted(connection, &place)).await
    }

    async fn shared(
        &self,
        place: &EnvironmentName,
        resource_type: &Name,
        class: Option<&Name>,
        id: &SharedId,
    ) -> Result<Option<Resource>> {
        let (place, resource_type, class, id) = (place.clone(), resource_type.clone(), class.cloned(), id.clone());
        let found = move |connection: &_| resource::shared(connection, &place, &resource_type, class.as_ref(), &id);
        self.readers.glance(found).await
    }

    async fn aliases(&self, order: &OrderName) -> Result<Vec<Alias>> {
        let order = order.clone();
        self.readers.read(move |connection| alias::of_order(connection, &order)).await
    }

    async fn aliases_of(&self, resource: &ResourceId, limit: u32) -> Result<Vec<Alias>> {
        let resource = resource.clone();
        self.readers.glance(move |connection| alias::of_resource(connection, &resource, limit)).await
    }

    async fn referrers(&self, it: &Resource, limit: u32) -> Result<Vec<Resource>> {
        let it = it.clone();
        self.readers.read(move |connection| resource::referrers(connection, &it, limit)).await
    }

    async fn operation(&self, id: &OperationId) -> Result<Option<Operation>> {
        let id = id.clone();
        self.readers.glance(move |connection| operation::get(connection, &id)).await
    }

    async fn operations(&self, filter: &Filter, paging: &Paging) -> Result<Page<Operation>> {
        let (filter, paging) = (filter.clone(), paging.clone());
        self.readers.read(move |connection| operation::list(connection, &filter, &paging)).await
    }

    async fn open_operations(&self, resource: &ResourceId) -> Result<Vec<Operation>> {
        let resource = resource.clone();
        self.readers.glance(move |connection| operation::open(connection, &resource)).await
    }

    async fn generations(&self, order: &OrderName) -> Result<Vec<Generation>> {
        let name = order.clone();
        self.readers.read(move |connection| generation::list(connection, &name)).await
    }

    async fn generation(&self, order: &OrderName, generation: u64) -> Result<Option<Generation>> {
        let name = order.clone();
        self.readers.read(move |connection| generation::get(connection, &name, generation)).await
    }

    async fn is_awaited(&self, operation: &OperationId) -> Result<bool> {
        let id = operation.clone();
        self.readers.glance(move |connection| awaiting::is_awaited(connection, &id)).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Operation>> {
        self.readers.snapshot(move |connection| operation::due(connection, now, limit)).await
    }

    async fn standing(&self) -> Result<Standing> {
        self.readers.snapshot(operation::standing).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.readers.glance(move |connection| operation::next_due(connection, now)).await
    }

    async fn holds(&self) -> Result<Vec<Hold>> {
        self.readers.read(hold::all).await
    }

    async fn next_held_key(&self, after: &str) -> Result<Option<String>> {
        let after = after.to_owned();
        self.readers.glance(move |connection| operation::next_held_key(connection, &after)).await
    }

    async fn held(&self, key: &str, limit: u32) -> Result<Vec<Operation>> {
        let key = key.to_owned();
        self.readers.read(move |connection| operation::held(connection, &key, limit)).await
    }

    async fn journal(&self, operation: &OperationId) -> Result<Vec<JournalRow>> {
        let operation = operation.clone();
        self.readers.glance(move |connection| journal::of(connection, &operation)).await
    }

    async fn journal_behind(
        &self,
        operation: &OperationId,
        after: Option<&JournalRow>,
        limit: u32,
    ) -> Result<Vec<JournalRow>> {
        let place = after.map(|row| (row.step, row.attempt, row.position));
        let operation = operation.clone();
        self.readers.read(move |connection| journal::behind(connection, &operation, place, limit)).await
    }

    async fn ended(&self, after: Option<&Ended>, until: Timestamp, limit: u32) -> Result<Vec<Ended>> {
        let after = after.cloned();
        self.readers.read(move |connection| prune::ended(connection, after.as_ref(), until, limit)).await
    }

    async fn reduced_until(&self) -> Result<Option<Ended>> {
        self.readers.read(prune::reduced_until).await
    }

    async fn stale_events(&self, before: Timestamp, most: u64) -> Result<Vec<u16>> {
        self.readers.snapshot(move |connection| prune::stale_events(connection, before, most)).await
    }

    async fn secret(&self, key: &str) -> Result<Option<SecretRecord>> {
        let key = key.to_owned();
        self.readers.glance(move |connection| secret::get(connection, &key)).await
    }

    async fn resource_secrets(&self, resource: &ResourceId) -> Result<Vec<SecretRecord>> {
        let resource = resource.clone();
        self.readers.glance(move |connection| secret::of(connection, &resource)).await
    }

    async fn named_secrets(&self, paging: &Paging) -> Result<Page<SecretRecord>> {
        let paging = paging.clone();
        self.readers.read(move |connection| secret::named(connection, &paging)).await
    }

    async fn driver(&self, digest: &str) -> Result<Option<DriverRecord>> {
        let digest = digest.to_owned();
        self.readers.glance(move |connection| driver::get(connection, &digest)).await
    }

    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        let digest = digest.to_owned();
        self.readers.read(move |connection| driver::component(connection, &digest)).await
    }

    async fn drivers(&self) -> Result<Vec<DriverRecord>> {
        self.readers.read(driver::list).await
    }

    async fn request(&self, project: &str, request_id: &str) -> Result<Option<Request>> {
        let (project, request_id) = (project.to_owned(), request_id.to_owned());
        self.readers.glance(move |connection| request::get(connection, &project, &request_id)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<Token>> {
        let hash = hash.to_owned();
        self.readers.glance(move |connection| token::get(connection, &hash)).await
    }

    async fn users(&self, kind: Kind, name: &str) -> Result<(u64, Vec<String>)> {
        let name = name.to_owned();
        self.readers.snapshot(move |connection| resource::users(connection, kind, &name)).await
    }

    async fn pinned(&self, kind: Kind, name: &str, limit: u32) -> Result<Vec<Pinned>> {
        let name = name.to_owned();
        self.readers.snapshot(move |connection| resource::pinned(connection, kind, &name, limit)).await
    }

    async fn driver_users(&self, digest: &str) -> Result<(u64, Vec<String>)> {
        let digest = digest.to_owned();
        self.readers.snapshot(move |connection| resource::driver_users(connection, &digest)).await
    }

    async fn revision(&self, project: &str) -> Result<u64> {
        let id = crate::domain::name::shard(project);
        self.readers.glance(move |connection| Ok(shard::revision(connection, id)?.latest)).await
    }

    async fn events(&self, project: &str, after: u64, limit: u32) -> Result<(Vec<Recorded>, u64)> {
        let project = project.to_owned();
        self.readers.snapshot(move |connection| event::behind(connection, &project, after, limit)).await
    }

    async fn audit(&self, project: Option<&str>, paging: &Paging) -> Result<Page<Audit>> {
        let (project, paging) = (project.map(str::to_owned), paging.clone());
        self.readers.read(move |connection| audit::list(connection, project.as_deref(), &paging)).await
    }
}
