//! Tokens fetched with a client's own id and secret (RFC 6749, section 4.4), kept until shortly before they expire.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde::Deserialize;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::capability::encode;
use crate::capability::failure::{rejected, unavailable};
use crate::capability::settings::ClientCredentials;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::Plain;

use super::door::Door;
use super::exchange::{Trouble, exchange};
use super::path::Base;

const ANSWER_BYTES: u64 = 64 << 10;
/// It goes into a header of each request.
const LONGEST_TOKEN: usize = 16 << 10;
/// Of a token whose answer does not say how long it lives.
const USUAL_LIFE: Duration = Duration::from_secs(300);
/// The last tokens, of which answers are scrubbed: calls with the one before may still be under way.
const KEPT: usize = 3;

pub(super) struct Tokens {
    connection: String,
    client: ClientCredentials,
    base: Base,
    door: Door,
    timeout: Duration,
    /// Held while one is fetched: everybody else waits for that one.
    fetching: AsyncMutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    current: Option<Token>,
    seen: Vec<Plain>,
}

struct Token {
    value: HeaderValue,
    since: Instant,
    /// From then on another one is fetched.
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens {
    pub(super) fn new(
        connection: String,
        client: ClientCredentials,
        base: Base,
        door: Door,
        timeout: Duration,
    ) -> Self {
        Self { connection, client, base, door, timeout, fetching: AsyncMutex::new(()), known: Mutex::default() }
    }

    pub(super) async fn header(&self) -> Result<HeaderValue, Error> {
        if let Some(value) = self.current() {
            return Ok(value);
        }
        let _fetching = self.fetching.lock().await;
        if let Some(value) = self.current() {
            return Ok(value);
        }
        let granted = self.fetch().await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", granted.access_token))
            .map_err(|_| self.unusable("its token fits into no header"))?;
        value.set_sensitive(true);
        let life = granted.expires_in.map_or(USUAL_LIFE, Duration::from_secs);
        // A year is as good as for ever, and no overflow.
        let life = life.min(Duration::from_secs(365 * 86_400));
        let since = Instant::now();
        let mut known = self.lock();
        if known.seen.len() == KEPT {
            known.seen.remove(0);
        }
        known.seen.push(Plain::new(granted.access_token));
        known.current = Some(Token { value: value.clone(), since, until: since + life - life / 10 });
        Ok(value)
    }

    /// Not a token that was fetched since `sent_at`: it is another one than was sent then.
    pub(super) fn forget(&self, sent_at: Instant) {
        self.lock().current.take_if(|token| token.since <= sent_at);
    }

    pub(super) fn secrets(&self) -> Vec<Plain> {
        let client = &self.client;
        let pair = format!("{}:{}", encode::percent(&client.client_id), encode::percent(client.client_secret.reveal()));
        let own = [client.client_secret.clone(), Plain::new(STANDARD.encode(pair))];
        self.lock().seen.iter().cloned().chain(own).collect()
    }

    fn current(&self) -> Option<HeaderValue> {
        let known = self.lock();
        known.current.as_ref().filter(|token| Instant::now() < token.until).map(|token| token.value.clone())
    }

    async fn fetch(&self) -> Result<Granted, Error> {
        let client = &self.client;
        let mut form = "grant_type=client_credentials".to_owned();
        for (name, value) in [("scope", &client.scope), ("audience", &client.audience)] {
            if let Some(value) = value {
                form.push_str(&format!("&{name}={}", encode::percent(value)));
            }
        }
        // RFC 6749, section 2.3.1: both are encoded as in a form before they go into Basic.
        let pair = format!("{}:{}", encode::percent(&client.client_id), encode::percent(client.client_secret.reveal()));
        let mut basic = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).expect("base 64 is ASCII");
        basic.set_sensitive(true);
        // A base has no slash at its end; of a token endpoint it may be a part.
        let is_open = self.base.path.is_empty() || client.token_endpoint.ends_with('/');
        let path = format!("{}{}", self.base.path, if is_open { "/" } else { "" });
        let request = Request::post(path)
            .header(http::header::HOST, self.base.authority())
            .header(http::header::AUTHORIZATION, basic)
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::USER_AGENT, super::USER_AGENT)
            .body(Full::new(Bytes::from(form)))
            .map_err(|_| self.unusable("its URL cannot be asked"))?;
        let line = self.door.open().await?;
        let (received, _) =
            exchange(line, request, Instant::now() + self.timeout, ANSWER_BYTES).await.map_err(|trouble| {
                let why = match trouble {
                    Trouble::NotSent => "it took no request".to_owned(),
                    Trouble::Unwelcome => "it does not take our certificate".to_owned(),
                    Trouble::Lost(why) => why,
                };
                unavailable(format!("connection `{}`: no token: {why}", self.connection))
            })?;
        let status = received.status.as_u16();
        match status {
            200..=299 => {}
            // RFC 6749, section 5.2: a client that is not accepted is told with 400 or 401.
            400 | 401 | 403 => return Err(rejected(&self.connection)),
            _ => return Err(unavailable(format!("connection `{}`: no token: status {status}", self.connection))),
        }
        let body = received.body.map_err(|cut| self.unusable(cut.words()))?;
        let granted: Granted =
            serde_json::from_slice(&body).map_err(|_| self.unusable("it is not the JSON of RFC 6749"))?;
        if granted.access_token.len() > LONGEST_TOKEN || !granted.access_token.is_ascii() {
            return Err(self.unusable("its token fits into no header"));
        }
        if granted.access_token.is_empty() || !granted.token_type.eq_ignore_ascii_case("bearer") {
            return Err(self.unusable("it grants no bearer token"));
        }
        Ok(granted)
    }

    fn unusable(&self, why: &str) -> Error {
        let message =
            format!("the answer of the token endpoint of connection `{}` is of no use: {why}", self.connection);
        Error::new(ErrorKind::Unavailable, "TOKEN_ANSWER_INVALID", message)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
