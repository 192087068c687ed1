//! Why the host ends an attempt in the middle of a call: never shown to the guest as an error it could handle.

use crate::domain::contract::Error;
use crate::domain::effect::Doubt;
use crate::domain::limits::Limit;

use super::journal;

/// Travels through the guest as a trap; whoever runs the attempt finds it again by downcast.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Abort {
    #[error("effect {} ({}) was sent and its answer is not known", .0.seq, .0.function)]
    InDoubt(Box<Doubt>),
    #[error("effect {seq} is not what was recorded: {recorded}, asked {asked}")]
    Diverged { seq: u32, recorded: String, asked: String },
    #[error("over the limit of {limit}: {max} {}", limit.unit())]
    Limit { limit: Limit, max: u64 },
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A call that has no way to answer with an error was denied.
    #[error(transparent)]
    Denied(Error),
}
