//! Everything one attempt's host functions work with. The functions themselves stand beside this, one file per WIT interface.

use crate::domain::contract::{Error, ErrorKind};

use super::book::Book;
use super::grants::Grants;
use super::log::Log;
use super::tape::Tape;
use super::watch::Watch;

pub struct Host {
    pub tape: Tape,
    pub book: Book,
    pub grants: Grants,
    pub log: Log,
    pub watch: Watch,
    /// The last `context.status`.
    pub status: Option<String>,
    /// Calls refused because of profile, grant or handle.
    pub denied: u32,
    /// What an idempotency key is good for beside its name: incarnation and generation.
    pub scope: String,
}

impl Host {
    /// Counts a refusal of the host's own.
    pub fn deny(&mut self, error: Error) -> Error {
        if error.kind == ErrorKind::Denied {
            self.denied += 1;
        }
        error
    }
}

/// A store's data that has a host in it.
pub trait Hosted: Send + 'static {
    fn host(&mut self) -> &mut Host;
}

/// The real thing: what an interface is linked to where its profile allows it.
pub struct Live<'a>(pub &'a mut Host);

/// Names [`Live`] to wasmtime.
pub struct HasLive;

impl wasmtime::component::HasData for HasLive {
    type Data<'a> = Live<'a>;
}
