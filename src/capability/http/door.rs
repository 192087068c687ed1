//! Opens connections: resolve, vet, connect to the vetted address and no other, TLS, HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::capability::address::Networks;
use crate::capability::failure::unavailable;
use crate::capability::reach::{Network, Route};
use crate::domain::contract::{Error, ErrorKind};

use super::path::Base;

/// The longest that resolving, connecting and TLS may take together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// What the head of an answer may have.
const MOST_HEADERS: usize = 100;
const HEAD_BYTES: usize = 128 << 10;

/// A connection that takes one request at a time.
pub(super) type Line = SendRequest<Full<Bytes>>;

pub(super) struct Door {
    route: Route,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    patience: Duration,
}

impl Door {
    /// `tls`: used if the base is encrypted. The error says what is wrong with the settings.
    pub(super) fn new(
        connection: &str,
        base: &Base,
        networks: Networks,
        tls: Arc<ClientConfig>,
        network: Arc<dyn Network>,
        patience: Duration,
    ) -> Result<Self, String> {
        let name = ServerName::try_from(base.host.clone()).map_err(|_| "the endpoint's host is no name".to_owned())?;
        let route = Route {
            connection: connection.to_owned(),
            host: base.host.clone(),
            port: base.port,
            networks,
            encrypted: base.encrypted,
            network,
        };
        let tls = base.encrypted.then(|| (TlsConnector::from(tls), name));
        Ok(Self { route, tls, patience: CONNECT_LIMIT.min(patience) })
    }

    pub(super) async fn open(&self) -> Result<Line, Error> {
        let connection = &self.route.connection;
        let opened = timeout(self.patience, self.connect()).await;
        opened.map_err(|_| unavailable(format!("connection `{connection}` did not answer in time")))?
    }

    async fn connect(&self) -> Result<Line, Error> {
        let stream = self.route.connect().await?;
        let Some((connector, name)) = &self.tls else { return self.speak(stream).await };
        let connection = &self.route.connection;
        let stream = connector.connect(name.clone(), stream).await.map_err(|error| {
            tracing::warn!(connection, %error, "TLS with a backend failed");
            // Such an error may name hosts and certificates: what is told is its kind.
            match error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
                true => {
                    let message =
                        format!("connection `{connection}`: no TLS that both sides accept; is `tls.ca` right?");
                    Error::new(ErrorKind::Unavailable, "TLS_REFUSED", message)
                }
                false => unavailable(format!("connection `{connection}` broke during TLS: {}", error.kind())),
            }
        })?;
        self.speak(stream).await
    }

    async fn speak(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Line, Error> {
        let connection = &self.route.connection;
        let shaken = http1::Builder::new()
            .max_headers(MOST_HEADERS)
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await;
        let (line, work) = shaken.map_err(|_| unavailable(format!("connection `{connection}` broke at once")))?;
        // Ends when the line is dropped, or the backend hangs up.
        tokio::spawn(async move {
            if let Err(error) = work.await {
                tracing::debug!(%error, "a connection to a backend broke");
            }
        });
        Ok(line)
    }
}
