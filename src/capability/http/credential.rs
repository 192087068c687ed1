//! The connection's credential on its way into a request: the last thing that happens to it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use tokio::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::capability::settings::{self, Login};
use crate::domain::contract::Error;
use crate::domain::secret::Plain;
use crate::domain::time::Timestamp;

use super::sign;
use super::token::Tokens;

pub(super) enum Credential {
    None,
    Header { name: HeaderName, value: HeaderValue, secrets: Vec<Plain> },
    Tokens(Box<Tokens>),
    Signature(settings::Signature),
}

/// A credential ready to be put in. Fetching what it needs may have taken a call of its own.
pub(super) enum Ready<'a> {
    None,
    Header(HeaderName, HeaderValue),
    Signature(&'a settings::Signature),
}

impl Credential {
    /// `tokens` makes what fetches tokens. The error says what is wrong, and repeats no secret.
    pub(super) fn new(
        credential: Option<settings::Credential>,
        tokens: impl FnOnce(settings::ClientCredentials) -> Result<Tokens, String>,
    ) -> Result<Self, String> {
        match credential {
            None => Ok(Self::None),
            Some(settings::Credential::Login(Login { username, password })) => {
                let pair = Plain::new(STANDARD.encode(format!("{username}:{}", password.reveal())));
                let value = secret_value(&format!("Basic {}", pair.reveal()))?;
                Ok(Self::Header { name: http::header::AUTHORIZATION, value, secrets: vec![password, pair] })
            }
            Some(settings::Credential::Bearer(token)) => {
                let value = secret_value(&format!("Bearer {}", token.reveal()))?;
                Ok(Self::Header { name: http::header::AUTHORIZATION, value, secrets: vec![token] })
            }
            Some(settings::Credential::Header { name, value, secret }) => {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header"))?;
                Ok(Self::Header { name, value: secret_value(value.reveal())?, secrets: vec![secret] })
            }
            Some(settings::Credential::ClientCredentials(client)) => Ok(Self::Tokens(Box::new(tokens(client)?))),
            Some(settings::Credential::Signature(signature)) => Ok(Self::Signature(signature)),
        }
    }

    /// The header that it goes into.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Header { name, .. } => Some(name.as_str()),
            Self::Tokens(_) | Self::Signature(_) => Some("authorization"),
        }
    }

    /// What must never come back from a backend.
    pub(super) fn secrets(&self) -> Vec<Plain> {
        match self {
            Self::None => Vec::new(),
            Self::Header { secrets, .. } => secrets.clone(),
            Self::Tokens(tokens) => tokens.secrets(),
            Self::Signature(signature) => [Some(&signature.secret_access_key), signature.session_token.as_ref()]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        }
    }

    pub(super) async fn ready(&self) -> Result<Ready<'_>, Error> {
        Ok(match self {
            Self::None => Ready::None,
            Self::Header { name, value, .. } => Ready::Header(name.clone(), value.clone()),
            Self::Tokens(tokens) => Ready::Header(http::header::AUTHORIZATION, tokens.header().await?),
            Self::Signature(signature) => Ready::Signature(signature),
        })
    }

    /// The backend did not take what was sent at that time: what was fetched before is fetched anew next time.
    pub(super) fn rejected(&self, sent_at: Instant) {
        if let Self::Tokens(tokens) = self {
            tokens.forget(sent_at);
        }
    }
}

impl Ready<'_> {
    /// `url` and `body` as they are sent: digests and signatures are over these.
    pub(super) fn put_in(
        self,
        request: &mut Request<Full<Bytes>>,
        url: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        match self {
            Self::None => Ok(()),
            Self::Header(name, value) => {
                request.headers_mut().insert(name, value);
                Ok(())
            }
            Self::Signature(signature) => sign::sign(signature, request, url, body, now),
        }
    }
}

fn secret_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        "the credential's secret holds characters that no header takes: is there a line break at its end?".to_owned()
    })?;
    value.set_sensitive(true);
    Ok(value)
}
