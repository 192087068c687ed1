//! One connection, with or without TLS, which is cut off when it does not get going, when nothing of what is written to it
//! is taken, or when it is sent away.
//!
//! Once HTTP/2 is spoken its own pings find out who does not answer; what comes before, and a peer that does not read, they
//! do not see.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::peers::{Peer, Place};

/// The connection preface (RFC 9113, 3.4) and the head of the settings that follow it.
const OPENING_BYTES: usize = 24 + 9;

/// How long it may take until they are here.
const OPENING: Duration = Duration::from_secs(10);

/// How long a peer may take nothing of what is written to it.
const STALL: Duration = Duration::from_secs(30);

pub struct Socket {
    stream: Stream,
    peer: Peer,
    /// Bytes of the opening that have not come, and when they must have.
    opening: Option<(usize, Pin<Box<Sleep>>)>,
    /// When it has taken nothing for too long; set while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    sent_away: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Last, so that the place is free only once the connection is closed.
    _place: Place,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    pub fn plain(stream: TcpStream, peer: Peer, place: Place) -> Self {
        Self::new(Stream::Plain(stream), peer, place)
    }

    pub fn tls(stream: TlsStream<TcpStream>, peer: Peer, place: Place) -> Self {
        Self::new(Stream::Tls(Box::new(stream)), peer, place)
    }

    fn new(stream: Stream, peer: Peer, place: Place) -> Self {
        let sent_away = Box::pin(peer.sent_away());
        let opening = Some((OPENING_BYTES, Box::pin(tokio::time::sleep(OPENING))));
        Self { stream, peer, opening, stalled: None, sent_away, _place: place }
    }

    fn may_stay(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.sent_away.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(ErrorKind::ConnectionAborted, "sent away")),
            Poll::Pending => Ok(()),
        }
    }

    /// One attempt to write, with the time that a peer may take nothing.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.may_stay(cx)?;
        if let Poll::Ready(done) = attempt(Pin::new(&mut self.stream), cx) {
            self.stalled = None;
            return Poll::Ready(done);
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the peer does not read"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Connected for Socket {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.may_stay(cx)?;
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let came = buf.filled().len() - before;
        if let Some((missing, time)) = &mut self.opening {
            *missing = missing.saturating_sub(came);
            if *missing == 0 {
                self.opening = None;
            } else if time.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the peer does not speak HTTP/2")));
            }
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
