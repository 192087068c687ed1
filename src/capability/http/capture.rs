//! Parts of an answer that become secrets before a driver sees it. Pure.
//!
//! What is not where it should be is a miss, and so is what stands there twice: the body is withheld then, for it may hold the value
//! somewhere else.

mod xml;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::capability::book::{Book, check_name};
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::{Fresh, Plain};

use super::strict;

const MOST: usize = 16;

/// A header that says why a body is not there.
pub const WITHHELD: &str = "vend-withheld";

/// A part that is kept as a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    pub name: String,
    pub place: Place,
    pub encoding: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// JSON Pointer to a text or a number.
    Json(String),
    /// Element names from the root, with slashes between them.
    Xml(String),
    Header(String),
    Body,
}

/// What a driver will see.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Nothing of the body, and the reason in its place.
    pub fn withhold(&mut self, why: &str) {
        self.body.clear();
        self.headers.retain(|(name, _)| !matches!(name.as_str(), "content-length" | WITHHELD));
        self.headers.push((WITHHELD.to_owned(), why.to_owned()));
    }
}

/// Whether all of it can be done: to be asked before anything is sent.
pub fn check(captures: &[Capture]) -> Result<(), Error> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, "CAPTURE_INVALID", message));
    if captures.len() > MOST {
        return invalid(format!("a request captures {MOST} secrets at most"));
    }
    for capture in captures {
        check_name(&capture.name)?;
        if !matches!(capture.encoding.as_str(), "plain" | "base64") {
            return invalid(format!("a secret is captured from `plain` or `base64`, not `{}`", capture.encoding));
        }
        match &capture.place {
            Place::Json(pointer) if !pointer.is_empty() && !pointer.starts_with('/') => {
                return invalid(format!("`{pointer}` is no JSON Pointer"));
            }
            Place::Xml(path) if path.is_empty() || path.split('/').any(str::is_empty) => {
                return invalid(format!("`{path}` names no element"));
            }
            Place::Header(name) if http::HeaderName::from_bytes(name.as_bytes()).is_err() => {
                return invalid(format!("`{name}` is no name of a header"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts handles in the place of values. A miss leaves no body, nor a header of that name; what was found is kept all the same.
pub fn take(captures: &[Capture], answer: &mut Answer, book: &mut Book) -> Vec<Fresh> {
    let mut fresh = Vec::new();
    let mut missed = None;
    for capture in captures {
        let why = match find(capture, answer, book, &mut fresh) {
            Ok(Some(())) => continue,
            Ok(None) => format!("nothing to capture as {:?}", capture.name),
            Err(error) => error.message,
        };
        if let Place::Header(name) = &capture.place {
            answer.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        }
        missed = missed.or(Some(why));
    }
    if let Some(why) = missed {
        answer.withhold(&why);
    }
    fresh
}

/// Nothing for a miss.
fn find(capture: &Capture, answer: &mut Answer, book: &mut Book, fresh: &mut Vec<Fresh>) -> Result<Option<()>, Error> {
    let mut keep = |text: &str| -> Result<Option<String>, Error> {
        let Some(value) = decode(capture, text).filter(|value| !value.is_empty()) else { return Ok(None) };
        let (handle, new) = book.capture(&capture.name, Plain::new(value))?;
        fresh.extend(new);
        Ok(Some(handle.to_string()))
    };
    match &capture.place {
        Place::Header(name) => {
            let mut found = answer.headers.iter_mut().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let (Some((_, value)), None) = (found.next(), found.next()) else { return Ok(None) };
            let Some(handle) = keep(value)? else { return Ok(None) };
            *value = handle;
        }
        Place::Body => {
            let Ok(text) = std::str::from_utf8(&answer.body) else { return Ok(None) };
            let Some(handle) = keep(text)? else { return Ok(None) };
            answer.body = handle.into_bytes();
        }
        Place::Json(pointer) => {
            let Some(mut json) = strict::json(&answer.body) else { return Ok(None) };
            let text = match json.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return Ok(None),
            };
            let Some(handle) = keep(&text)? else { return Ok(None) };
            if let Some(place) = json.pointer_mut(pointer) {
                *place = Value::String(handle);
            }
            answer.body = json.to_string().into_bytes();
        }
        Place::Xml(path) => {
            let Ok(text) = std::str::from_utf8(&answer.body) else { return Ok(None) };
            let Some((range, value)) = xml::find(text, path) else { return Ok(None) };
            let Some(handle) = keep(&value)? else { return Ok(None) };
            let mut text = text.to_owned();
            text.replace_range(range, &handle);
            answer.body = text.into_bytes();
        }
    }
    Ok(Some(()))
}

fn decode(capture: &Capture, text: &str) -> Option<String> {
    match capture.encoding.as_str() {
        "base64" => String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok(),
        _ => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
