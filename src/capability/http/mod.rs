//! HTTP as a capability: one client behind one connection.
//!
//! A request passes, in this order: path → headers → rules → (intent) → standing → rate and turn → credential → connection to a vetted
//! address → standing → secrets → credential → sent once, no redirect followed → read within bounds → captured → scrubbed. What comes
//! before the sending refuses for certain, time that runs out included; what comes after may leave a doubt.
//!
//! Must never know what a request is for.

pub mod path;
pub mod strict;
pub mod rule;
pub mod header;
pub mod draft;
pub mod capture;
mod intake;
mod door;
mod pool;
mod exchange;
mod send;
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
use tokio::time::Instant;

use crate::domain::connection::RequestRule;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::Plain;
use crate::domain::time::Timestamp;

use super::address::Networks;
use super::failure::{rejected, unavailable};
use super::rate::Rate;
use super::reach::{Network, System};
use super::settings::{ClientCredentials, ReadCredential, Requests, Settings};
use super::standing::Checked;
use super::tls;
use credential::{Credential, Ready};
use door::Door;
use draft::Terms;
use exchange::{Trouble, exchange};
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
        // Where nothing is encrypted nobody has to be trusted, and a machine may well trust nobody.
        let tls = |base: &Base| {
            let client = || tls::client(settings.tls_ca.as_deref(), settings.tls_identity.as_ref());
            base.encrypted.then(client).transpose().map(|tls| tls.map(Arc::new))
        };
        let open =
            |base: &Base| Door::new(&connection, base, networks.clone(), tls(base)?, Arc::clone(&network), timeout);
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
        let rules = Rules { reads, writes, deny };
        rules.check()?;
        Ok(Self {
            door: open(&base)?,
            pool: Pool::new(connection.clone(), settings.concurrency),
            rate: settings.rate_per_second.map(Rate::new),
            rules,
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
        let (received, _) = answered.map_err(|trouble| self.refusal(trouble))?;
        match received.status.as_u16() {
            200..=299 => Ok(()),
            401 | 403 => {
                credential.rejected(Instant::now());
                Err(rejected(&self.connection))
            }
            status => {
                Err(unavailable(format!("connection `{}`: `check` answers with status {status}", self.connection)))
            }
        }
    }

    /// The terms on which a driver that asks for `asked` may send.
    fn terms<'a>(&'a self, asked: &'a [RequestRule]) -> Terms<'a> {
        Terms { base: &self.base, rules: &self.rules, asked, credentials: self.credential_headers() }
    }

    /// The headers that credentials go into, whichever of them is used.
    fn credential_headers(&self) -> Vec<&str> {
        [&self.credential, &self.read_credential].into_iter().flatten().filter_map(Credential::header).collect()
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

    /// An error of what certainly did nothing.
    fn refusal(&self, trouble: Trouble) -> Error {
        let connection = &self.connection;
        match trouble {
            Trouble::NotSent => unavailable(format!("connection `{connection}`: it took no request")),
            Trouble::Unwelcome => {
                let message = format!("the backend does not take the certificate that connection `{connection}` shows");
                Error::new(ErrorKind::Unavailable, "TLS_REFUSED", message)
            }
            Trouble::Lost(why) => unavailable(format!("connection `{connection}`: {why}")),
        }
    }
}
