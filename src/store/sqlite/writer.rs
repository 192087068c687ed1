//! The one thread that writes: it drains what is queued, commits it as one transaction, and acknowledges.
//!
//! While a batch waits for the disk the next one gathers, so that one barrier serves all who asked meanwhile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot, watch};

use super::files::Files;
use super::hook::{Hooks, Phase};
use super::shard::{self, Owner};
use super::trouble::Trouble;
use super::write::{self, Changes};
use super::{audit, event};
use crate::store::{Commit, Committed, Error, Site};
use crate::telemetry::metrics::metrics;

/// So many commits wait for the writer before callers do.
const QUEUE: usize = 1024;
/// So many share one transaction.
const BATCH: usize = 512;
/// The write-ahead log is copied into the database when it has grown by so many pages.
const CHECKPOINT_PAGES: u32 = 4096;
/// From so many on the writer waits for readers, so that the log can begin anew.
const LOG_PAGES: u32 = 16 * CHECKPOINT_PAGES;

/// One commit and who waits for it.
pub struct Job {
    pub commit: Commit,
    pub reply: oneshot::Sender<Result<Committed, Error>>,
}

/// Who hears of commits.
pub struct Changed {
    /// Counts commits.
    pub all: watch::Sender<u64>,
    /// Counts those that put or delete documents or drivers.
    pub catalog: Arc<AtomicU64>,
}

pub struct Writer {
    connection: Connection,
    owner: Owner,
    files: Files,
    /// By shard.
    epochs: Vec<i64>,
    hooks: Arc<Hooks>,
    changed: Changed,
    /// A copy of the database is being taken: one long read, which is not waited for.
    copying: Arc<AtomicBool>,
    /// How long the log is, as SQLite says after each commit.
    log_pages: Arc<AtomicU32>,
    checkpoint_at: u32,
}

/// Where the shards touched by a batch stand: revision before it, and now.
type Revisions = BTreeMap<u16, (u64, u64)>;

