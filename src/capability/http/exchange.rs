//! One request and its answer over one connection: bounded in time and size.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::door::Line;
use super::header;

/// What a backend may send for one answer: so often the body's most bytes, as chunks and TLS have a frame around each piece, and so many
/// besides, for headers and answers before the answer.
const FRAMING: u64 = 8;
const BESIDES: u64 = 1 << 20;

/// What came back.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) trailers: Option<HeaderMap>,
    /// All of it, or why it is not there.
    pub(super) body: Result<Vec<u8>, Cut>,
}

impl Received {
    /// The rest of it was lost on the way, and may be had when the same is asked again.
    pub(super) fn is_half(&self) -> bool {
        matches!(self.body, Err(Cut::Broken | Cut::TimeUp))
    }
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
pub(super) enum Trouble {
    /// Nothing of the request was written.
    NotSent,
    /// The backend would not have our certificate, and so did not look at the request.
    Unwelcome,
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
    line.allow(max_bytes.saturating_mul(FRAMING).saturating_add(BESIDES));
    if !matches!(timeout_at(deadline, line.ready()).await, Ok(true)) {
        return Err(Trouble::NotSent);
    }
    let response = match timeout_at(deadline, line.send(request)).await {
        Err(_) => return Err(Trouble::Lost("there was no answer in time".to_owned())),
        Ok(Err(mut failed)) => {
            return Err(match failed.take_message() {
                Some(_) => Trouble::NotSent,
                None if is_unwelcome(failed.error()) => Trouble::Unwelcome,
                None if line.is_used_up() => Trouble::Lost("it sends more than an answer may have".to_owned()),
                None => Trouble::Lost(format!("the connection broke: {}", kind(failed.error()))),
            });
        }
        Ok(Ok(response)) => response,
    };
    let (head, body) = response.into_parts();
    if head.status.is_informational() {
        return Err(Trouble::Lost("it switches protocols, which nobody asked for".to_owned()));
    }
    let read = match header::is_encoded(&head.headers) {
        true => Err(Cut::Encoded),
        false => match timeout_at(deadline, read(body, max_bytes)).await {
            Ok(read) => read,
            Err(_) => Err(Cut::TimeUp),
        },
    };
    let (body, trailers) = match read {
        Ok((body, trailers)) => (Ok(body), trailers),
        Err(Cut::Broken) if line.is_used_up() => (Err(Cut::TooLarge), None),
        Err(cut) => (Err(cut), None),
    };
    let keeps = body.is_ok() && !line.is_closed() && !header::is_framed_twice(&head.headers);
    let line = keeps.then_some(line);
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

/// Whether TLS ended with the words of RFC 8446, section 6.2, that are about a client's certificate. In TLS 1.3 they come when the
/// client has begun to speak already.
fn is_unwelcome(error: &hyper::Error) -> bool {
    use rustls::AlertDescription::*;
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let tls = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if let Some(rustls::Error::AlertReceived(alert)) = tls.and_then(|inner| inner.downcast_ref()) {
            return matches!(
                alert,
                BadCertificate
                    | UnsupportedCertificate
                    | CertificateRevoked
                    | CertificateExpired
                    | CertificateUnknown
                    | UnknownCA
                    | AccessDenied
                    | CertificateRequired
            );
        }
        source = error.source();
    }
    false
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
