//! The end of a store whose disk failed; and where tests take part in the writer's work: at each COMMIT, and at that end.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::store::{Error, Site};

/// How a process ends whose disk has failed: `EX_IOERR` of sysexits.h.
pub const EXIT_STATUS: i32 = 74;

/// So long those who waited have to be told over their connections.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// On which side of the COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing of the batch is durable.
    Before,
    /// All of it is, and nobody knows yet.
    After,
}

/// Called by the writer for each site in a batch, once on either side of its COMMIT.
pub type SiteHook = Box<dyn Fn(Site, Phase) + Send>;

/// Called with what has happened instead of ending the process.
pub type FatalHook = Box<dyn Fn(&str) + Send>;

#[derive(Default)]
pub struct Hooks {
    site: Mutex<Option<SiteHook>>,
    fatal: Mutex<Option<FatalHook>>,
    /// What went wrong for good.
    failure: OnceLock<String>,
}

impl Hooks {
    pub fn set_site(&self, hook: SiteHook) {
        *lock(&self.site) = Some(hook);
    }

    pub fn set_fatal(&self, hook: FatalHook) {
        *lock(&self.fatal) = Some(hook);
    }

    pub fn at(&self, sites: &[Site], phase: Phase) {
        if let Some(hook) = &*lock(&self.site) {
            sites.iter().for_each(|site| hook(*site, phase));
        }
    }

    /// Whether the store may still be used: behind a failure nobody is to read, decide or send anything.
    pub fn check(&self) -> Result<(), Error> {
        match self.failure.get() {
            Some(what) => Err(Error::Failed { what: what.clone() }),
            None => Ok(()),
        }
    }

    pub fn fail(&self, what: String) {
        // The first one is the cause.
        let _ = self.failure.set(what);
    }

    /// The end of this process: after a failed write to disk nothing in memory can be trusted.
    pub fn fatal(&self, what: &str) {
        if let Some(hook) = &*lock(&self.fatal) {
            return hook(what);
        }
        tracing::error!(
            "{what}; vend ends here with status {EXIT_STATUS}; started again, it goes on from what the disk holds"
        );
        std::thread::sleep(LAST_WORDS);
        std::process::exit(EXIT_STATUS);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
