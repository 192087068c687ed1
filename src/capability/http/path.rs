//! Where a request goes: the connection's base URL, and what a driver may name below it.
//!
//! One spelling per target: percent-encodings are normalised (RFC 3986, section 6.2.2), and every spelling that some server reads
//! as another path is refused. Pure.

use std::borrow::Cow;

use crate::domain::contract::{Error, ErrorKind};

const LONGEST: usize = 16 << 10;

/// `scheme://authority/path`, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub encrypted: bool,
    /// A name in lower case or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// Empty, or begins with a slash.
    pub path: String,
}

/// What a request names below the base, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Begins with a slash.
    pub path: String,
    /// Behind the question mark.
    pub query: Option<String>,
}

impl Base {
    /// The error never repeats a URL that may hold a password.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let (encrypted, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err("the endpoint is not of the form https://host:port/base"),
        };
        if rest.contains('@') {
            return Err("the endpoint carries credentials: they belong into the connection's credential");
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority_of(authority, encrypted).ok_or("the endpoint's host or port is not readable")?;
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        if !path.is_empty() && normal_path(&path).as_deref() != Ok(path.as_str()) {
            return Err("the endpoint's base path is not in its normal form");
        }
        Ok(Self { encrypted, host, port, path })
    }

    /// What goes into `Host` (RFC 9110, section 7.2).
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.encrypted { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    pub fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    /// `asked`: a path with its query below the base, or an absolute URL below it.
    pub fn target(&self, asked: &str) -> Result<Target, Error> {
        if asked.len() > LONGEST {
            return Err(invalid(format!("a path has {LONGEST} bytes at most")));
        }
        let below = self.below(asked)?;
        let (path, query) = match below.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*below, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        let path = normal_path(path).map_err(|why| invalid(format!("the path is refused: {why}")))?;
        let query =
            query.map(normal_query).transpose().map_err(|why| invalid(format!("the query is refused: {why}")))?;
        Ok(Target { path, query })
    }

    /// What stands behind the base in an absolute URL; anything else as it is.
    fn below<'a>(&self, asked: &'a str) -> Result<Cow<'a, str>, Error> {
        if asked.starts_with('/') {
            return Ok(Cow::Borrowed(asked));
        }
        let outside = || {
            let message = "the URL is not below the connection's endpoint".to_owned();
            Error::new(ErrorKind::Denied, "URL_OUTSIDE", message)
        };
        let Some((scheme, rest)) = asked.split_once("://") else {
            return Err(invalid("a path begins with `/`, or is a URL below the connection's endpoint".to_owned()));
        };
        let encrypted = scheme.eq_ignore_ascii_case("https");
        if encrypted != self.encrypted || !(encrypted || scheme.eq_ignore_ascii_case("http")) {
            return Err(outside());
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority_of(authority, encrypted) != Some((self.host.clone(), self.port)) {
            return Err(outside());
        }
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let path = normal_path(path).map_err(|why| invalid(format!("the URL's path is refused: {why}")))?;
        let below = path.strip_prefix(&self.path).filter(|below| below.is_empty() || below.starts_with('/'));
        Ok(Cow::Owned(format!("{}{query}", below.ok_or_else(outside)?)))
    }
}

impl Target {
    /// As it stands in the request line, behind the base path.
    pub fn text(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Host and port of `HOST[:PORT]`; nothing for userinfo and whatever else is no host.
fn authority_of(text: &str, encrypted: bool) -> Option<(String, u16)> {
    let usual = if encrypted { 443 } else { 80 };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            let address: std::net::Ipv6Addr = host.parse().ok()?;
            (address.to_string(), after)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
            if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
                return None;
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let port = match port {
        "" => usual,
        digits => {
            let digits = digits.strip_prefix(':')?;
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())
                .flatten()
                .filter(|port| *port != 0)?
        }
    };
    Some((host, port))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Denied, "PATH_INVALID", message)
}

/// Unreserved characters decoded, hex in capitals; refused is what a server might take for another path.
pub fn normal_path(path: &str) -> Result<String, &'static str> {
    if !path.starts_with('/') {
        return Err("it does not begin with a slash");
    }
    let path = normal(path, is_path_byte)?;
    if path.contains("//") {
        return Err("it has an empty part");
    }
    for part in path.split('/') {
        // Some servers take what follows a semicolon for parameters, and look at the rest; some decode it first.
        let name = part.split(';').next().and_then(|name| name.split("%3B").next()).unwrap_or_default();
        if name == "." || name == ".." {
            return Err("it has a part of dots");
        }
    }
    let mut encoded = path.split('%');
    encoded.next();
    for rest in encoded {
        match rest.get(..2) {
            Some("2F" | "5C") => return Err("it has an encoded slash"),
            Some("25") if is_hex(rest.as_bytes().get(2)) && is_hex(rest.as_bytes().get(3)) => {
                return Err("it is encoded twice");
            }
            Some(code) if code.starts_with(['0', '1']) || code == "7F" => return Err("it has a control character"),
            _ => {}
        }
    }
    Ok(path)
}

fn normal_query(query: &str) -> Result<String, &'static str> {
    let query = normal(query, |b| is_path_byte(b) || matches!(b, b'?' | b'[' | b']'))?;
    if query.contains("%00") {
        return Err("it has a control character");
    }
    Ok(query)
}

fn normal(text: &str, allowed: impl Fn(u8) -> bool) -> Result<String, &'static str> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%' {
            let (Some(high), Some(low)) = (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) else {
                return Err("a percent sign is not followed by two hex digits");
            };
            let decoded = high << 4 | low;
            if decoded.is_ascii_alphanumeric() || matches!(decoded, b'-' | b'.' | b'_' | b'~') {
                out.push(char::from(decoded));
            } else {
                out.push('%');
                out.push_str(&text[at + 1..at + 3].to_ascii_uppercase());
            }
            at += 3;
            continue;
        }
        match byte {
            b'\\' => return Err("it has a backslash"),
            b'#' => return Err("it has a fragment"),
            _ if byte.is_ascii_control() => return Err("it has a control character"),
            _ if !allowed(*byte) => return Err("it has a character that must be percent-encoded"),
            _ => out.push(char::from(*byte)),
        }
        at += 1;
    }
    Ok(out)
}

/// `pchar` of RFC 3986 without the percent sign, and the slash.
fn is_path_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b)
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
}

fn is_hex(byte: Option<&u8>) -> bool {
    byte.is_some_and(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests;
