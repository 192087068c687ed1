//! Making the world match the orders.
//!
//! Deciding and doing are apart: `plan`, `accept`, `decide`, `conclude`, `retry`, `backlog` and `circuit` are pure; `survey`, `step` and
//! `queue` do what they say. Must never know protobuf, wasmtime or SQL.

pub mod graph;
pub mod keep;
pub mod plan;
mod digest;
pub mod survey;
pub mod share;
pub mod upgrade;
mod asked;
mod on_record;
pub mod discover;
pub mod accept;
mod record;
mod overtake;
pub mod apply;
pub mod decide;
mod former;
mod replan;
pub mod conclude;
pub mod retry;
pub mod prepare;
pub mod step;
pub mod settle;
pub mod backlog;
pub mod queue;
pub mod hold;
pub mod reduce;
pub mod prune;
pub mod journal;
pub mod input;
pub mod observe;
mod correct;
pub mod view;
pub mod history;
pub mod story;
pub mod cancel;
pub mod doubt;
pub mod resolve;
pub mod restored;
#[cfg(test)]
pub mod testing;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::domain::refusal::Refusal;
use crate::domain::time::{Clock, Entropy, Timestamp};
use crate::secret::Keyring;
use crate::stock::{self, Stock};
use crate::store::{self, Store};

pub use crate::domain::observation::Presence;
pub use apply::{Applied, Apply, Delete};
pub use discover::{Discovery, Whose};
pub use history::Past;
pub use observe::Refreshed;
pub use prune::Retention;
pub use resolve::Resolution;
pub use restored::backup::Backup;
pub use restored::verify::{Orphan, Seen, SeenResource, Unlisted};
pub use story::{Origin, StoryKind, StoryLine};
pub use upgrade::{Upgrade, Upgrading, Which};
pub use view::{Condition, ResourceView};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is at fault, or what it asks is not allowed: nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Stock(#[from] stock::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Secret(#[from] crate::secret::Error),
}

/// Cheap to share behind an `Arc`.
pub struct Engine {
    store: Arc<dyn Store>,
    stock: Arc<Stock>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Resources a child of which this process is working on.
    busy: Mutex<HashSet<String>>,
    backlog: Mutex<backlog::Backlog>,
    holds: hold::pause::Holds,
    retention: Retention,
    /// Something may have become due.
    wake: Notify,
    /// A look may have become due.
    observing: Notify,
    backing_up: Arc<tokio::sync::Mutex<()>>,
    verifying: tokio::sync::Mutex<()>,
    /// Steps at once.
    concurrency: usize,
}

impl Engine {
    pub fn new(
        store: Arc<dyn Store>,
        stock: Arc<Stock>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        concurrency: usize,
    ) -> Self {
        Self {
            store,
            stock,
            keyring,
            clock,
            entropy,
            busy: Mutex::default(),
            backlog: Mutex::default(),
            holds: hold::pause::Holds::new(),
            retention: Retention::default(),
            wake: Notify::new(),
            observing: Notify::new(),
            backing_up: Arc::default(),
            verifying: tokio::sync::Mutex::default(),
            concurrency: concurrency.max(1),
        }
    }

    /// The same engine, keeping what it keeps for another time.
    pub fn retaining(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// What its clock says.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn backlog(&self) -> std::sync::MutexGuard<'_, backlog::Backlog> {
        self.backlog.lock().expect("nothing panics while holding it")
    }

    /// Something may have become due: the queue asks the store.
    fn look_for_due(&self) {
        self.backlog().doubt();
        self.wake.notify_one();
    }

    /// How many operations are being worked on right now.
    pub fn running(&self) -> usize {
        self.busy.lock().expect("nothing panics while holding it").len()
    }
}
