//! Who is calling: a bearer token becomes a principal.
//!
//! Must never know what is asked. A token is kept only as its hash, so that whoever reads the store cannot call.

mod admin;
mod cache;
pub mod token;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::domain::principal::Principal;
use crate::domain::time::{Clock, Timestamp};
use crate::store::{self, Store, Token};

use cache::Cache;

pub use admin::ensure_admin;

/// Why a caller is not known. The texts are for the caller: they never tell whether a token was ever real.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this call needs a token")]
    Missing,
    #[error("the credential is not a bearer token")]
    Malformed,
    #[error("the token is not known, was revoked, or has expired")]
    Invalid,
    #[error("cannot look the token up")]
    Store(#[from] store::Error),
    #[error("cannot {action} `{path}`")]
    File { action: &'static str, path: String, source: std::io::Error },
    #[error("`{path}` holds no token: move it away, and a new one is made at the next start")]
    NotAToken { path: String },
    #[error("`{path}` can be read by others (mode {mode:o}): make it 0600")]
    Exposed { path: String, mode: u32 },
}

/// Turns credentials into principals. Cheap to clone; all clones share one cache.
#[derive(Clone)]
pub struct Identity {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    cache: Arc<Cache>,
}

impl Identity {
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, cache: Arc::new(Cache::default()) }
    }

    /// The caller behind the text of an `authorization` header.
    ///
    /// The token is looked up by its SHA-256, so that how long it takes tells nothing about a token that exists. What the
    /// store says is believed for [`cache::KEPT_MS`]; an expiry holds at once.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, Error> {
        let text = bearer(authorization.ok_or(Error::Missing)?).ok_or(Error::Malformed)?;
        if !token::is_well_formed(text) {
            return Err(Error::Invalid);
        }
        let now = self.clock.now();
        let token = self.look_up(token::hash(text), now).await?.ok_or(Error::Invalid)?;
        if token.revoked || token.expire_time.is_some_and(|end| end <= now) {
            return Err(Error::Invalid);
        }
        Ok(Principal { name: token.principal, roles: token.roles })
    }

    async fn look_up(&self, hash: String, now: Timestamp) -> Result<Option<Token>, Error> {
        if let Some(token) = self.cache.get(&hash, now) {
            return Ok(Some(token));
        }
        let found = self.store.token(&hash).await?;
        if let Some(token) = &found {
            self.cache.put(token.clone(), now);
        }
        Ok(found)
    }
}

/// The credential of `Bearer …` (RFC 6750; the scheme's case does not matter).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, credential) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}
