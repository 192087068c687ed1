//! What is on offer: documents, installed drivers, open connections; and what an entry of an order matches.
//!
//! Must never know orders or protobuf.

pub mod requirement;
pub mod matching;
mod criteria;
pub mod schema;
pub mod params;
pub mod rules;
mod merge;
mod facts;
pub mod interval;
pub mod fit;
mod composite;
mod shape;
pub mod compatible;
pub mod connect;
mod filled;
pub mod install;
mod grace;
mod known;
pub mod offer;
mod serving;
mod upgrade;
pub mod records;
mod check;
mod concerns;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{Mutex, RwLock};

use crate::domain::limits::Limits;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Clock, Entropy};
use crate::driver::{Driver, Runtime};
use crate::secret::Keyring;
use crate::store::{self, Store};

pub use crate::capability::standing::Checked;
pub use compatible::{Live, compatible};
pub use connect::FoundCondition;
pub use fit::{Fit, fit};
pub use matching::{Ambiguous, Chosen, Unmatched, Wanted, choose, ties};
pub use offer::{CatalogEntry, Matched, Offer, Output};
pub use params::{Asked, fill};
pub use records::{AppliedDocument, DocumentAction, Manner};
pub use rules::Rules;
pub use schema::Schemas;
pub use serving::{Lost, Serving};
pub use upgrade::Target;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Secret(#[from] crate::secret::Error),
}

/// Cheap to share behind an `Arc`.
pub struct Stock {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Relative directories of connections are below this.
    pub(crate) data_dir: PathBuf,
    drivers: RwLock<HashMap<String, Arc<Driver>>>,
    installing: Mutex<()>,
    known: std::sync::Mutex<Arc<known::Known>>,
    pub(crate) schemas: Schemas,
    rules: Rules,
    /// The most that one attempt may use, whatever a driver asks.
    limits: Limits,
    /// By connection name.
    backends: RwLock<HashMap<String, connect::Opened>>,
    renewals: AtomicU64,
}

impl Stock {
    /// Attempts of drivers at work, and how many can be.
    pub fn attempts(&self) -> (u64, u64) {
        self.runtime.attempts()
    }

    pub fn new(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        runtime: Arc<Runtime>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        data_dir: PathBuf,
        limits: Limits,
    ) -> Self {
        Self {
            store,
            keyring,
            runtime,
            clock,
            entropy,
            data_dir,
            drivers: RwLock::default(),
            installing: Mutex::default(),
            known: std::sync::Mutex::default(),
            schemas: Schemas::new(),
            rules: Rules::default(),
            limits,
            backends: RwLock::default(),
            renewals: AtomicU64::new(0),
        }
    }
}
