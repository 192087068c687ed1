//! `vend:driver/http-read` and `http-write`: from what a driver asks to what a backend is sent, and back.
//!
//! Whatever is refused before the backend was asked is recorded as well, so that a grant given later does not change what a replay sees.

use std::sync::Arc;
use std::time::Duration;

use crate::capability::abort::Abort;
use crate::capability::backend::Backend;
use crate::capability::convert::{class, error_to_wit, secret_use};
use crate::capability::failure::{Failure, rejected};
use crate::capability::grants::{Grant, Grants};
use crate::capability::host::{self, Live};
use crate::capability::journal;
use crate::capability::scrub::Scrubber;
use crate::capability::standing::Sight;
use crate::capability::tape;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::description::Access;
use crate::domain::effect::{Class, Outcome, Request};
use crate::wit::vend::driver::http_types as wit;
use crate::wit::vend::driver::types::{Error as WitError, Semantics};
use crate::wit::vend::driver::{http_read, http_write};

use super::capture::{self, Answer, Capture, Place};
use super::draft::{Asked, Draft};
use super::exchange::{Cut, Received};
use super::rule::Kind;
use super::send::Sending;
use super::{Http, header, wire};

type Reply = wasmtime::Result<Result<wit::Response, WitError>>;

impl http_read::Host for Live<'_> {
    async fn fetch(&mut self, req: wit::Request) -> Reply {
        let _paused = self.0.watch.pause();
        let outcome = self.0.fetch(req).await?;
        Ok(reply(outcome)?.map_err(error_to_wit))
    }
}

impl http_write::Host for Live<'_> {
    async fn send(&mut self, req: wit::Request, semantics: Semantics) -> Reply {
        let _paused = self.0.watch.pause();
        let outcome = self.0.send(req, class(semantics)).await?;
        Ok(reply(outcome)?.map_err(error_to_wit))
    }
}

/// A request that may be sent, and to whom.
struct Order {
    grant: Grant,
    http: std::sync::Arc<Http>,
    draft: Draft,
    captures: Vec<Capture>,
    timeout: Option<Duration>,
}

impl host::Host {
    async fn fetch(&mut self, request: wit::Request) -> Result<Outcome, Abort> {
        let function = "http-read.fetch".to_owned();
        let recorded = Request { function, class: Class::Read, arguments: wire::request(&request) };
        let ticket = match self.tape.next(recorded)? {
            tape::Asked::Recorded(outcome) => return Ok(outcome),
            tape::Asked::Live(ticket) => ticket,
        };
        let order = match self.order(request, Kind::Read) {
            Ok(order) => order,
            Err(error) => {
                let refusal = Outcome::Refused(self.deny(error));
                return self.tape.note(ticket, refusal);
            }
        };
        let outcome = match self.ask(&order, Kind::Read).await.map_err(Failure::of_read) {
            Ok(Received { body: Err(cut), .. }) => Outcome::Refused(unread(&order, cut)),
            Ok(received) => {
                let answer = self.seen(&order, received)?;
                match self.fits(&answer) {
                    true => Outcome::Applied(wire::answer(&answer)),
                    false => Outcome::Refused(unread(&order, Cut::TooLarge)),
                }
            }
            Err(error) => {
                let scrubber = self.scrubber(&order);
                Outcome::Refused(self.clean(error, &scrubber))
            }
        };
        self.tape.note(ticket, outcome)
    }

    async fn send(&mut self, request: wit::Request, class: Class) -> Result<Outcome, Abort> {
        let function = "http-write.send".to_owned();
        let recorded = Request { function, class, arguments: wire::request(&request) };
        let ticket = match self.tape.next(recorded)? {
            tape::Asked::Recorded(outcome) => return Ok(outcome),
            tape::Asked::Live(ticket) => ticket,
        };
        let order = match self.order(request, Kind::Write) {
            Ok(order) => order,
            Err(error) => {
                let refusal = Outcome::Refused(self.deny(error));
                return self.tape.note(ticket, refusal);
            }
        };
        let reissued = ticket.is_reissued();
        let told = |answer: &Answer| if reissued { wire::reissued(wire::answer(answer)) } else { wire::answer(answer) };
        let sent = self.tape.intend(ticket, None).await?;
        let outcome = match self.ask(&order, Kind::Write).await {
            Ok(received) => match received.status.as_u16() {
                // It was done, and what it came to (an id, a secret) was in the part that is missing: nobody could go on from there.
                200..=299 if received.is_half() => return Err(self.tape.lost(sent)),
                200..=399 => Outcome::Applied(told(&self.answer(&order, received)?)),
                408 => return Err(self.tape.lost(sent)),
                400..=499 => Outcome::Declined(told(&self.answer(&order, received)?)),
                _ => return Err(self.tape.lost(sent)),
            },
            Err(Failure::Refused(error)) => {
                let scrubber = self.scrubber(&order);
                Outcome::Refused(self.clean(error, &scrubber))
            }
            Err(Failure::Lost(why)) => {
                tracing::info!(connection = order.grant.connection, why, "the outcome of a write is not known");
                return Err(self.tape.lost(sent));
            }
        };
        self.tape.conclude(sent, outcome).await
    }

