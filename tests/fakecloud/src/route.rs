//! Which request means what.

use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::object::Collection;
use crate::reply::Reply;

/// What is asked below `/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Get(Collection, String),
    /// Labelled objects that have all of these.
    List(Vec<(String, String)>),
    /// Objects of a collection that have all of these labels, behind an id.
    Inventory(Collection, Vec<(String, String)>, String),
    /// The cloud chooses the id. A key stands for one create.
    Make(Collection, Option<String>),
    Put(Collection, String),
    Delete(Collection, String),
    PutPassword(Collection, String),
    PutPart(Collection, String, String),
    AddPart(Collection, String),
}

const LONGEST_ID: usize = 200;
const LONGEST_KEY: usize = 200;
const MOST_LABELS: usize = 50;

impl Call {
    /// The error is the answer.
    pub fn of(parts: &Parts) -> Result<Self, Reply> {
        let path = parts.uri.path();
        let nothing = || Reply::refusal(404, "NO_SUCH_PATH", format!("there is nothing at {path}"));
        let below = path.strip_prefix("/v1/").ok_or_else(nothing)?;
        if let Some(name) = below.strip_prefix("inventory/") {
            return inventory(Collection::of_name(name).ok_or_else(nothing)?, parts);
        }
        let mut segments = below.split('/');
        let collection = segments.next().and_then(Collection::of_name).ok_or_else(nothing)?;
        let segments: Vec<&str> = segments.take(4).collect();
        let method = parts.method.as_str();
        let call = match (method, segments.as_slice()) {
            ("GET", []) if collection == Collection::Labelled => return list(parts.uri.query().unwrap_or_default()),
            ("POST", []) if collection != Collection::Named => Self::Make(collection, key(parts, collection)?),
            ("GET", [id]) => Self::Get(collection, name(id)?),
            ("PUT", [id]) => Self::Put(collection, name(id)?),
            ("DELETE", [id]) => Self::Delete(collection, name(id)?),
            ("PUT", [id, "password"]) => Self::PutPassword(collection, name(id)?),
            ("POST", [id, "parts"]) => Self::AddPart(collection, name(id)?),
            ("PUT", [id, "parts", part]) => Self::PutPart(collection, name(id)?, name(part)?),
            (_, known) => {
                let allow = match (collection, known) {
                    (Collection::Labelled, []) => "GET, POST",
                    (Collection::Keyed | Collection::Blind, []) => "POST",
                    (_, [_]) => "GET, PUT, DELETE",
                    (_, [_, "parts"]) => "POST",
                    (_, [_, "password"] | [_, "parts", _]) => "PUT",
                    _ => return Err(nothing()),
                };
                let message = format!("{path} takes {allow}, and not {method}");
                return Err(Reply { allow: Some(allow), ..Reply::refusal(405, "NO_SUCH_METHOD", message) });
            }
        };
        match parts.uri.query() {
            None => Ok(call),
            Some(query) => Err(Reply::invalid(format!("no query is taken here: `{query}`"))),
        }
    }

    pub fn is_read(&self) -> bool {
        matches!(self, Self::Get(..) | Self::List(_) | Self::Inventory(..))
    }

    pub fn collection(&self) -> Collection {
        match self {
            Self::List(_) => Collection::Labelled,
            Self::Make(collection, _)
            | Self::Inventory(collection, ..)
            | Self::Get(collection, _)
            | Self::Put(collection, _)
            | Self::Delete(collection, _)
            | Self::PutPassword(collection, _)
            | Self::PutPart(collection, ..)
            | Self::AddPart(collection, _) => *collection,
        }
    }

    pub fn id(&self) -> Option<&str> {
        match self {
            Self::List(_) | Self::Inventory(..) | Self::Make(..) => None,
            Self::Get(_, id)
            | Self::Put(_, id)
            | Self::Delete(_, id)
            | Self::PutPassword(_, id)
            | Self::PutPart(_, id, _)
            | Self::AddPart(_, id) => Some(id),
        }
    }
}

/// Nothing in it needs an encoding, so a path has one spelling.
fn name(text: &str) -> Result<String, Reply> {
    let fits = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
    if !(1..=LONGEST_ID).contains(&text.len()) || !text.bytes().all(fits) {
        return Err(Reply::invalid(format!("an id has 1 to {LONGEST_ID} of A-Z a-z 0-9 - _: `{text}`")));
    }
    Ok(text.to_owned())
}

fn key(parts: &Parts, collection: Collection) -> Result<Option<String>, Reply> {
    if collection != Collection::Keyed {
        return Ok(None);
    }
    let key = parts.headers.get("idempotency-key").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !(1..=LONGEST_KEY).contains(&key.len()) {
        let message = format!("the header Idempotency-Key is needed here: 1 to {LONGEST_KEY} characters");
        return Err(Reply::refusal(400, "KEY_MISSING", message));
    }
    Ok(Some(key.to_owned()))
}

/// Beside the labels, `after=ID`.
fn inventory(collection: Collection, parts: &Parts) -> Result<Call, Reply> {
    if parts.method != "GET" {
        let message = format!("an inventory takes GET, and not {}", parts.method);
        return Err(Reply { allow: Some("GET"), ..Reply::refusal(405, "NO_SUCH_METHOD", message) });
    }
    let query = parts.uri.query().unwrap_or_default();
    let is_after = |part: &&str| part.starts_with("after=");
    let after = query.split('&').find(is_after).and_then(|part| part.strip_prefix("after=")).map(name).transpose()?;
    let rest: Vec<&str> = query.split('&').filter(|part| !is_after(part)).collect();
    Ok(Call::Inventory(collection, labels(&rest.join("&"))?, after.unwrap_or_default()))
}

fn list(query: &str) -> Result<Call, Reply> {
    labels(query).map(Call::List)
}

/// `label=KEY%3DVALUE`, several times.
fn labels(query: &str) -> Result<Vec<(String, String)>, Reply> {
    let mut labels = Vec::new();
    for part in query.split('&').filter(|it| !it.is_empty()) {
        let Some(label) = part.strip_prefix("label=") else {
            return Err(Reply::invalid(format!("a list takes label=KEY%3DVALUE, and not `{part}`")));
        };
        let label = percent_decode_str(label).decode_utf8_lossy();
        let Some((label, value)) = label.split_once('=') else {
            return Err(Reply::invalid(format!("a label is written KEY%3DVALUE: `{part}`")));
        };
        labels.push((label.to_owned(), value.to_owned()));
    }
    if !(1..=MOST_LABELS).contains(&labels.len()) {
        return Err(Reply::invalid(format!("a list takes 1 to {MOST_LABELS} labels: label=KEY%3DVALUE")));
    }
    Ok(labels)
}
