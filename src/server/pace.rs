//! How slowly a message may come: somebody who sends a byte now and then does not hold a call's place for long.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

#[derive(Clone, Copy)]
struct Pace {
    /// Time that every message has, however small.
    grace: Duration,
    /// What comes at least on the average, from then on.
    bytes_per_second: u64,
}

/// 16 MiB in 17 minutes, which no call waits for.
const USUAL: Pace = Pace { grace: Duration::from_secs(20), bytes_per_second: 16 << 10 };

/// The body of a request, which ends in an error if it comes too slowly.
pub fn paced(body: Body) -> Body {
    held_to(USUAL, body)
}

fn held_to(pace: Pace, body: Body) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let late = Box::pin(tokio::time::sleep(pace.time_of(0)));
    Body::new(Paced { body, pace, begun: Instant::now(), came: 0, late })
}

impl Pace {
    /// From the beginning, for what more there is when so much has come.
    fn time_of(self, came: u64) -> Duration {
        self.grace + Duration::from_millis(came.saturating_mul(1_000) / self.bytes_per_second)
    }

    fn too_slow(self, came: u64) -> Status {
        let message = format!("the message comes too slowly: {came} bytes so far");
        let hint = format!("send it within {} s, or {} bytes a second", self.grace.as_secs(), self.bytes_per_second);
        Refusal::new(Reason::DeadlineExceeded, message).hint(hint).into()
    }
}

struct Paced {
    body: Body,
    pace: Pace,
    begun: Instant,
    came: u64,
    late: Pin<Box<Sleep>>,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let more = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.came = self.came.saturating_add(more);
            let late = self.begun + self.pace.time_of(self.came);
            self.late.as_mut().reset(late);
        }
        if polled.is_pending() && self.late.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(self.pace.too_slow(self.came))));
        }
        polled
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
    use http_body_util::BodyExt as _;
    use tonic::Code;

    use super::*;

    #[test]
    fn every_byte_buys_time() {
        assert_eq!(USUAL.time_of(0), USUAL.grace);
        assert_eq!(USUAL.time_of(16 << 10), USUAL.grace + Duration::from_secs(1));
        assert_eq!(USUAL.time_of(16 << 20), USUAL.grace + Duration::from_secs(1_024));
        assert!(USUAL.time_of(u64::MAX) > USUAL.grace);
    }

    /// A byte every 5 ms, `times` times; then nothing more, but no end.
    fn dripping(times: usize) -> Body {
        let stream = futures::stream::unfold(times, |left| async move {
            if left == 0 {
                return std::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, Status>(Frame::data(Bytes::from_static(b"x"))), left - 1))
        });
        Body::new(http_body_util::StreamBody::new(stream))
    }

    /// How many bytes came until it ended, and how.
    async fn end(pace: Pace, body: Body) -> (usize, Status) {
        let (mut body, mut came) = (held_to(pace, body), 0);
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
            let (came, status) = end(hasty, dripping(times)).await;
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert!(came <= times && came < 100_000, "{came}");
            assert!(status.message().contains(&format!("{came} bytes so far")), "{status:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_steadily_goes_on() {
        // Each byte buys a minute.
        let patient = Pace { grace: Duration::from_secs(60), bytes_per_second: 1 };
        let mut body = held_to(patient, dripping(100));
        for _ in 0..100 {
            body.frame().await.expect("more").expect("in time");
        }
    }
}
