//! Opens connections: resolve, vet, connect to the vetted address and no other, TLS, HTTP/1.1.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::capability::address::Networks;
use crate::capability::failure::unavailable;
use crate::capability::reach::{Network, Route};
use crate::domain::contract::{Error, ErrorKind};

use super::intake::{Allowance, Intake};
use super::path::Base;

/// The longest that resolving, connecting and TLS may take together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// What the head of an answer may have.
const MOST_HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 << 10;
/// What a handshake may take, certificates included.
const HANDSHAKE_BYTES: u64 = 1 << 20;

/// A connection that takes one request at a time. Dropped, it is closed at once, whatever is under way on it: a backend that takes and
/// tells nothing more would keep it open for ever.
pub(super) struct Line {
    requests: SendRequest<Full<Bytes>>,
    work: JoinHandle<()>,
    /// The same socket: to be looked at, and neither read nor written.
    socket: std::net::TcpStream,
    allowance: Allowance,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Line {
    /// Whether nothing has come in since the last answer was read, not even the end: what comes in unasked, the next request would
    /// take for its answer, and a request that follows the end is lost. The network is asked, as whoever reads may not have got to it.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.socket.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Comes back when a request can be sent; false if none can any more.
    pub(super) async fn ready(&mut self) -> bool {
        self.requests.ready().await.is_ok()
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        self.requests.try_send_request(request).await
    }

    /// From here on so many bytes are read, and then no more.
    pub(super) fn allow(&self, bytes: u64) {
        self.allowance.set(bytes);
    }

    /// Whether more was sent than was allowed.
    pub(super) fn is_used_up(&self) -> bool {
        self.allowance.is_used_up()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }
}

pub(super) struct Door {
    route: Route,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    patience: Duration,
}

impl Door {
    /// Without `tls` nothing is encrypted. The error says what is wrong with the settings.
    pub(super) fn new(
        connection: &str,
        base: &Base,
        networks: Networks,
        tls: Option<Arc<ClientConfig>>,
        network: Arc<dyn Network>,
        patience: Duration,
    ) -> Result<Self, String> {
        let route = Route {
            connection: connection.to_owned(),
            host: base.host.clone(),
            port: base.port,
            networks,
            encrypted: tls.is_some(),
            network,
        };
        let tls = match tls {
            Some(tls) => {
                let name = ServerName::try_from(base.host.clone())
                    .map_err(|_| "the endpoint's host is no name that a certificate could have".to_owned())?;
                Some((TlsConnector::from(tls), name))
            }
            None => None,
        };
        Ok(Self { route, tls, patience: CONNECT_LIMIT.min(patience) })
    }

    pub(super) async fn open(&self) -> Result<Line, Error> {
        let connection = &self.route.connection;
        let opened = timeout(self.patience, self.connect()).await;
        opened.map_err(|_| unavailable(format!("connection `{connection}` did not answer in time")))?
    }

    async fn connect(&self) -> Result<Line, Error> {
        let stream = self.route.connect().await?;
        let connection = &self.route.connection;
        let socket = stream.as_fd().try_clone_to_owned().map(std::net::TcpStream::from);
        let socket = socket.map_err(|error| unavailable(format!("connection `{connection}`: {}", error.kind())))?;
        let allowance = Allowance::default();
        allowance.set(HANDSHAKE_BYTES);
        let stream = Intake::new(stream, allowance.clone());
        let Some((connector, name)) = &self.tls else { return self.speak(stream, socket, allowance).await };
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
        self.speak(stream, socket, allowance).await
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        socket: std::net::TcpStream,
        allowance: Allowance,
    ) -> Result<Line, Error> {
        let connection = &self.route.connection;
        let shaken = http1::Builder::new()
            .max_headers(MOST_HEADERS)
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await;
        let (requests, work) = shaken.map_err(|_| unavailable(format!("connection `{connection}` broke at once")))?;
        // Ends with the line, or when the backend hangs up.
        let work = tokio::spawn(async move {
            if let Err(error) = work.await {
                tracing::debug!(%error, "a connection to a backend broke");
            }
        });
        Ok(Line { requests, work, socket, allowance })
    }
}
