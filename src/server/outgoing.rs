//! How an answer leaves: whoever does not take it loses the connection, and what waits to be taken has a bound.
//!
//! A peer that answers pings and opens no window would otherwise hold answers, and the places of their calls, for ever.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

use super::peers::Peer;

/// How long a peer may take nothing of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of all answers that wait to be taken.
const ROOM_KIB: usize = 128 << 10;

/// Answers that are no larger are not counted: there are no more of them than calls.
const SMALL: usize = 64 << 10;

/// What the transport is given at a time: it keeps what it was given, whatever it can send.
const PIECE: usize = 32 << 10;

/// Lets answers out. All calls share its room.
pub struct Outgoing {
    room: Arc<Semaphore>,
}

impl Outgoing {
    pub fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(ROOM_KIB)) }
    }

    /// The same body in pieces; `kept` is dropped once it is through.
    pub fn let_out(&self, body: Body, peer: Option<Peer>, kept: impl Send + 'static) -> Body {
        held_to(PATIENCE, &self.room, body, peer, kept)
    }
}

fn held_to<K>(patience: Duration, room: &Arc<Semaphore>, body: Body, peer: Option<Peer>, kept: K) -> Body
where
    K: Send + 'static,
{
    if body.is_end_stream() {
        return body;
    }
    let watch = peer.map(|peer| Watch::over(peer, patience));
    let (room, rest) = (Arc::clone(room), Bytes::new());
    Body::new(Leaving { body, rest, taken: None, room, watch, ended: false, _kept: Box::new(kept) })
}

/// A body on its way out.
struct Leaving<K> {
    body: Body,
    /// What came and was not given on.
    rest: Bytes,
    /// Room for what came last, all of it.
    taken: Option<OwnedSemaphorePermit>,
    room: Arc<Semaphore>,
    watch: Option<Watch>,
    ended: bool,
    /// Boxed, so that the body can be moved.
    _kept: Box<K>,
}

/// Sends the peer away when nothing was asked for any more for too long.
struct Watch {
    asked: Arc<Mutex<Instant>>,
    task: AbortHandle,
}

impl Watch {
    fn over(peer: Peer, patience: Duration) -> Self {
        let asked = Arc::new(Mutex::new(Instant::now()));
        let last = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let due = *last.lock().unwrap_or_else(PoisonError::into_inner) + patience;
                if due <= Instant::now() {
                    break;
                }
                tokio::time::sleep_until(due).await;
            }
            tracing::info!("a connection is closed: nothing of an answer was taken for {} s", patience.as_secs());
            peer.send_away();
        });
        Self { asked, task: task.abort_handle() }
    }

    fn is_asked(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K> Leaving<K> {
    /// Keeps what came for the next pieces, if there is room for it.
    fn keep(&mut self, came: Bytes) -> Result<(), Status> {
        self.taken = None;
        if came.len() > SMALL {
            let kib = u32::try_from(came.len().div_ceil(1 << 10)).unwrap_or(u32::MAX);
            let taken = Arc::clone(&self.room).try_acquire_many_owned(kib).map_err(|_| {
                let message = "as many answers as the core keeps are waiting to be taken";
                Status::from(Refusal::new(Reason::RateLimited, message).hint("try again in a moment"))
            })?;
            self.taken = Some(taken);
        }
        self.rest = came;
        Ok(())
    }
}

impl<K: Send + 'static> HttpBody for Leaving<K> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(watch) = &self.watch {
            watch.is_asked();
        }
        if self.ended {
            return Poll::Ready(None);
        }
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            let came = match frame.into_data() {
                Ok(came) => came,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            };
            if let Err(status) = self.keep(came) {
                self.ended = true;
                let (parts, ()) = status.into_http().into_parts();
                return Poll::Ready(Some(Ok(Frame::trailers(parts.headers))));
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.rest.is_empty() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;
    use crate::server::peers::Peers;

    fn room(kib: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(kib))
    }

    fn body(bytes: usize) -> Body {
        Body::new(Full::new(Bytes::from(vec![7; bytes])).map_err(|never| match never {}))
    }

    #[tokio::test]
    async fn an_answer_leaves_whole_and_in_pieces() {
        let room = room(1 << 10);
        let mut leaving = held_to(PATIENCE, &room, body(100_000), None, ());
        let (mut came, mut pieces) = (0, 0);
        while let Some(frame) = leaving.frame().await {
            let piece = frame.expect("good").into_data().expect("data");
            assert!(piece.len() <= PIECE && room.available_permits() < 1 << 10);
            (came, pieces) = (came + piece.len(), pieces + 1);
        }
        assert_eq!((came, pieces), (100_000, 4));
        drop(leaving);
        assert_eq!(room.available_permits(), 1 << 10);
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_ends_with_a_reason() {
        let room = room(150);
        let mut first = held_to(PATIENCE, &room, body(100 << 10), None, ());
        first.frame().await.expect("a piece").expect("good");
        let mut second = held_to(PATIENCE, &room, body(100 << 10), None, ());
        let trailers = second.frame().await.expect("an end").expect("good").into_trailers().expect("trailers");
        let status = Status::from_header_map(&trailers).expect("a status");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert!(second.frame().await.is_none());
        let mut small = held_to(PATIENCE, &room, body(60 << 10), None, ());
        assert!(small.frame().await.expect("a piece").expect("good").is_data(), "small ones are not counted");
        drop(first);
        let mut third = held_to(PATIENCE, &room, body(100 << 10), None, ());
        assert!(third.frame().await.expect("a piece").expect("good").is_data());
    }

    #[tokio::test]
    async fn whoever_takes_nothing_is_sent_away() {
        let peers = Peers::new(2);
        let (slow, _place) = peers.admit().await.expect("room");
        let (quick, _other) = peers.admit().await.expect("room");
        let patience = Duration::from_millis(50);
        let mut taken = held_to(patience, &room(1 << 10), body(10), Some(quick.clone()), ());
        while taken.frame().await.is_some() {}
        drop(taken);
        let mut lying = held_to(patience, &room(1 << 10), body(100_000), Some(slow.clone()), ());
        lying.frame().await.expect("a piece").expect("good");
        tokio::time::timeout(Duration::from_secs(60), slow.sent_away()).await.expect("in the end");
        assert!(!quick.is_sent_away());
    }
}
