//! A connection once its secrets are opened: where its backend is, whom to be there, and what may be asked of it.

use crate::domain::connection::RequestRule;
use crate::domain::secret::Plain;

use super::tls::Identity;

/// A connection with its credentials in the clear. Lives in memory only, and only in the host.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The connection's name, for messages.
    pub name: String,
    /// `postgres`, `sqlite` or `http`.
    pub kind: String,
    /// A URL; for `sqlite` an absolute directory.
    pub endpoint: String,
    pub credential: Option<Credential>,
    pub read_credential: ReadCredential,
    /// Database names that may be used; `*` stands for any run of characters.
    pub databases: Vec<String>,
    /// CIDRs that may be reached besides public addresses.
    pub networks: Vec<String>,
    pub requests: Requests,
    /// Sessions or calls at once.
    pub concurrency: u32,
    pub rate_per_second: Option<u32>,
    pub timeout_ms: u64,
    /// PEM of the authorities trusted for this connection; `None`: no TLS, for `http` those of the system.
    pub tls_ca: Option<String>,
    pub tls_identity: Option<Identity>,
}

/// Which HTTP requests may be sent.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    pub reads: Vec<RequestRule>,
    pub writes: Vec<RequestRule>,
    pub deny: Vec<RequestRule>,
    /// What a check asks for.
    pub check: Option<String>,
}

/// Whom to be.
#[derive(Debug, Clone)]
pub enum Credential {
    Login(Login),
    Bearer(Plain),
    /// The secret is in the value, and beside it.
    Header {
        name: String,
        value: Plain,
        secret: Plain,
    },
    ClientCredentials(ClientCredentials),
    Signature(Signature),
}

#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub password: Plain,
}

#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// A URL.
    pub token_endpoint: String,
    pub client_id: String,
    pub client_secret: Plain,
    pub scope: Option<String>,
    pub audience: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Signature {
    pub region: String,
    pub service: String,
    pub access_key_id: String,
    pub secret_access_key: Plain,
    pub session_token: Option<Plain>,
}

/// How reads are held to reading.
#[derive(Debug, Clone, Default)]
pub enum ReadCredential {
    /// A credential of its own, which the backend holds to reading.
    Own(Credential),
    /// The writing credential, as the connection says in so many words.
    #[default]
    Same,
}
