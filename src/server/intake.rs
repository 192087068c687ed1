//! How a message comes in: no larger than its call takes, not too slowly, and no more of all messages together than there
//! is room for.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

use super::MESSAGE_BYTES;
use super::pace::{self, Pace};
use super::status;

/// Of all messages that are being received or worked on: three of the largest. What is made of one takes up to ten times as
/// much.
const ROOM_KIB: usize = 50 << 10;

/// Of all drivers: two of the largest.
const DRIVERS_KIB: usize = 160 << 10;

/// Of calls that bring no document and no driver.
const SMALL: usize = 256 << 10;

/// Of a driver; its component is bounded by the handler, which says so in better words.
const DRIVER: usize = 80 << 20;

/// Takes messages in. All calls share its room; drivers have their own.
pub struct Intake {
    room: Arc<Semaphore>,
    drivers: Arc<Semaphore>,
}

/// What one call takes of the room, given back when it is dropped.
#[derive(Default)]
pub struct Held {
    taken: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Intake {
    pub fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(ROOM_KIB)), drivers: Arc::new(Semaphore::new(DRIVERS_KIB)) }
    }

    /// The same body, which ends in an error when it is too much or too slow; and what holds its room.
    pub fn take_in(&self, path: &str, body: Body) -> (Body, Arc<Held>) {
        let room = if is_driver(path) { &self.drivers } else { &self.room };
        held_to(pace::USUAL, most(path), room, body)
    }
}

fn held_to(pace: Pace, most: usize, room: &Arc<Semaphore>, body: Body) -> (Body, Arc<Held>) {
    let held = Arc::new(Held::default());
    if body.is_end_stream() {
        return (body, held);
    }
    let coming = Coming {
        body,
        pace,
        most,
        begun: Instant::now(),
        came: 0,
        late: Box::pin(tokio::time::sleep(pace.time_of(0))),
        room: Arc::clone(room),
        held: Arc::clone(&held),
    };
    (Body::new(coming), held)
}

fn is_driver(path: &str) -> bool {
    path == "/vend.v1.DriverService/InstallDriver"
}

/// Bytes that the messages of a call may have.
fn most(path: &str) -> usize {
    match path.rsplit('/').next() {
        _ if is_driver(path) => DRIVER,
        Some("ApplyDocuments" | "PlanOrder" | "ApplyOrder") => MESSAGE_BYTES + SMALL,
        _ => SMALL,
    }
}

impl Held {
    /// Takes so much of `room` that there is enough for `bytes` in all.
    fn grow_to(&self, bytes: usize, room: &Arc<Semaphore>) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let has = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.div_ceil(1 << 10).saturating_sub(has);
        if more == 0 {
            return true;
        }
        let Ok(more) = u32::try_from(more) else { return false };
        let Ok(permit) = Arc::clone(room).try_acquire_many_owned(more) else { return false };
        match &mut *taken {
            Some(taken) => taken.merge(permit),
            none => *none = Some(permit),
        }
        true
    }
}

/// A body on its way.
struct Coming {
    body: Body,
    pace: Pace,
    most: usize,
    begun: Instant,
    came: usize,
    late: Pin<Box<Sleep>>,
    room: Arc<Semaphore>,
    held: Arc<Held>,
}

impl Coming {
    fn counts(&mut self, frame: &Frame<Bytes>) -> Result<(), Status> {
        self.came = self.came.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if self.came > self.most {
            return Err(status::invalid(format!("the message is too large: this call takes {} bytes", self.most)));
        }
        if !self.held.grow_to(self.came, &self.room) {
            let refusal = Refusal::new(Reason::RateLimited, "the core is receiving as much at once as it takes");
            return Err(refusal.hint("try again in a moment").into());
        }
        let late = self.begun + self.pace.time_of(self.came as u64);
        self.late.as_mut().reset(late);
        Ok(())
    }
}

impl HttpBody for Coming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match polled {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.counts(&frame).map(|()| frame))),
            Poll::Pending if self.late.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Some(Err(self.pace.too_slow(self.came as u64))))
            }
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use tonic::Code;

    use super::*;

    const PATIENT: Pace = Pace { grace: Duration::from_secs(60), bytes_per_second: 1 };

    fn room(kib: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(kib))
    }

    /// `bytes` every 5 ms, `times` times; then nothing more, but no end.
    fn dripping(bytes: usize, times: usize) -> Body {
        let stream = futures::stream::unfold(times, move |left| async move {
            if left == 0 {
                return std::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, Status>(Frame::data(Bytes::from(vec![0; bytes]))), left - 1))
        });
        Body::new(http_body_util::StreamBody::new(stream))
    }

    /// How many frames came until it ended, and how.
    async fn end(mut body: Body) -> (usize, Status) {
        let mut came = 0;
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(60), body.frame()).await.expect("it ends");
            match frame.expect("no end of its own") {
                Ok(_) => came += 1,
                Err(status) => return (came, status),
            }
        }
    }

    #[tokio::test]
    async fn what_comes_too_slowly_ends() {
        let hasty = Pace { grace: Duration::from_millis(100), bytes_per_second: 1_000_000 };
        for times in [0, 1, 100_000] {
            let (body, _held) = held_to(hasty, 1 << 20, &room(1 << 10), dripping(1, times));
            let (came, status) = end(body).await;
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert!(came <= times && came < 100_000, "{came}");
            assert!(status.message().contains(&format!("{came} bytes so far")), "{status:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_steadily_goes_on() {
        // Each byte buys a second.
        let (mut body, _held) = held_to(PATIENT, 1 << 20, &room(1 << 10), dripping(1, 100));
        for _ in 0..100 {
            body.frame().await.expect("more").expect("in time");
        }
    }

    #[tokio::test]
    async fn what_is_too_large_ends() {
        let (body, _held) = held_to(PATIENT, 1_000, &room(1 << 10), dripping(100, 100));
        let (came, status) = end(body).await;
        assert_eq!((came, status.code()), (10, Code::InvalidArgument));
        assert!(status.message().contains("too large"), "{status:?}");
    }

    #[tokio::test]
    async fn all_together_take_what_room_there_is_and_give_it_back() {
        let room = room(10);
        let begin = |kib: usize| held_to(PATIENT, 1 << 20, &room, dripping(kib << 10, 1));
        let (mut body, first) = begin(6);
        body.frame().await.expect("more").expect("there is room");
        let (second_body, second) = begin(6);
        let (came, status) = end(second_body).await;
        assert_eq!((came, status.code()), (0, Code::ResourceExhausted));
        drop(second);
        drop(body);
        let (third, _third) = begin(6);
        assert_eq!(end(third).await.1.code(), Code::ResourceExhausted, "a body that was read is still worked on");
        drop(first);
        let (mut fourth, _fourth) = begin(6);
        fourth.frame().await.expect("more").expect("there is room again");
    }

    #[test]
    fn only_documents_and_drivers_are_large() {
        assert!(most("/vend.v1.DocumentService/ApplyDocuments") > MESSAGE_BYTES);
        assert!(most("/vend.v1.DriverService/InstallDriver") > 64 << 20);
        assert_eq!(most("/vend.v1.OrderService/ListOrders"), SMALL);
        assert_eq!(most(""), SMALL);
    }
}
