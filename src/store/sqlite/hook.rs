//! Where tests take part in the writer's work: at each COMMIT, and when the store cannot go on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::Site;

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

    /// The end of this process: after a failed write to disk nothing in memory can be trusted.
    pub fn fatal(&self, what: &str) {
        if let Some(hook) = &*lock(&self.fatal) {
            return hook(what);
        }
        tracing::error!(error = what, "the store cannot go on: this process ends, and what was acknowledged is safe");
        std::process::abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