impl Writer {
    pub fn new(
        mut connection: Connection,
        owner: Owner,
        files: Files,
        hooks: Arc<Hooks>,
        changed: Changed,
        copying: Arc<AtomicBool>,
    ) -> Result<Self, rusqlite::Error> {
        let epochs = shard::epochs(&connection)?;
        let log_pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&log_pages);
        connection.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            seen.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let checkpoint_at = CHECKPOINT_PAGES;
        Ok(Self { connection, owner, files, epochs, hooks, changed, copying, log_pages, checkpoint_at })
    }

    /// The thread ends when all senders are gone and the queue is empty.
    pub fn start(self) -> std::io::Result<(mpsc::Sender<Job>, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("vend-store".into()).spawn(move || self.run(receiver))?;
        Ok((sender, thread))
    }

    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < BATCH {
                let Ok(job) = queue.try_recv() else { break };
                jobs.push(job);
            }
            if let Err(fatal) = self.batch(jobs).and_then(|()| self.checkpoint()) {
                let what = self.files.failed(&reason(&fatal));
                self.hooks.fail(what.clone());
                queue.close();
                while let Ok(job) = queue.try_recv() {
                    let _ = job.reply.send(Err(Error::Failed { what: what.clone() }));
                }
                return self.hooks.fatal(&what);
            }
        }
    }

    /// Commits `jobs` and answers each. An error is the end.
    fn batch(&mut self, jobs: Vec<Job>) -> Result<(), Error> {
        let commits: Vec<&Commit> = jobs.iter().map(|job| &job.commit).collect();
        let begun = Instant::now();
        let (results, fatal) = match self.transact(&commits) {
            Ok(results) => (results, None),
            Err(error) => {
                let fatal = is_fatal(&error) || !self.rolled_back();
                if fatal {
                    self.hooks.fail(self.files.failed(&reason(&error)));
                }
                let all = |error: &dyn Fn() -> Error| jobs.iter().map(|_| Err(error())).collect();
                let what = reason(&error);
                let results: Vec<_> = match code(&error) {
                    _ if fatal => all(&|| Error::Failed { what: self.files.failed(&what) }),
                    Some(ErrorCode::DiskFull) => all(&|| Error::Full { what: self.files.failed(&what) }),
                    _ => all(&|| Error::Backend { action: "commit", source: what.clone().into() }),
                };
                (results, fatal.then_some(error))
            }
        };
        let done = results.iter().filter(|result| result.is_ok()).count();
        let written =
            |(job, result): (&Job, &Result<Committed, Error>)| if result.is_ok() { job.commit.writes.len() } else { 0 };
        metrics().wrote(jobs.iter().zip(&results).map(written).sum());
        // Before anybody is answered: whoever was told that it is done finds what it made.
        if jobs.iter().zip(&results).any(|(job, result)| result.is_ok() && job.commit.changes_catalog()) {
            self.changed.catalog.fetch_add(1, Ordering::AcqRel);
        }
        metrics().batch(jobs.len(), begun.elapsed());
        for (job, result) in jobs.into_iter().zip(results) {
            // A caller that has gone away does not care.
            let _ = job.reply.send(result);
        }
        if done > 0 {
            self.changed.all.send_modify(|count| *count += done as u64);
        }
        fatal.map_or(Ok(()), Err)
    }

    /// Sees to it that nothing is left of a batch that was given up before its COMMIT.
    fn rolled_back(&self) -> bool {
        self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok()
    }

    /// One transaction; what each commit came to. An error voids them all.
    ///
    /// Nearly always all of them can be done, and then none needs to be undone by itself: savepoints, which copy what they cover, are set
    /// only where that turned out not to be so.
    fn transact(&mut self, commits: &[&Commit]) -> Result<Vec<Result<Committed, Error>>, Error> {
        self.statement("BEGIN IMMEDIATE")?;
        let mut revisions = Revisions::new();
        let mut sites: Vec<Site> = Vec::new();
        let mut results: Vec<Result<Committed, Error>> = Vec::with_capacity(commits.len());
        for commit in commits {
            match self.write(commit, &mut revisions) {
                Ok(committed) => {
                    note(&mut sites, commit.site);
                    results.push(Ok(committed));
                }
                Err(error) if self.connection.is_autocommit() || voids_batch(&error) => return Err(error),
                Err(error) => {
                    self.statement("ROLLBACK")?;
                    return if commits.len() == 1 { Ok(vec![Err(error)]) } else { self.transact_apart(commits) };
                }
            }
        }
        self.commit(revisions, &sites)?;
        Ok(results)
    }

    /// The same where some of them cannot be done: each can be undone by itself.
    fn transact_apart(&mut self, commits: &[&Commit]) -> Result<Vec<Result<Committed, Error>>, Error> {
        self.statement("BEGIN IMMEDIATE")?;
        let mut revisions = Revisions::new();
        let mut sites: Vec<Site> = Vec::new();
        let mut results = Vec::with_capacity(commits.len());
        for commit in commits {
            let result = self.one(commit, &mut revisions)?;
            if result.is_ok() {
                note(&mut sites, commit.site);
            }
            results.push(result);
        }
        if sites.is_empty() {
            self.statement("ROLLBACK")?;
            return Ok(results);
        }
        self.commit(revisions, &sites)?;
        Ok(results)
    }

    fn commit(&mut self, revisions: Revisions, sites: &[Site]) -> Result<(), Error> {
        for (id, (before, now)) in revisions {
            // Fenced above, in this very transaction: a shard without events need not be written.
            if now > before {
                shard::advance(&self.connection, id, &self.owner, self.epochs[usize::from(id)], now - before)?;
            }
        }
        self.hooks.at(sites, Phase::Before);
        // Whatever it fails at: some of the batch may be on the disk, and after a failed fsync even what SQLite reads back
        // is no proof.
        self.statement("COMMIT").map_err(|error| Error::Failed { what: reason(&error) })?;
        self.files.check().map_err(|what| Error::Failed { what })?;
        self.hooks.at(sites, Phase::After);
        Ok(())
    }

    /// One commit within the batch: all of it, or nothing and the reason. An outer error voids the batch.
    fn one(&self, commit: &Commit, revisions: &mut Revisions) -> Result<Result<Committed, Error>, Error> {
        self.statement("SAVEPOINT one")?;
        let before = revisions.clone();
        let result = self.write(commit, revisions);
        if let Err(error) = result {
            if self.connection.is_autocommit() || voids_batch(&error) {
                return Err(error);
            }
            *revisions = before;
            self.statement("ROLLBACK TO one")?;
            self.statement("RELEASE one")?;
            return Ok(Err(error));
        }
        self.statement("RELEASE one")?;
        Ok(result)
    }

    fn write(&self, commit: &Commit, revisions: &mut Revisions) -> Result<Committed, Error> {
        let mut changes = Changes::default();
        for it in &commit.writes {
            write::apply(&self.connection, it, &mut changes)?;
        }
        for it in &commit.audit {
            audit::insert(&self.connection, it)?;
            changes.touch(&it.project);
        }
        for id in &changes.shards {
            if let Entry::Vacant(entry) = revisions.entry(*id) {
                let latest = shard::fence(&self.connection, *id, &self.owner, self.epochs[usize::from(*id)])?;
                entry.insert((latest, latest));
            }
        }
        for it in &changes.events {
            let (_, latest) = revisions
                .get_mut(&crate::domain::name::shard(&it.project))
                .expect("the shard of every event was touched, and so fenced");
            *latest += 1;
            event::insert(&self.connection, *latest, it)?;
        }
        Ok(Committed { released: changes.released })
    }

    /// Here rather than by SQLite itself, which would not tell when it fails.
    fn checkpoint(&mut self) -> Result<(), Error> {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < CHECKPOINT_PAGES {
            self.checkpoint_at = CHECKPOINT_PAGES;
        }
        if pages < self.checkpoint_at {
            return Ok(());
        }
        self.checkpoint_at = pages + CHECKPOINT_PAGES / 2;
        let wait = pages >= LOG_PAGES && !self.copying.load(Ordering::Relaxed);
        let mode = if !wait { "PASSIVE" } else { "RESTART" };
        let done = self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        match done.map_err(Error::from) {
            Err(error) if is_fatal(&error) => Err(error),
            // Readers are in the way, or there is no room: another time. The log holds what it would have copied.
            _ => Ok(()),
        }
    }

    fn statement(&self, sql: &str) -> Result<(), Error> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

fn note(sites: &mut Vec<Site>, site: Site) {
    if !sites.contains(&site) {
        sites.push(site);
    }
}

/// What SQLite called it, if the error comes from there.
fn code(error: &Error) -> Option<ErrorCode> {
    let Error::Backend { source, .. } = error else { return None };
    source.downcast_ref::<Trouble>()?.code()
}

/// The disk failed, or what is on it cannot be read.
fn is_fatal(error: &Error) -> bool {
    let broken = [ErrorCode::SystemIoFailure, ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
    matches!(error, Error::Failed { .. }) || code(error).is_some_and(|code| broken.contains(&code))
}

/// Not the fault of one commit.
fn voids_batch(error: &Error) -> bool {
    is_fatal(error) || matches!(code(error), Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory))
}

fn reason(error: &Error) -> String {
    match error {
        Error::Backend { source, .. } => source.to_string(),
        Error::Failed { what } => what.clone(),
        error => error.to_string(),
    }
}
