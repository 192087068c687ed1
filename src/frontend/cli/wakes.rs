//! A watch that never gives up: changes in order, resumed behind the last one seen whenever the core was away.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status, Streaming};

use super::connect::{Session, is_transient, within};
use crate::pb::{WatchRequest, WatchResponse, watch_response::Kind};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the core may take to open a stream.
const OPENING: Duration = Duration::from_secs(10);

/// What is watched; empty parts leave it open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    pub project: String,
    pub environment: String,
    pub order: String,
}

pub struct Wakes {
    session: Session,
    scope: Scope,
    stream: Option<Streaming<WatchResponse>>,
    resume_token: String,
    pause: Duration,
    next_try: Instant,
}

/// What came of waiting for a change.
#[derive(Debug)]
pub enum Woken {
    Change(Box<WatchResponse>),
    /// Changes were missed for good: look at everything anew.
    Anew,
    /// Nothing within the time given.
    Quiet,
}

impl Wakes {
    pub fn new(session: &Session, scope: Scope) -> Self {
        Wakes {
            session: session.clone(),
            scope,
            stream: None,
            resume_token: String::new(),
            pause: FIRST_PAUSE,
            next_try: Instant::now(),
        }
    }

    /// Whether changes are coming in; without, the caller has to look by itself.
    pub fn is_live(&self) -> bool {
        self.stream.is_some()
    }

    /// Opens the stream at once; an error that time does not mend is told.
    pub async fn open(&mut self) -> Result<(), Status> {
        let request = WatchRequest {
            project: self.scope.project.clone(),
            environment: self.scope.environment.clone(),
            order: self.scope.order.clone(),
            resume_token: self.resume_token.clone(),
        };
        let opened = self.session.watch().watch(within(request, OPENING)).await;
        match opened {
            Ok(stream) => {
                self.stream = Some(stream.into_inner());
                self.pause = FIRST_PAUSE;
                Ok(())
            }
            Err(status) => {
                self.lost(&status);
                Err(status)
            }
        }
    }

    /// The next change, at most so much later. Fails only where trying again is no use.
    pub async fn next(&mut self, at_most: Duration) -> Result<Woken, Status> {
        let end = Instant::now() + at_most;
        loop {
            if self.stream.is_none() {
                if self.next_try >= end {
                    tokio::time::sleep_until(end).await;
                    return Ok(Woken::Quiet);
                }
                tokio::time::sleep_until(self.next_try).await;
                match tokio::time::timeout_at(end, self.open()).await {
                    Err(_) => return Ok(Woken::Quiet),
                    Ok(Ok(())) => {}
                    Ok(Err(status)) if status.code() == Code::OutOfRange => {
                        self.resume_token.clear();
                        return Ok(Woken::Anew);
                    }
                    Ok(Err(status)) if is_transient(&status) => continue,
                    Ok(Err(status)) => return Err(status),
                }
            }
            let Some(stream) = &mut self.stream else { continue };
            match tokio::time::timeout_at(end, stream.message()).await {
                Err(_) => return Ok(Woken::Quiet),
                Ok(Ok(Some(change))) => {
                    if !change.resume_token.is_empty() {
                        self.resume_token.clone_from(&change.resume_token);
                    }
                    if change.kind() != Kind::Bookmark {
                        return Ok(Woken::Change(Box::new(change)));
                    }
                }
                Ok(Ok(None)) => self.lost(&Status::unavailable("the watch has ended")),
                Ok(Err(status)) if status.code() == Code::OutOfRange => {
                    self.lost(&status);
                    self.resume_token.clear();
                    return Ok(Woken::Anew);
                }
                Ok(Err(status)) if is_transient(&status) => self.lost(&status),
                Ok(Err(status)) => return Err(status),
            }
        }
    }

    /// Until something has changed, or so much later; bursts count once. Whatever goes wrong is a reason to look.
    pub async fn wait(&mut self, at_most: Duration) {
        let started = Instant::now();
        match self.next(at_most).await {
            Ok(Woken::Change(_)) => {
                // What belongs together comes together.
                let end = Instant::now() + Duration::from_millis(100);
                while let Ok(Woken::Change(_)) = self.next(end.saturating_duration_since(Instant::now())).await {}
            }
            Ok(Woken::Anew | Woken::Quiet) => {}
            Err(status) => {
                self.session.terminal.detail(&format!("cannot watch: {}", status.message()));
                self.next_try = Instant::now() + LONGEST_PAUSE * 6;
                tokio::time::sleep_until(started + at_most).await;
            }
        }
    }

    fn lost(&mut self, status: &Status) {
        self.session.terminal.detail(&format!("watch lost: {}", status.message()));
        self.stream = None;
        self.next_try = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
