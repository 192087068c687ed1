//! HTTP over a connection slot. The host owns scheme, host, TLS, credential and time limits.

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

    /// `path`: below the connection's base URL, with its query; its parts are percent-encoded by the caller.
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

impl Request {
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

    /// The answer if it is a 2xx, else an error of the kind its status stands for (RFC 9110).
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() {
            return Ok(self);
        }
        let code = format!("HTTP_{}", self.status);
        let message = format!("the backend answered with status {}", self.status);
        let error = Error::new(kind(self.status), code, message);
        let wait = self.header("retry-after").and_then(|value| value.parse::<u32>().ok());
        Err(match wait {
            Some(seconds) => error.retry_after_ms(seconds.saturating_mul(1000)),
            None => error,
        })
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
    use super::{Header, Response};
    use crate::ErrorKind;

    #[test]
    fn a_refusal_becomes_an_error_of_its_kind() {
        let headers = vec![Header { name: "Retry-After".into(), value: "3".into() }];
        let answer = Response { status: 429, headers, body: Vec::new(), reissued: false };
        let error = answer.success().unwrap_err();
        assert_eq!((error.kind, error.retry_after_ms), (ErrorKind::Throttled, Some(3000)));
    }
}
