//! One request and its answer over one connection: bounded in time and size.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::door::Line;

/// What came back.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) trailers: Option<HeaderMap>,
    /// All of it, or why it is not there.
    pub(super) body: Result<Vec<u8>, Cut>,
}

/// Why the body of an answer was not read to its end. The status holds all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    TooLarge,
    Broken,
    TimeUp,
    /// It is compressed, which was not asked for.
    Encoded,
}

impl Cut {
    pub(super) fn code(self) -> &'static str {
        match self {
            Cut::TooLarge => "ANSWER_TOO_LARGE",
            Cut::Broken => "ANSWER_BROKEN",
            Cut::TimeUp => "ANSWER_TOO_SLOW",
            Cut::Encoded => "ANSWER_ENCODED",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Cut::TooLarge => "the answer is larger than allowed",
            Cut::Broken => "the answer broke off",
            Cut::TimeUp => "the answer took too long",
            Cut::Encoded => "the answer is compressed, which was not asked for",
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection was closed before anything of the request was written.
    NotSent(Box<Request<Full<Bytes>>>),
    /// Nothing proves what became of the request.
    Lost(String),
}

/// The line is given back if it can take another request.
pub(super) async fn exchange(
    mut line: Line,
    request: Request<Full<Bytes>>,
    deadline: Instant,
    max_bytes: u64,
) -> Result<(Received, Option<Line>), Trouble> {
    let sent = async {
        // A failure here is found again by sending, which tells whether anything was written.
        let _ = line.ready().await;
        line.try_send_request(request).await
    };
    let response = match timeout_at(deadline, sent).await {
        Err(_) => return Err(Trouble::Lost("there was no answer in time".to_owned())),
        Ok(Err(mut failed)) => {
            return Err(match failed.take_message() {
                Some(request) => Trouble::NotSent(Box::new(request)),
                None => Trouble::Lost(format!("the connection broke: {}", kind(failed.error()))),
            });
        }
        Ok(Ok(response)) => response,
    };
    let (head, body) = response.into_parts();
    let encoded = head.headers.get_all(http::header::CONTENT_ENCODING).iter().any(|value| value != "identity");
    let read = match encoded {
        true => Err(Cut::Encoded),
        false => match timeout_at(deadline, read(body, max_bytes)).await {
            Ok(read) => read,
            Err(_) => Err(Cut::TimeUp),
        },
    };
    let (body, trailers) = match read {
        Ok((body, trailers)) => (Ok(body), trailers),
        Err(cut) => (Err(cut), None),
    };
    let line = Some(line).filter(|line| body.is_ok() && !line.is_closed());
    Ok((Received { status: head.status, headers: head.headers, trailers, body }, line))
}

async fn read(mut body: Incoming, max_bytes: u64) -> Result<(Vec<u8>, Option<HeaderMap>), Cut> {
    if body.size_hint().lower() > max_bytes {
        return Err(Cut::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Cut::Broken)?;
        match frame.into_data() {
            Ok(data) => {
                if (bytes.len() + data.len()) as u64 > max_bytes {
                    return Err(Cut::TooLarge);
                }
                bytes.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok().or(trailers),
        }
    }
    Ok((bytes, trailers))
}

/// In words that name no address.
fn kind(error: &hyper::Error) -> &'static str {
    match error {
        _ if error.is_parse_too_large() => "the head of its answer is too large",
        _ if error.is_parse() => "its answer is no HTTP",
        _ if error.is_incomplete_message() => "closed before its answer",
        _ if error.is_canceled() => "it was given up",
        _ => "reset",
    }
}
