//! HTTP as a capability: one client behind one connection.
//!
//! A request passes, in this order: path → rules → headers → (intent) → rate and turn → credential → connection to a vetted address →
//! standing → secrets → credential → sent once, no redirect followed → read within bounds → captured → scrubbed. What comes before
//! the sending refuses for certain; what comes after may leave a doubt.
//!
//! Must never know what a request is for.

pub mod path;
pub mod strict;
pub mod rule;
pub mod header;
pub mod draft;
pub mod capture;
mod door;
mod pool;
mod exchange;
mod token;
mod sign;
mod credential;
mod host;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use crate::domain::connection::RequestRule;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::Plain;
use crate::domain::time::Timestamp;

use super::address::Networks;
use super::backend::{Checked, ClientCredentials, ReadCredential, Requests, Settings};
use super::book::Book;
use super::failure::{Failure, unavailable};
use super::rate::Rate;
use super::reach::{Network, System};
use super::standing::Standing;
use super::tls;
use credential::{Credential, Ready};
use door::{Door, Line};
use draft::{Draft, Terms};
use exchange::{Received, Trouble, exchange};
use path::Base;
use pool::Pool;
use rule::{Kind, Rules};
use token::Tokens;

const USER_AGENT: &str = concat!("vend/", env!("CARGO_PKG_VERSION"));
/// What a check reads of an answer.
const CHECK_BYTES: u64 = 1 << 20;

/// One HTTP backend behind one connection.
pub struct Http {
    connection: String,
    base: Base,
    rules: Rules,
    check: Option<String>,
    door: Door,
    pool: Pool,
    rate: Option<Rate>,
    credential: Option<Credential>,
    /// Of its own, or the one above.
    read_credential: Option<Credential>,
    timeout: Duration,
}

/// Who asks, and how far it may go.
struct Sending<'a> {
    draft: &'a Draft,
    terms: &'a Terms<'a>,
    book: &'a Book,
    standing: &'a Standing,
    timeout: Option<Duration>,
    max_bytes: u64,
    now: Timestamp,
}

