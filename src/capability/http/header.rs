//! Which headers go out and which come in. Names are in lower case throughout. Pure.

use crate::domain::contract::{Error, ErrorKind};

const MOST: usize = 64;
const MOST_BYTES: usize = 32 << 10;

/// The host's own to set: whom a request is for, who sends it, how it is framed; and what some servers take for another
/// method or path than the one that was vetted.
const OWNED: [&str; 24] = [
    "host",
    "authorization",
    "cookie",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "accept-encoding",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// What of an answer is not for a driver: framing, and what would sign somebody in.
const WITHHELD: [&str; 8] = [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "set-cookie",
    "proxy-authenticate",
    "proxy-connection",
];

/// A driver's headers, names in lower case. `credential`: the header that the connection's credential goes into.
pub fn outgoing(headers: Vec<(String, String)>, credential: Option<&str>) -> Result<Vec<(String, String)>, Error> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > MOST || bytes > MOST_BYTES {
        let message = format!("a request has {MOST} headers of {MOST_BYTES} bytes together at most");
        return Err(Error::new(ErrorKind::Quota, "HEADERS_TOO_LARGE", message));
    }
    let mut out = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let shown: String = name.chars().take(64).collect();
        let shown = shown.escape_debug();
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(invalid(format!("`{shown}` is no name of a header")));
        }
        if !value.is_ascii() || http::HeaderValue::from_str(&value).is_err() {
            return Err(invalid(format!("the value of header `{shown}` holds more than visible ASCII")));
        }
        let name = name.to_ascii_lowercase();
        let of_credential = credential.is_some_and(|credential| credential.eq_ignore_ascii_case(&name));
        if OWNED.contains(&name.as_str()) || name.starts_with("proxy-") || of_credential {
            let message = format!("header `{name}` is set by the host alone");
            return Err(Error::new(ErrorKind::Denied, "HEADER_FORBIDDEN", message));
        }
        out.push((name, value));
    }
    Ok(out)
}

/// What a driver sees of an answer's headers, trailers behind them. Bytes that are no text are shown as such.
pub fn incoming(headers: &http::HeaderMap, trailers: Option<&http::HeaderMap>) -> Vec<(String, String)> {
    let all = headers.iter().chain(trailers.into_iter().flatten());
    all.filter(|(name, _)| !WITHHELD.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "HEADER_INVALID", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<String, String> {
        let headers = vec![(name.to_owned(), value.to_owned())];
        outgoing(headers, Some("X-API-Key")).map(|headers| headers[0].0.clone()).map_err(|error| error.code)
    }

    #[test]
    fn drivers_set_some_headers() {
        for (name, value, expected) in [
            ("Content-Type", "application/json", Ok("content-type")),
            ("If-Match", "\"a\"", Ok("if-match")),
            ("X-Amz-Target", "DynamoDB.ListTables", Ok("x-amz-target")),
            ("Host", "other", Err("HEADER_FORBIDDEN")),
            ("hOST", "other", Err("HEADER_FORBIDDEN")),
            ("Authorization", "Basic x", Err("HEADER_FORBIDDEN")),
            ("Cookie", "a=b", Err("HEADER_FORBIDDEN")),
            ("Transfer-Encoding", "chunked", Err("HEADER_FORBIDDEN")),
            ("Content-Length", "0", Err("HEADER_FORBIDDEN")),
            ("Connection", "keep-alive, x-api-key", Err("HEADER_FORBIDDEN")),
            ("Proxy-Anything", "x", Err("HEADER_FORBIDDEN")),
            ("X-HTTP-Method-Override", "DELETE", Err("HEADER_FORBIDDEN")),
            ("x-api-key", "mine", Err("HEADER_FORBIDDEN")),
            ("", "x", Err("HEADER_INVALID")),
            ("a b", "x", Err("HEADER_INVALID")),
            ("a:", "x", Err("HEADER_INVALID")),
            ("a\r\nHost", "x", Err("HEADER_INVALID")),
            ("a", "x\r\nHost: other", Err("HEADER_INVALID")),
            ("a", "x\nb", Err("HEADER_INVALID")),
            ("a", "x\0", Err("HEADER_INVALID")),
            ("a", "é", Err("HEADER_INVALID")),
        ] {
            assert_eq!(check(name, value), expected.map(str::to_owned).map_err(str::to_owned), "{name}: {value}");
        }
        for (count, bytes, fits) in
            [(MOST, 1, true), (MOST + 1, 1, false), (1, MOST_BYTES - 1, true), (1, MOST_BYTES, false)]
        {
            let headers = vec![("a".to_owned(), "x".repeat(bytes)); count];
            assert_eq!(outgoing(headers, None).is_ok(), fits, "{count} of {bytes}");
        }
    }

    #[test]
    fn drivers_see_some_headers() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [("etag", "\"a\""), ("set-cookie", "session=abc"), ("connection", "close")] {
            headers.append(name, value.parse().expect("a value"));
        }
        headers.append("x-odd", http::HeaderValue::from_bytes(b"\xff").expect("bytes"));
        let seen = incoming(&headers, None);
        assert_eq!(seen, [("etag".to_owned(), "\"a\"".to_owned()), ("x-odd".to_owned(), "\u{fffd}".to_owned())]);
    }
}
