//! A request as a driver made it, vetted: where handles stand is where secrets will. Pure.

use crate::capability::book::{Book, Use, not_listed};
use crate::domain::connection::RequestRule;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::Handle;

use super::header;
use super::path::{Base, Target};
use super::rule::{self, Facts, Kind, Rules};

/// What a driver asks to be sent.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path_and_query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub uses: Vec<Use>,
}

/// What may be asked, of one connection and one driver.
pub struct Terms<'a> {
    pub base: &'a Base,
    pub rules: &'a Rules,
    pub asked: &'a [RequestRule],
    /// The headers that credentials go into.
    pub credentials: Vec<&'a str>,
}

/// A request that may be sent. Its secrets are not in it yet, or are: [`Draft::fill`]. Never printed.
#[derive(Clone)]
pub struct Draft {
    pub method: String,
    pub target: Target,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub kind: Kind,
    uses: Vec<Use>,
}

impl Draft {
    /// `kind`: what it is asked as. A write may turn out to be classed as a read, not the other way round.
    pub fn new(asked: Asked, kind: Kind, terms: &Terms<'_>) -> Result<Self, Error> {
        let method = asked.method;
        if method.is_empty() || method.len() > 20 || !method.bytes().all(|b| b.is_ascii_uppercase()) {
            let message = "a method is 1 to 20 capital letters".to_owned();
            return Err(Error::new(ErrorKind::InvalidInput, "METHOD_INVALID", message));
        }
        if matches!(method.as_str(), "CONNECT" | "TRACE") {
            let message = format!("{method} is never sent");
            return Err(Error::new(ErrorKind::Denied, "METHOD_FORBIDDEN", message));
        }
        let target = terms.base.target(&asked.path_and_query)?;
        let headers = header::outgoing(asked.headers, &terms.credentials)?;
        let mut draft = Self { method, target, headers, body: asked.body, kind, uses: asked.uses };
        let found = draft.classify(terms)?;
        if kind == Kind::Read && found == Kind::Write {
            let why = "the connection's rules class it as a write, so it is sent with http-write alone";
            return Err(rule::denied("REQUEST_NOT_A_READ", &draft.facts(), why));
        }
        draft.kind = found;
        if let Some((_, handle)) = Handle::scan(&draft.target.path).first() {
            let message =
                format!("a secret never stands in a path ({}…)", &handle.as_str()[..Handle::PREFIX.len() + 6]);
            return Err(Error::new(ErrorKind::InvalidInput, "SECRET_IN_PATH", message));
        }
        Ok(draft)
    }

    /// The same with secrets in the place of their handles. It is vetted once more: a value may hold anything.
    pub fn fill(&self, book: &Book, terms: &Terms<'_>) -> Result<Self, Error> {
        let query = self.target.query.as_deref().unwrap_or_default();
        let text = std::str::from_utf8(&self.body).ok();
        if text.is_none()
            && let Some((_, handle)) = Handle::scan(&String::from_utf8_lossy(&self.body)).first()
        {
            return Err(not_listed(handle));
        }
        let values = self.headers.iter().map(|(_, value)| value.as_str());
        let texts: Vec<&str> = [query, text.unwrap_or_default()].into_iter().chain(values).collect();
        let mut filled = book.fill(&texts, &self.uses)?.into_iter();
        let mut next = || filled.next().map(|text| text.reveal().to_owned()).unwrap_or_default();
        let (query, body) = (next(), next());
        let headers: Vec<(String, String)> = self.headers.iter().map(|(name, _)| (name.clone(), next())).collect();
        let mut draft = self.clone();
        if self.uses.is_empty() {
            return Ok(draft);
        }
        if headers.iter().any(|(_, value)| http::HeaderValue::from_str(value).is_err()) {
            return Err(unsendable("a header"));
        }
        draft.headers = headers;
        if text.is_some() {
            draft.body = body.into_bytes();
        }
        if self.target.query.is_some() {
            let asked = format!("{}?{query}", self.target.path);
            let target = terms.base.target(&asked).map_err(|_| unsendable("the query"))?;
            if target.query.as_deref() != Some(query.as_str()) {
                return Err(unsendable("the query"));
            }
            draft.target = target;
        }
        match draft.classify(terms) {
            Ok(kind) if kind == self.kind => Ok(draft),
            // What it became is not told: it would tell about the value.
            _ => Err(Error::new(
                ErrorKind::Denied,
                "SECRET_CHANGES_REQUEST",
                "with its secrets in place this is another request than the rules allowed: encode them",
            )),
        }
    }

    fn classify(&self, terms: &Terms<'_>) -> Result<Kind, Error> {
        let facts = self.facts();
        let kind = terms.rules.classify(&facts)?;
        rule::is_asked(terms.asked, &facts)?;
        Ok(kind)
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            method: &self.method,
            path: &self.target.path,
            query: self.target.query.as_deref(),
            headers: &self.headers,
            body: &self.body,
        }
    }
}

fn unsendable(place: &str) -> Error {
    let message = format!("a secret cannot stand in {place} as it is: choose an encoding that fits there");
    Error::new(ErrorKind::InvalidInput, "SECRET_UNSENDABLE", message)
}

#[cfg(test)]
mod tests;