    /// Everything that can be refused before anything happens.
    fn order(&self, request: wit::Request, kind: Kind) -> Result<Order, Error> {
        let access = if kind == Kind::Read { Access::Read } else { Access::ReadWrite };
        let grant = self.grants.get(&request.connection, access)?.clone();
        let Backend::Http(http) = &grant.backend else {
            return Err(Grants::other_protocol(&request.connection, "HTTP"));
        };
        let http = http.clone();
        let captures: Vec<Capture> = request.capture.into_iter().map(captured).collect();
        capture::check(&captures)?;
        http.credential_for(kind)?;
        let asked = Asked {
            method: request.method,
            path_and_query: request.path_and_query,
            headers: request.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: request.body,
            uses: request.secrets.into_iter().map(secret_use).collect(),
        };
        let terms = http.terms(&grant.asked);
        let draft = Draft::new(asked, kind, &terms)?;
        // What cannot be filled now cannot be filled later: better to know before an intent is written down.
        draft.fill(&self.book, &terms)?;
        let timeout = request.timeout_ms.map(|ms| Duration::from_millis(ms.max(1).into()));
        Ok(Order { grant, http, draft, captures, timeout })
    }

    async fn ask(&self, order: &Order, kind: Kind) -> Result<Received, Failure> {
        let (grant, http) = (&order.grant, &order.http);
        let terms = http.terms(&grant.asked);
        let now = self.tape.now();
        let sending = Sending {
            draft: &order.draft,
            terms: &terms,
            book: &self.book,
            standing: &grant.standing,
            phase: (kind == Kind::Write).then(|| self.tape.phase()),
            timeout: order.timeout,
            max_bytes: self.tape.max_body(),
            now,
        };
        let answered = http.send(kind, sending).await;
        match &answered {
            Ok(received) if received.status.is_success() => grant.standing.saw(Sight::Served, now),
            Ok(received) if received.status == http::StatusCode::UNAUTHORIZED => {
                grant.standing.saw(Sight::Failed(&rejected(&grant.connection)), now);
            }
            Ok(received) if matches!(received.status.as_u16(), 502..=504) => grant.standing.saw(Sight::Unserved, now),
            Ok(_) => grant.standing.saw(Sight::Answered, now),
            Err(Failure::Refused(error)) => grant.standing.saw(Sight::Failed(error), now),
            Err(Failure::Lost(_)) => {}
        }
        answered
    }

    /// Of a write: its outcome is kept, so what is too large to be kept with it is left out.
    fn answer(&mut self, order: &Order, received: Received) -> Result<Answer, Abort> {
        let mut answer = self.seen(order, received)?;
        if !self.fits(&answer) {
            answer.withhold(Cut::TooLarge.words());
        }
        Ok(answer)
    }

    /// As the journal keeps it an answer may be larger than as it came.
    fn fits(&self, answer: &Answer) -> bool {
        self.tape.meter().check_body(&wire::answer(answer)).is_ok()
    }

    /// What the driver will see: secrets captured, known values gone. Fresh secrets go with the commit that keeps the answer.
    fn seen(&mut self, order: &Order, received: Received) -> Result<Answer, Abort> {
        let headers = header::incoming(&received.headers, received.trailers.as_ref());
        let mut answer = Answer { status: received.status.as_u16(), headers, body: Vec::new() };
        match received.body {
            Ok(body) => answer.body = body,
            Err(cut) => answer.withhold(cut.words()),
        }
        if received.status.is_success() {
            for fresh in capture::take(&order.captures, &mut answer, &mut self.book) {
                self.tape.keep_secret(fresh)?;
            }
        }
        let scrubber = self.scrubber(order);
        for text in answer.headers.iter_mut().flat_map(|(name, value)| [name, value]) {
            *text = scrubber.text(text).into_owned();
        }
        match String::from_utf8(std::mem::take(&mut answer.body)) {
            Ok(text) => answer.body = scrubber.text(&text).into_owned().into_bytes(),
            Err(bytes) => {
                answer.body = bytes.into_bytes();
                scrubber.bytes(&mut answer.body);
            }
        }
        Ok(answer)
    }

    /// Of the secrets of this attempt, and of the connection's own.
    fn scrubber(&self, order: &Order) -> Arc<Scrubber> {
        self.book.scrubber_with(&order.http.secrets())
    }

    fn clean(&mut self, mut error: Error, scrubber: &Scrubber) -> Error {
        error.message = scrubber.text(&error.message).into_owned();
        self.deny(error)
    }
}

fn unread(order: &Order, cut: Cut) -> Error {
    let message = format!("connection `{}`: {}", order.grant.connection, cut.words());
    Error::new(ErrorKind::Unavailable, cut.code(), message)
}

fn captured(capture: wit::Capture) -> Capture {
    let place = match capture.place {
        wit::Place::Json(pointer) => Place::Json(pointer),
        wit::Place::Xml(path) => Place::Xml(path),
        wit::Place::Header(name) => Place::Header(name),
        wit::Place::Body => Place::Body,
    };
    Capture { name: capture.name, place, encoding: capture.encoding }
}

fn reply(outcome: Outcome) -> Result<Result<wit::Response, Error>, Abort> {
    match outcome {
        Outcome::Applied(value) | Outcome::Declined(value) => wire::response(&value).map(Ok).ok_or_else(|| {
            journal::Error::Store("a recorded answer is no answer to an HTTP request".to_owned()).into()
        }),
        Outcome::Refused(error) => Ok(Err(error)),
    }
}
