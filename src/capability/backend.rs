//! A backend ready for use: what the settings of a connection become.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::contract::Error;
use crate::domain::time::Timestamp;

use super::http::Http;
use super::settings::Settings;
use super::sql::{Sql, postgres, sqlite};
use super::standing::Checked;

/// A backend behind one connection.
#[derive(Clone)]
pub enum Backend {
    Sql(Arc<dyn Sql>),
    Http(Arc<Http>),
}

impl Backend {
    /// Opens nothing yet: the first call connects.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        match settings.kind.as_str() {
            "postgres" => Ok(Self::Sql(Arc::new(postgres::Postgres::new(settings)?))),
            "sqlite" => Ok(Self::Sql(Arc::new(sqlite::Directory::new(PathBuf::from(&settings.endpoint), settings)?))),
            "http" => Ok(Self::Http(Arc::new(Http::new(settings)?))),
            other => Err(Error::new(
                crate::domain::contract::ErrorKind::Unsupported,
                "CONNECTION_TYPE_UNKNOWN",
                format!("connection `{}` has type `{other}`: vend knows postgres, sqlite and http", settings.name),
            )),
        }
    }

    pub async fn identity(&self) -> Result<String, Error> {
        match self {
            Self::Sql(sql) => sql.identity().await,
            Self::Http(http) => Ok(http.identity()),
        }
    }

    /// Reaches the backend, as both credentials.
    pub async fn check(&self, now: Timestamp) -> Result<Checked, Error> {
        match self {
            Self::Sql(sql) => Ok(Checked { warnings: sql.check().await?, credentials_tried: true }),
            Self::Http(http) => http.check(now).await,
        }
    }
}
