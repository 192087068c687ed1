//! What a client is answered, whole or in part.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::Sleep;

/// The time in which half an answer goes out: whoever cuts at once cuts off what was buffered too.
const SENDING: Duration = Duration::from_millis(20);

/// An answer before it is bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    /// An idempotency key had been seen.
    pub replayed: bool,
    /// What may be asked of the path, where the method may not.
    pub allow: Option<&'static str>,
}

/// The connection ends without an answer, or in the middle of one.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
pub struct Cut;

impl Reply {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body, replayed: false, allow: None }
    }

    pub fn refusal(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::new(status, json!({ "error": { "code": code, "message": message.into() } }))
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::refusal(400, "INVALID", message)
    }

    pub fn whole(self) -> Response<Answer> {
        let bytes = self.bytes();
        self.response(Answer::Whole(Some(bytes)))
    }

    /// All of its head, half of its body, and then the connection is cut.
    pub fn half(self) -> Response<Answer> {
        let bytes = self.bytes();
        let sent = Box::pin(tokio::time::sleep(SENDING));
        self.response(Answer::Half { total: bytes.len() as u64, half: Some(bytes.slice(..bytes.len() / 2)), sent })
    }

    fn bytes(&self) -> Bytes {
        Bytes::from(format!("{}\n", self.body))
    }

    fn response(self, answer: Answer) -> Response<Answer> {
        let mut response = Response::new(answer);
        *response.status_mut() = self.status.try_into().expect("statuses here have three digits");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.replayed {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.status == 429 {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The body of an answer.
pub enum Answer {
    Whole(Option<Bytes>),
    Half { total: u64, half: Option<Bytes>, sent: Pin<Box<Sleep>> },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Answer::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Answer::Half { half, sent, .. } => match half.take() {
                Some(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
                None => sent.as_mut().poll(context).map(|()| Some(Err(Cut))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Answer::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Answer::Whole(bytes) => bytes.as_ref().map_or(0, |it| it.len() as u64),
            Answer::Half { total, .. } => *total,
        })
    }
}
