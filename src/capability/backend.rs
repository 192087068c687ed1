//! A backend ready for use: what a connection document becomes once its secrets are opened.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::contract::Error;
use crate::domain::secret::Plain;

use super::sql::{Sql, postgres, sqlite};

/// A connection with its credentials in the clear. Lives in memory only, and only in the host.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The connection's name, for messages.
    pub name: String,
    /// `postgres` or `sqlite`.
    pub kind: String,
    /// A URL; for `sqlite` an absolute directory.
    pub endpoint: String,
    pub credential: Option<Login>,
    pub read_credential: ReadLogin,
    /// Database names that may be used; `*` stands for any run of characters.
    pub databases: Vec<String>,
    /// CIDRs that may be reached besides public addresses.
    pub networks: Vec<String>,
    /// Sessions or calls at once.
    pub concurrency: u32,
    pub rate_per_second: Option<u32>,
    pub timeout_ms: u64,
    /// PEM of the authorities trusted for this connection; `None`: no TLS.
    pub tls_ca: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub password: Plain,
}

/// How reads are held to reading.
#[derive(Debug, Clone)]
pub enum ReadLogin {
    /// A credential of its own, which the backend holds to reading.
    Own(Login),
    /// The writing credential, as the connection says in so many words.
    Same,
}

/// A backend behind one connection.
#[derive(Clone)]
pub enum Backend {
    Sql(Arc<dyn Sql>),
}

impl Backend {
    /// Opens nothing yet: the first call connects.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        match settings.kind.as_str() {
            "postgres" => Ok(Self::Sql(Arc::new(postgres::Postgres::new(settings)?))),
            "sqlite" => Ok(Self::Sql(Arc::new(sqlite::Directory::new(PathBuf::from(&settings.endpoint), settings)?))),
            other => Err(Error::new(
                crate::domain::contract::ErrorKind::Unsupported,
                "CONNECTION_TYPE_UNKNOWN",
                format!("connection `{}` has type `{other}`: vend knows postgres and sqlite", settings.name),
            )),
        }
    }

    pub async fn identity(&self) -> Result<String, Error> {
        match self {
            Self::Sql(sql) => sql.identity().await,
        }
    }

    pub async fn check(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Sql(sql) => sql.check().await,
        }
    }
}
