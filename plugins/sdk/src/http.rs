//! HTTP over a connection slot. The host owns scheme, host, TLS, credential and time limits.

mod said;

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::vend::driver::http_types::{Capture, Place, Response};
use crate::bindings::vend::driver::http_types::{Header, Request as Sent};
use crate::bindings::vend::driver::types::SecretUse;
use crate::bindings::vend::driver::{http_read, http_write};
use crate::{Error, ErrorKind, Semantics};

/// A connection by slot name.
#[derive(Debug, Clone, Copy)]
pub struct Http {
    slot: &'static str,
}

/// A request in the making; it ends in [`Request::fetch`] or [`Request::send`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Request(Sent);

impl Http {
    pub const fn slot(slot: &'static str) -> Self {
        Self { slot }
    }

    pub fn get(&self, path: impl Into<String>) -> Request {
        self.request("GET", path)
    }

    pub fn post(&self, path: impl Into<String>) -> Request {
        self.request("POST", path)
    }

    pub fn put(&self, path: impl Into<String>) -> Request {
        self.request("PUT", path)
    }

    pub fn patch(&self, path: impl Into<String>) -> Request {
        self.request("PATCH", path)
    }

    pub fn delete(&self, path: impl Into<String>) -> Request {
        self.request("DELETE", path)
    }

    /// `path`: below the connection's base URL; what is put into it is written with [`segment`].
    pub fn request(&self, method: &str, path: impl Into<String>) -> Request {
        Request(Sent {
            connection: self.slot.to_owned(),
            method: method.to_owned(),
            path_and_query: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            secrets: Vec::new(),
            capture: Vec::new(),
            timeout_ms: None,
        })
    }
}

/// Text as one part of a path, or of a URL: percent-encoded but for letters, digits and `-._~` (RFC 3986). The host refuses
/// paths in which a slash, a backslash, a control character or a percent-encoding is encoded, so refuse such names in `validate`.
pub fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut written, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
        written
    })
}

impl Request {
    /// Adds `name=value` to the query.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let path = &mut self.0.path_and_query;
        path.push(if path.contains('?') { '&' } else { '?' });
        let _ = write!(path, "{}={}", segment(name), segment(value));
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.headers.push(Header { name: name.to_owned(), value: value.into() });
        self
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self.header("content-type", content_type)
    }

    /// A JSON body. Fails only on documents whose keys are not text.
    pub fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        Ok(self.body("application/json", crate::results::json(body)?))
    }

    /// Permits the host to put a secret's value wherever its handle stands.
    pub fn secret(mut self, secret: SecretUse) -> Self {
        self.0.secrets.push(secret);
        self
    }

    /// A part of a 2xx answer that is kept as a secret: a handle stands in its place.
    pub fn capture(mut self, name: &str, place: Place, encoding: &str) -> Self {
        let (name, encoding) = (name.to_owned(), encoding.to_owned());
        self.0.capture.push(Capture { name, place, encoding });
        self
    }

    pub fn timeout_ms(mut self, ms: u32) -> Self {
        self.0.timeout_ms = Some(ms);
        self
    }

    /// As a read: what the connection's rules class as one, whatever the method.
    pub fn fetch(self) -> Result<Response, Error> {
        http_read::fetch(&self.0)
    }

    /// As a write. `semantics`: what sending it twice would do. Apply only.
    pub fn send(self, semantics: Semantics) -> Result<Response, Error> {
        http_write::send(&self.0, semantics)
    }
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.as_str())
    }

    /// The answer if it is a 2xx, else an error of the kind its status stands for (RFC 9110), with what the backend says of it.
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() {
            return Ok(self);
        }
        let code = format!("HTTP_{}", self.status);
        let mut message = format!("the backend answered with status {}", self.status);
        if let Some(words) = self.said() {
            let _ = write!(message, ": {words}");
        }
        let error = Error::new(kind(self.status), code, message);
        let wait = self.header("retry-after").and_then(|value| value.parse::<u32>().ok());
        Err(match wait {
            Some(seconds) => error.retry_after_ms(seconds.saturating_mul(1000)),
            None => error,
        })
    }

    /// Like [`Response::success`], and nothing where the status says that there is no such thing (404, 410). Enough to be done with a
    /// deletion; that something is *absent* it proves only where the backend does not answer a wrong path in the same way.
    pub fn unless_missing(self) -> Result<Option<Self>, Error> {
        if matches!(self.status, 404 | 410) { Ok(None) } else { self.success().map(Some) }
    }

    /// The backend's own words of a refusal: one short line without addresses. Of a 5xx there are none, for they tell of its inside.
    pub fn said(&self) -> Option<String> {
        if !(400..500).contains(&self.status) {
            return None;
        }
        said::said(self.header("content-type").unwrap_or_default(), &self.body)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("the backend's answer is not the expected JSON: {error}");
            Error::new(ErrorKind::Other, "UNEXPECTED_ANSWER", message)
        })
    }
}

fn kind(status: u16) -> ErrorKind {
    match status {
        400 | 422 => ErrorKind::InvalidInput,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Denied,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        408 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Http, Response, segment};
    use crate::ErrorKind;

    fn answer(status: u16, header: (&str, &str), body: &str) -> Response {
        let headers = vec![Header { name: header.0.into(), value: header.1.into() }];
        Response { status, headers, body: body.into(), reissued: false }
    }

    #[test]
    fn a_refusal_becomes_an_error_of_its_kind() {
        let error = answer(429, ("Retry-After", "3"), "").success().unwrap_err();
        assert_eq!((error.kind, error.retry_after_ms), (ErrorKind::Throttled, Some(3000)));
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_backend() {
        let body = r#"{"error":"Name is out of zone"}"#;
        let error = answer(422, ("Content-Type", "application/json"), body).success().unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert_eq!(error.message, "the backend answered with status 422: Name is out of zone");
        let error = answer(503, ("Content-Type", "application/json"), body).success().unwrap_err();
        assert_eq!(error.message, "the backend answered with status 503");
    }

    #[test]
    fn only_what_is_missing_is_missing() {
        let of = |status: u16| answer(status, ("Server", "x"), "").unless_missing();
        assert_eq!((of(404), of(410)), (Ok(None), Ok(None)));
        assert!(of(204).is_ok_and(|it| it.is_some()));
        for status in [302, 400, 401, 403, 405, 408, 500, 503] {
            assert!(of(status).is_err(), "{status}");
        }
    }

    #[test]
    fn what_is_put_into_a_path_stays_one_part_of_it() {
        assert_eq!(segment("shop-1._~"), "shop-1._~");
        assert_eq!(segment("a b/ü?#%&=+"), "a%20b%2F%C3%BC%3F%23%25%26%3D%2B");
        let request =
            Http::slot("api").get(format!("/zones/{}", segment("a b"))).query("name", "*.x.").query("t", "A&B");
        assert_eq!(request.0.path_and_query, "/zones/a%20b?name=%2A.x.&t=A%26B");
    }
}
