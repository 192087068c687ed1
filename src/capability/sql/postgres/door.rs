//! Opens sessions: resolve, vet, connect to the vetted address and no other, log in.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::capability::address::Networks;
use crate::capability::failure::unavailable;
use crate::capability::reach::{Route, System};
use crate::capability::settings::{Credential, Login, ReadCredential, Settings};
use crate::domain::contract::{Error, ErrorKind};

use super::endpoint::Endpoint;
use super::error::of_login;
use super::meter::{Allowance, Metered};
use super::session::Session;
use super::{role, tls};

/// The longest that resolving, connecting and logging in may take together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// What the server may send during a login, and in answer to the host's own statements.
pub(super) const SMALL_ANSWER: usize = 1 << 20;

/// What a session is for; sessions of different purposes never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Observe,
    Apply,
}

pub(super) struct Door {
    /// The connection's name, for messages.
    pub(super) connection: String,
    pub(super) endpoint: Endpoint,
    route: Route,
    tls: Option<MakeRustlsConnect>,
    credential: Option<Login>,
    /// Of its own, or the one above.
    read_credential: Option<Login>,
    timeout_ms: u64,
}

impl Door {
    /// The error says what is wrong with the settings.
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        let credential = settings.credential.map(login).transpose()?;
        let read_credential = match settings.read_credential {
            ReadCredential::Own(credential) => Some(login(credential)?),
            ReadCredential::Same => None,
        };
        if credential.is_none() && read_credential.is_none() {
            return Err("there is no credential".to_owned());
        }
        let endpoint = Endpoint::parse(&settings.endpoint).map_err(str::to_owned)?;
        let tls = settings.tls_ca.as_deref().map(tls::connector).transpose()?;
        let route = Route {
            connection: settings.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            networks: Networks::parse(&settings.networks).map_err(|error| error.to_string())?,
            encrypted: tls.is_some(),
            network: Arc::new(System),
        };
        let (connection, timeout_ms) = (settings.name, settings.timeout_ms);
        Ok(Self { connection, endpoint, route, tls, credential, read_credential, timeout_ms })
    }

    /// Whether reads are held to reading by a role of their own.
    pub(super) fn reads_apart(&self) -> bool {
        self.read_credential.is_some()
    }

    pub(super) fn can_write(&self) -> bool {
        self.credential.is_some()
    }

    pub(super) async fn open(&self, purpose: Purpose, database: &str) -> Result<Session, Error> {
        let limit = CONNECT_LIMIT.min(Duration::from_millis(self.timeout_ms));
        let opened = timeout(limit, self.log_in(purpose, database)).await;
        opened.map_err(|_| unavailable(format!("connection `{}` did not answer in time", self.connection)))?
    }

    async fn log_in(&self, purpose: Purpose, database: &str) -> Result<Session, Error> {
        let login = match (purpose, &self.read_credential) {
            (Purpose::Observe, Some(login)) => login,
            _ => self.credential.as_ref().ok_or_else(|| self.read_only())?,
        };
        let allowance = Allowance::default();
        allowance.renew(SMALL_ANSWER);
        let stream = Metered { stream: self.route.connect().await?, allowance: allowance.clone() };
        let mut config = self.config(login, purpose, database);
        let refused = |error| of_login(&error, &self.connection);
        let session = match self.tls.clone() {
            Some(mut connector) => {
                config.ssl_mode(SslMode::Require);
                let Ok(tls) =
                    MakeTlsConnect::<Metered<TcpStream>>::make_tls_connect(&mut connector, &self.endpoint.host);
                let (client, connection) = config.connect_raw(stream, tls).await.map_err(refused)?;
                Session::new(client, connection, allowance)
            }
            None => {
                config.ssl_mode(SslMode::Disable);
                let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(refused)?;
                Session::new(client, connection, allowance)
            }
        };
        if purpose == Purpose::Observe && self.reads_apart() {
            role::qualify(&session, &self.connection).await?;
        }
        Ok(session)
    }

    pub(super) fn read_only(&self) -> Error {
        Error::new(
            ErrorKind::Denied,
            "CREDENTIAL_MISSING",
            format!("connection `{}` has no writing credential", self.connection),
        )
    }

    fn config(&self, login: &Login, purpose: Purpose, database: &str) -> Config {
        // As start-up options these are what a session is reset to. The server gives up before the host does.
        let part = |tenths: u64| (self.timeout_ms.saturating_mul(tenths) / 10).clamp(1, i32::MAX as u64);
        let mut options = format!(
            "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} \
             -c standard_conforming_strings=on -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres",
            part(8),
            part(5),
            part(9),
        );
        if purpose == Purpose::Observe {
            options.push_str(" -c default_transaction_read_only=on");
        }
        let mut config = Config::new();
        config
            .user(&login.username)
            .password(login.password.reveal())
            .dbname(database)
            .application_name("vend")
            .options(options);
        config
    }
}

fn login(credential: Credential) -> Result<Login, String> {
    match credential {
        Credential::Login(login) => Ok(login),
        _ => Err("to a postgres server one signs in with username and password".to_owned()),
    }
}
