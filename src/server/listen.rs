//! From the listener to connections that can be served: bounded in number, each through its TLS handshake in bounded time.
//!
//! A handshake runs beside all others, so that one that stalls holds up nobody. Must never know what is called.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

use super::peers::{Peer, Peers, Place};
use super::socket::Socket;
use super::tls::Tls;

/// From the first byte of a handshake to its last.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections ready to be served that wait for the server to take them.
const READY: usize = 64;

/// Between two tries while this process is short of something, such as file handles.
const PAUSE: Duration = Duration::from_millis(200);

/// That connections are refused is not told more often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

pub type Incoming = ReceiverStream<std::io::Result<Socket>>;

/// Connections of `listener`, `most` of them at once. When what is returned is dropped, the listener closes.
pub fn incoming(listener: TcpListener, tls: Option<Arc<Tls>>, most: usize) -> Incoming {
    let (ready, incoming) = mpsc::channel(READY);
    tokio::spawn(accept(listener, tls, Peers::new(most), ready));
    ReceiverStream::new(incoming)
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    peers: Peers,
    ready: mpsc::Sender<std::io::Result<Socket>>,
) {
    // Those under way end with this task.
    let mut handshakes = JoinSet::new();
    let (mut crowded, mut short) = (Seldom::default(), Seldom::default());
    loop {
        while handshakes.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if concerns_one(error.kind()) => continue,
            Err(error) => {
                if short.now() {
                    tracing::warn!(
                        "cannot take in a connection: {error}; callers wait until there is room (`ulimit -n` says how many files this process may open)"
                    );
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some((peer, place)) = peers.admit().await else {
            if crowded.now() {
                tracing::warn!("connections are refused: as many callers are connected as server.connections allows");
            }
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let handshake = open(stream, tls.clone(), peer, place, ready.clone());
        handshakes.spawn(handshake);
    }
}

/// What happened to a single connection before it was accepted.
fn concerns_one(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::BrokenPipe
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
    )
}

async fn open(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    peer: Peer,
    place: Place,
    ready: mpsc::Sender<std::io::Result<Socket>>,
) {
    let socket = match tls {
        None => Socket::plain(stream, peer, place),
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls.config()).accept(stream);
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(HANDSHAKE, handshake) => shaken,
                () = peer.sent_away() => return,
            };
            match shaken {
                Ok(Ok(stream)) => Socket::tls(stream, peer, place),
                Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => return tracing::debug!("a TLS handshake took longer than {} s", HANDSHAKE.as_secs()),
            }
        }
    };
    // Nobody takes it any more once the server stops.
    let _ = ready.send(Ok(socket)).await;
}

/// Lets the same thing be told once in a while.
#[derive(Default)]
struct Seldom {
    told: Option<Instant>,
}

impl Seldom {
    fn now(&mut self) -> bool {
        let now = Instant::now();
        if self.told.is_some_and(|told| now < told + TOLD_EVERY) {
            return false;
        }
        self.told = Some(now);
        true
    }
}
