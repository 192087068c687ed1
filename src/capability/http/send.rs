//! A request on its way: all that comes before a byte of it leaves, the sending, and what is to be said where there is no answer.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};

use crate::capability::book::Book;
use crate::capability::failure::{Failure, unavailable};
use crate::capability::standing::Standing;
use crate::capability::tape::Phase;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::time::Timestamp;

use super::Http;
use super::credential::{Credential, Ready};
use super::door::Line;
use super::draft::{Draft, Terms};
use super::exchange::{Received, Trouble, exchange};
use super::rule::Kind;

/// How long an idle connection may take to say that it can be used; else another one is opened.
const SOON: Duration = Duration::from_millis(200);

/// Who asks, and how far it may go.
pub(super) struct Sending<'a> {
    pub(super) draft: &'a Draft,
    pub(super) terms: &'a Terms<'a>,
    pub(super) book: &'a Book,
    pub(super) standing: &'a Standing,
    /// Of a write: running out of time before it is sent is no doubt.
    pub(super) phase: Option<&'a Phase>,
    pub(super) timeout: Option<Duration>,
    pub(super) max_bytes: u64,
    pub(super) now: Timestamp,
}

/// Nothing is left to do but to send it.
struct Prepared {
    /// Held until the answer is there.
    turn: OwnedSemaphorePermit,
    line: Line,
    is_reused: bool,
    request: Request<Full<Bytes>>,
}

impl Http {
    /// `asked_as`: whose credential it goes with.
    pub(super) async fn send(&self, asked_as: Kind, sending: Sending<'_>) -> Result<Received, Failure> {
        let credential = self.credential_for(asked_as).map_err(Failure::Refused)?;
        let prepared = sending.in_time(self.prepare(asked_as, credential, &sending)).await.map_err(Failure::Refused)?;
        let Prepared { turn: _turn, line, is_reused, request } = prepared;
        let deadline = Instant::now() + sending.timeout.map_or(self.timeout, |asked| asked.min(self.timeout));
        let sent_at = Instant::now();
        let answered = exchange(line, request, deadline, sending.max_bytes).await;
        let (received, line) = answered.map_err(|trouble| match trouble {
            Trouble::Lost(why) => Failure::Lost(format!("connection `{}`: {why}", self.connection)),
            // A certificate is looked at once: later it is no reason.
            Trouble::Unwelcome if is_reused => Failure::Lost(format!("connection `{}` broke", self.connection)),
            certain => Failure::Refused(self.refusal(certain)),
        })?;
        if let Some(line) = line {
            self.pool.give_back(line);
        }
        if received.status == http::StatusCode::UNAUTHORIZED {
            credential.rejected(sent_at);
        }
        Ok(received)
    }

    async fn prepare(&self, kind: Kind, credential: &Credential, sending: &Sending<'_>) -> Result<Prepared, Error> {
        // Asking for a token sends a secret, too.
        sending.standing.check(&self.connection)?;
        self.admit().await?;
        let turn = self.pool.turn(self.timeout).await?;
        // Twice: for one's own, or behind somebody else's.
        let ready = timeout(self.timeout * 2, credential.ready())
            .await
            .map_err(|_| unavailable(format!("connection `{}`: there was no token in time", self.connection)))??;
        let idle = self.idle(kind).await;
        let is_reused = idle.is_some();
        let line = match idle {
            Some(line) => line,
            None => self.door.open().await?,
        };
        let request = self.fill(sending, ready)?;
        Ok(Prepared { turn, line, is_reused, request })
    }

    /// Secrets and credential are put in at the last moment, into a connection that still stands.
    fn fill(&self, sending: &Sending<'_>, ready: Ready<'_>) -> Result<Request<Full<Bytes>>, Error> {
        sending.standing.check(&self.connection)?;
        let filled = sending.draft.fill(sending.book, sending.terms)?;
        self.request(&filled.method, &filled.target.text(), &filled.headers, filled.body, ready, sending.now)
    }

    async fn idle(&self, kind: Kind) -> Option<Line> {
        let mut line = self.pool.take(kind)?;
        let is_ready = matches!(timeout(SOON, line.ready()).await, Ok(true));
        Some(line).filter(|line| is_ready && line.is_quiet())
    }

    /// A place in the connection's rate.
    async fn admit(&self) -> Result<(), Error> {
        let Some(rate) = &self.rate else { return Ok(()) };
        let wait = rate.reserve(Instant::now(), self.timeout).map_err(|wait| {
            let message = format!("connection `{}` is used more often than its rate allows", self.connection);
            let mut error = Error::new(ErrorKind::Throttled, "RATE_LIMITED", message);
            error.retry_after_ms = Some(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
            error
        })?;
        sleep(wait).await;
        Ok(())
    }
}

impl Sending<'_> {
    /// What `work` comes to, unless the attempt's time is up first. Behind this, it is sent.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Some(phase) = self.phase else { return work.await };
        phase.holding();
        let done = tokio::select! {
            done = work => done?,
            () = phase.expiry() => return Err(out_of_time()),
        };
        if phase.may_send() { Ok(done) } else { Err(out_of_time()) }
    }
}

fn out_of_time() -> Error {
    Error::new(ErrorKind::Unavailable, "OUT_OF_TIME", "the attempt ran out of time before this was sent")
}
