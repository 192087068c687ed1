//! One attempt: what goes in, and what is reported when it has ended.

use std::sync::Arc;

use crate::capability::grants::Grants;
use crate::capability::journal::{Batch, Journal};
use crate::domain::contract::{Answer, Call, Error};
use crate::domain::effect::{Doubt, Effect};
use crate::domain::limits::{Limit, Limits};
use crate::domain::secret::{Handle, Plain};
use crate::domain::time::{Clock, Entropy};

pub use crate::capability::log::LogLevel;
pub use crate::capability::tape::Past;

/// One execution of one verb.
pub struct Attempt {
    pub call: Call,
    pub grants: Grants,
    pub limits: Limits,
    /// The journal of the step so far: `capability::replay` cuts it.
    pub past: Past,
    pub journal: Arc<dyn Journal>,
    /// The secrets this resource may use: its own, and those its params contain.
    pub secrets: Vec<(Handle, Plain)>,
    /// Derives the handles of the secrets that this attempt brings about.
    pub handle_key: [u8; 32],
    /// The guest's randomness: the same for every attempt of a step.
    pub seed: [u8; 32],
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// How an attempt ended.
pub struct Report {
    pub result: Result<Answer, Failure>,
    /// What was not made durable yet (reads behind the last write, fresh secrets): the caller commits it with the result.
    pub rest: Batch,
    /// What the whole step is known to have changed, this attempt and those before it.
    pub effect: Effect,
    /// Entries at the front of the history that were replayed; the rest of it is void.
    pub replayed: usize,
    pub usage: Usage,
    pub logs: Vec<(LogLevel, String)>,
    /// The last `context.status`.
    pub status: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    pub cpu_ms: u64,
    pub memory_bytes: u64,
    pub reads: u32,
    pub writes: u32,
    /// Calls refused because of profile, grant or handle.
    pub denied: u32,
}

/// Why an attempt has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The driver said so.
    #[error(transparent)]
    Driver(#[from] Error),
    #[error("the driver crashed: {0}")]
    Trapped(String),
    #[error("the driver went over its limit of {limit}: {max} {}", limit.unit())]
    Limit { limit: Limit, max: u64 },
    /// What the guest asks on replay is not what it asked before; nothing was sent.
    #[error("the driver behaves differently on replay, at effect {seq}: recorded {recorded}, asked {asked}")]
    Diverged { seq: u32, recorded: String, asked: String },
    /// A write was sent and its answer is not known.
    #[error("effect {} ({}) was sent and its answer is not known", .0.seq, .0.function)]
    InDoubt(Box<Doubt>),
    /// The first attempt of this step had a grant that there is no more.
    #[error("slot `{slot}` was bound to connection `{connection}`, and is not any more as it was")]
    Ungranted { slot: String, connection: String },
    /// The answer breaks the contract or the described schema.
    #[error("the driver answered something it may not: {0}")]
    Unfit(String),
    #[error(transparent)]
    Journal(#[from] crate::capability::journal::Error),
    /// The attempt could not be started; nothing happened.
    #[error("cannot start the driver: {0}")]
    Host(String),
}