impl Http {
    /// Connects to nothing yet. Refuses settings that cannot work, with code `CONNECTION_INVALID`.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Self::on_network(settings, Arc::new(System))
    }

    pub fn on_network(settings: Settings, network: Arc<dyn Network>) -> Result<Self, Error> {
        let name = settings.name.clone();
        Self::build(settings, network).map_err(|what| {
            Error::new(ErrorKind::InvalidInput, "CONNECTION_INVALID", format!("connection `{name}`: {what}"))
        })
    }

    fn build(settings: Settings, network: Arc<dyn Network>) -> Result<Self, String> {
        if settings.concurrency == 0 || settings.timeout_ms == 0 || settings.rate_per_second == Some(0) {
            return Err("concurrency, rate and timeout are at least one".to_owned());
        }
        let connection = settings.name;
        let timeout = Duration::from_millis(settings.timeout_ms);
        let base = Base::parse(&settings.endpoint)?;
        let networks = Networks::parse(&settings.networks).map_err(|error| error.to_string())?;
        let tls = Arc::new(tls::client(settings.tls_ca.as_deref(), settings.tls_identity.as_ref())?);
        let open = |base: &Base| {
            Door::new(&connection, base, networks.clone(), Arc::clone(&tls), Arc::clone(&network), timeout)
        };
        let tokens = |client: ClientCredentials| {
            let base = Base::parse(&client.token_endpoint).map_err(|error| format!("token-endpoint: {error}"))?;
            let door = open(&base)?;
            Ok(Tokens::new(connection.clone(), client, base, door, timeout))
        };
        let has_credential = settings.credential.is_some();
        let credential = Credential::new(settings.credential, tokens)?;
        let read_credential = match settings.read_credential {
            ReadCredential::Own(own) => Some(Credential::new(Some(own), tokens)?),
            ReadCredential::Same => None,
        };
        // With a credential for reading alone, nothing is written.
        let credential = (has_credential || read_credential.is_none()).then_some(credential);
        let Requests { reads, writes, deny, check } = settings.requests;
        Ok(Self {
            door: open(&base)?,
            pool: Pool::new(connection.clone(), settings.concurrency),
            rate: settings.rate_per_second.map(Rate::new),
            rules: Rules { reads, writes, deny },
            connection,
            base,
            check,
            credential,
            read_credential,
            timeout,
        })
    }

    /// What tells this backend from another one; natural keys are reserved under it.
    pub fn identity(&self) -> String {
        self.base.url()
    }

    /// Reaches the backend, as both credentials.
    pub async fn check(&self, now: Timestamp) -> Result<Checked, Error> {
        let mut warnings = Vec::new();
        if self.read_credential.is_none() && self.credential.as_ref().is_some_and(|it| it.header().is_some()) {
            warnings.push(
                "reads use the writing credential: nothing but the connection's rules holds them to reading".into(),
            );
        }
        if self.rules.reads.is_empty() && self.rules.writes.is_empty() {
            warnings.push("no rule allows any request: drivers can send nothing".into());
        }
        if self.check.is_none() {
            warnings.push("there is no `check`: the backend was reached, and its credentials were not tried".into());
        }
        for credential in [self.read_credential.as_ref(), self.credential.as_ref()].into_iter().flatten() {
            self.check_as(credential, now).await?;
        }
        Ok(Checked { warnings, credentials_tried: self.check.is_some() })
    }

    async fn check_as(&self, credential: &Credential, now: Timestamp) -> Result<(), Error> {
        let ready = credential.ready().await?;
        let line = self.door.open().await?;
        let Some(path) = &self.check else { return Ok(()) };
        let target = self.base.target(path)?.text();
        let request = self.request("GET", &target, &[], Vec::new(), ready, now)?;
        let answered = exchange(line, request, Instant::now() + self.timeout, CHECK_BYTES).await;
        let (received, _) = answered.map_err(|trouble| unavailable(self.words(trouble)))?;
        match received.status.as_u16() {
            200..=299 => Ok(()),
            401 | 403 => {
                credential.rejected();
                Err(credential::rejected(&self.connection))
            }
            status => {
                Err(unavailable(format!("connection `{}`: `check` answers with status {status}", self.connection)))
            }
        }
    }

    /// The terms on which a driver that asks for `asked` may send.
    fn terms<'a>(&'a self, asked: &'a [RequestRule], kind: Kind) -> Terms<'a> {
        let credential = self.credential_for(kind).ok().and_then(Credential::header);
        Terms { base: &self.base, rules: &self.rules, asked, credential }
    }

    /// `kind`: what the request was asked as.
    fn credential_for(&self, kind: Kind) -> Result<&Credential, Error> {
        let found = match (kind, &self.read_credential) {
            (Kind::Read, Some(own)) => Some(own),
            _ => self.credential.as_ref(),
        };
        found.ok_or_else(|| {
            let message = format!("connection `{}` has no writing credential", self.connection);
            Error::new(ErrorKind::Denied, "CREDENTIAL_MISSING", message)
        })
    }

    /// What must never come back.
    fn secrets(&self) -> Vec<Plain> {
        [&self.credential, &self.read_credential].into_iter().flatten().flat_map(Credential::secrets).collect()
    }

    async fn send(&self, asked_as: Kind, sending: Sending<'_>) -> Result<Received, Failure> {
        let credential = self.credential_for(asked_as).map_err(Failure::Refused)?;
        self.admit().await.map_err(Failure::Refused)?;
        let _turn = self.pool.turn(self.timeout).await.map_err(Failure::Refused)?;
        let reused = self.pool.take(asked_as);
        let is_reused = reused.is_some();
        let ready = credential.ready().await.map_err(Failure::Refused)?;
        let line = match reused {
            Some(line) => line,
            None => self.door.open().await.map_err(Failure::Refused)?,
        };
        let prepared = self.prepare(&sending, ready).map_err(Failure::Refused)?;
        let timeout = sending.timeout.map_or(self.timeout, |asked| asked.min(self.timeout));
        let deadline = Instant::now() + timeout;
        let answered = match exchange(line, prepared, deadline, sending.max_bytes).await {
            // The backend hung up while the connection was idle: nothing was written to it.
            Err(Trouble::NotSent(request)) if is_reused => {
                let line = self.door.open().await.map_err(Failure::Refused)?;
                sending.standing.check(&self.connection).map_err(Failure::Refused)?;
                exchange(line, *request, deadline, sending.max_bytes).await
            }
            answered => answered,
        };
        let (received, line) = answered.map_err(|trouble| match trouble {
            Trouble::NotSent(_) => Failure::Refused(unavailable(self.words(trouble))),
            Trouble::Lost(_) => Failure::Lost(self.words(trouble)),
        })?;
        self.keep(line);
        if received.status == http::StatusCode::UNAUTHORIZED {
            credential.rejected();
        }
        Ok(received)
    }

    fn prepare(&self, sending: &Sending<'_>, ready: Ready<'_>) -> Result<Request<Full<Bytes>>, Error> {
        sending.standing.check(&self.connection)?;
        let filled = sending.draft.fill(sending.book, sending.terms)?;
        self.request(&filled.method, &filled.target.text(), &filled.headers, filled.body, ready, sending.now)
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

    fn keep(&self, line: Option<Line>) {
        if let Some(line) = line {
            self.pool.give_back(line);
        }
    }

    /// A request as it is sent. `target` is below the base.
    fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
        ready: Ready<'_>,
        now: Timestamp,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let refused = || Error::new(ErrorKind::InvalidInput, "REQUEST_INVALID", "this is no HTTP request");
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| refused())?;
        let body = Bytes::from(body);
        let uri = format!("{}{target}", self.base.path);
        let mut request =
            Request::builder().method(method).uri(uri).body(Full::new(body.clone())).map_err(|_| refused())?;
        let mut put = |name: HeaderName, value: &str| -> Result<(), Error> {
            request.headers_mut().append(name, HeaderValue::from_str(value).map_err(|_| refused())?);
            Ok(())
        };
        put(http::header::HOST, &self.base.authority())?;
        put(http::header::ACCEPT_ENCODING, "identity")?;
        if headers.iter().all(|(name, _)| name != "user-agent") {
            put(http::header::USER_AGENT, USER_AGENT)?;
        }
        for (name, value) in headers {
            put(HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?, value)?;
        }
        ready.put_in(&mut request, &format!("{}{target}", self.base.url()), &body, now)?;
        Ok(request)
    }

    fn words(&self, trouble: Trouble) -> String {
        let why = match trouble {
            Trouble::NotSent(_) => "it hung up before anything was sent".to_owned(),
            Trouble::Lost(why) => why,
        };
        format!("connection `{}`: {why}", self.connection)
    }
}
