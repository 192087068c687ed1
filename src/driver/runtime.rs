//! What all drivers of a process share: the engine, the pool they run in, the cache of what was compiled.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::domain::limits::Limits;
use crate::domain::time::Entropy;

use super::cache::Cache;
use super::component::Driver;
use super::engine::{self, Ticker};
use super::load::{self, LoadError};

pub struct RuntimeConfig {
    /// Where compiled drivers are kept; `None`: nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Attempts at once; more of them wait their turn.
    pub max_instances: u32,
    /// What no attempt gets more of, whatever it is given. Memory and tables also size the pool.
    pub max_limits: Limits,
    pub entropy: Arc<dyn Entropy>,
}

/// The host cannot run drivers at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
    #[error("cannot use the cache of compiled drivers `{}`", path.display())]
    Cache { path: PathBuf, source: std::io::Error },
    #[error("cannot start the clock that interrupts drivers")]
    Ticker(#[source] std::io::Error),
}

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Runtime(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub engine: Engine,
    pub ticker: Ticker,
    pub cache: Option<Cache>,
    pub turns: Semaphore,
    /// Guests that compute for long, at once.
    pub computing: Arc<Semaphore>,
    pub max_instances: u32,
    pub compiling: Arc<Semaphore>,
    pub max_limits: Limits,
    pub entropy: Arc<dyn Entropy>,
}

impl Runtime {
    pub fn new(config: RuntimeConfig) -> Result<Self, Error> {
        let attempts = config.max_instances.max(1);
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let limits = &config.max_limits;
        let engine = engine::engine(attempts, limits.memory_bytes, limits.table_elements);
        let engine = engine.map_err(|error| Error::Engine(format!("{error:#}")))?;
        let cache = match config.cache_dir {
            Some(path) => {
                Some(Cache::open(path.clone(), &*config.entropy).map_err(|source| Error::Cache { path, source })?)
            }
            None => None,
        };
        Ok(Self(Arc::new(Shared {
            ticker: Ticker::start(&engine).map_err(Error::Ticker)?,
            engine,
            cache,
            turns: Semaphore::new(attempts as usize),
            computing: Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))),
            max_instances: attempts,
            compiling: Arc::new(Semaphore::new(1)),
            max_limits: config.max_limits,
            entropy: config.entropy,
        })))
    }

    /// Attempts at work, and how many can be.
    pub fn attempts(&self) -> (u64, u64) {
        let most = u64::from(self.0.max_instances);
        (most.saturating_sub(self.0.turns.available_permits() as u64), most)
    }

    /// Compiles (or takes from the cache), links and describes. Needs a tokio runtime; compiling takes a second for a large driver.
    pub async fn load(&self, bytes: impl Into<bytes::Bytes>) -> Result<Driver, LoadError> {
        load::load(self, bytes.into()).await
    }
}
