//! Opens sessions: resolve, vet, connect to the vetted address and no other, log in.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::capability::address::Networks;
use crate::capability::backend::{Login, ReadLogin, Settings};
use crate::capability::convert::cause;
use crate::domain::contract::{Error, ErrorKind};

use super::endpoint::Endpoint;
use super::error::{of_login, unavailable};
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
    networks: Networks,
    tls: Option<MakeRustlsConnect>,
    credential: Option<Login>,
    read_credential: ReadLogin,
    timeout_ms: u64,
}

impl Door {
    /// The error says what is wrong with the settings.
    pub(super) fn new(settings: Settings) -> Result<Self, String> {
        if settings.credential.is_none() && matches!(settings.read_credential, ReadLogin::Same) {
            return Err("there is no credential".to_owned());
        }
        Ok(Self {
            endpoint: Endpoint::parse(&settings.endpoint).map_err(str::to_owned)?,
            networks: Networks::parse(&settings.networks).map_err(|error| error.to_string())?,
            tls: settings.tls_ca.as_deref().map(tls::connector).transpose()?,
            connection: settings.name,
            credential: settings.credential,
            read_credential: settings.read_credential,
            timeout_ms: settings.timeout_ms,
        })
    }

    /// Whether reads are held to reading by a role of their own.
    pub(super) fn reads_apart(&self) -> bool {
        matches!(self.read_credential, ReadLogin::Own(_))
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
            (Purpose::Observe, ReadLogin::Own(login)) => login,
            _ => self.credential.as_ref().ok_or_else(|| self.read_only())?,
        };
        let allowance = Allowance::default();
        allowance.renew(SMALL_ANSWER);
        let stream = Metered { stream: self.connect().await?, allowance: allowance.clone() };
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

    /// A stream to an address that the connection may reach. Addresses go to the log and not into the error.
    async fn connect(&self) -> Result<TcpStream, Error> {
        let addresses = self.resolve().await?;
        let mut forbidden = None;
        let mut failure = None;
        for address in addresses {
            match self.may_reach(address.ip()) {
                Err(error) => forbidden = Some(error),
                Ok(()) => match TcpStream::connect(address).await {
                    Ok(stream) => {
                        // Statements are small and waited for one by one; failing to say so only costs time.
                        let _ = stream.set_nodelay(true);
                        return Ok(stream);
                    }
                    Err(error) => failure = Some(error),
                },
            }
        }
        match (failure, forbidden) {
            (Some(error), _) => {
                Err(unavailable(format!("cannot reach connection `{}`: {}", self.connection, cause(&error))))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(unavailable(format!("the host of connection `{}` has no address", self.connection))),
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        let Endpoint { host, port, .. } = &self.endpoint;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(|error| {
            tracing::warn!(connection = self.connection, %error, "cannot resolve a host");
            unavailable(format!("cannot resolve the host of connection `{}`", self.connection))
        })?;
        Ok(found.collect())
    }

    fn may_reach(&self, address: IpAddr) -> Result<(), Error> {
        let connection = &self.connection;
        if let Err(forbidden) = self.networks.vet(address) {
            tracing::warn!(connection, %forbidden, "refused to reach an address");
            return Err(Error::new(
                ErrorKind::Denied,
                "ADDRESS_FORBIDDEN",
                format!("the host of connection `{connection}` is {}: name its range in `networks`", forbidden.what),
            ));
        }
        if self.tls.is_none() && !address.to_canonical().is_loopback() {
            return Err(Error::new(
                ErrorKind::Denied,
                "TLS_REQUIRED",
                format!("connection `{connection}` leaves this machine without TLS: set `tls-ca`"),
            ));
        }
        Ok(())
    }
}
