//! A stream of which only so much is read: whatever a backend makes of its framing, an answer has an end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that may still be read. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(super) struct Allowance(Arc<AtomicU64>);

impl Allowance {
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn take(&self, bytes: u64) {
        let left = |left: u64| Some(left.saturating_sub(bytes));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

pub(super) struct Intake<S> {
    stream: S,
    allowance: Allowance,
}

impl<S> Intake<S> {
    pub(super) fn new(stream: S, allowance: Allowance) -> Self {
        Self { stream, allowance }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Intake<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.allowance.is_used_up() {
            return Poll::Ready(Err(io::Error::other("more came in than an answer may have")));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = (buffer.filled().len() - before) as u64;
        self.allowance.take(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Intake<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_allowed() {
        let (near, mut far) = tokio::io::duplex(64);
        let allowance = Allowance::default();
        let mut intake = Intake::new(near, allowance.clone());
        let mut buffer = [0; 4];
        far.write_all(b"1234567890").await.expect("written");
        assert!(intake.read(&mut buffer).await.is_err(), "nothing was allowed");
        allowance.set(8);
        assert_eq!((intake.read(&mut buffer).await.expect("read"), allowance.is_used_up()), (4, false));
        assert_eq!((intake.read(&mut buffer).await.expect("read"), allowance.is_used_up()), (4, true));
        assert!(intake.read(&mut buffer).await.is_err(), "there is more, and it is not read");
        allowance.set(8);
        assert_eq!(intake.read(&mut buffer).await.expect("read"), 2);
        intake.write_all(b"answer").await.expect("written");
        let mut answer = [0; 6];
        far.read_exact(&mut answer).await.expect("read");
        assert_eq!(&answer, b"answer");
    }
}
