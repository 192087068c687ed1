//! Everything one attempt's host functions work with. The functions themselves stand beside this, one file per WIT interface.

use tokio::time::Instant;

use crate::domain::contract::{Error, ErrorKind};
use crate::telemetry::metrics::metrics;
use crate::telemetry::trace::Span;

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
    /// Where spans of calls to backends go on: a `traceparent`.
    pub trace: String,
}

/// One call to a backend, from before it is sent.
pub struct Measured {
    begun: Instant,
    span: Span,
    connection: String,
    function: &'static str,
}

impl Measured {
    pub fn end(self, outcome: &'static str) {
        metrics().effect(&self.connection, self.function, outcome, self.begun.elapsed());
        let failed = matches!(outcome, "refused" | "lost").then_some(outcome);
        let span = self.span.with("vend.connection", self.connection).with("vend.outcome", outcome);
        span.end(self.function, failed);
    }
}

impl Host {
    pub fn measure(&self, connection: &str, function: &'static str) -> Measured {
        let span = Span::begin(&self.trace);
        Measured { begun: Instant::now(), span, connection: connection.to_owned(), function }
    }

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
