//! Which headers go out and which come in. Names are in lower case throughout. Pure.

use crate::domain::contract::{Error, ErrorKind};

const MOST: usize = 64;
const MOST_BYTES: usize = 32 << 10;

/// The host's own to set: whom a request is for, who sends it, how it is framed; and what some servers take for another
/// method or path than the one that was vetted. Some servers take an underscore for a hyphen: written with hyphens here.
const OWNED: [&str; 23] = [
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
    "http2-settings",
    "forwarded",
    "x-real-ip",
    "remote-user",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-method",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// The same by how they begin.
const OWNED_PREFIXES: [&str; 7] =
    ["proxy-", "x-forwarded-", "x-original-", "x-rewrite-", "x-remote-", "x-envoy-", "impersonate-"];

/// What of an answer is not for a driver: framing, and what would sign somebody in.
const WITHHELD: [&str; 9] = [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "set-cookie",
    "set-cookie2",
    "proxy-authenticate",
    "proxy-connection",
];

/// A driver's headers, names in lower case. `credentials`: the headers that the connection's credentials go into.
pub fn outgoing(headers: Vec<(String, String)>, credentials: &[&str]) -> Result<Vec<(String, String)>, Error> {
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
        let read = name.replace('_', "-");
        let of_credential = credentials.iter().any(|of| of.replace('_', "-").eq_ignore_ascii_case(&read));
        let owned = OWNED.contains(&read.as_str()) || OWNED_PREFIXES.iter().any(|prefix| read.starts_with(prefix));
        if owned || of_credential {
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
    // What begins with `vend-` is ours to say.
    all.filter(|(name, _)| !WITHHELD.contains(&name.as_str()) && !name.as_str().starts_with("vend-"))
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// Whether a body is encoded in any way that was not asked for: nobody could look for secrets in it.
pub fn is_encoded(headers: &http::HeaderMap) -> bool {
    let has = |name: http::HeaderName, usual: &[&str]| {
        let codings = headers.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
        codings
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !usual.iter().any(|it| coding.eq_ignore_ascii_case(it.as_bytes())))
    };
    has(http::header::CONTENT_ENCODING, &["identity"]) || has(http::header::TRANSFER_ENCODING, &["chunked", "identity"])
}

/// Whether there are two opinions on where the answer ends (RFC 9112, section 6.3): what follows on that connection may be part of it.
pub fn is_framed_twice(headers: &http::HeaderMap) -> bool {
    headers.contains_key(http::header::TRANSFER_ENCODING) && headers.contains_key(http::header::CONTENT_LENGTH)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "HEADER_INVALID", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<String, String> {
        let headers = vec![(name.to_owned(), value.to_owned())];
        outgoing(headers, &["X-API-Key", "authorization"])
            .map(|headers| headers[0].0.clone())
            .map_err(|error| error.code)
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
            ("X_API_Key", "mine", Err("HEADER_FORBIDDEN")),
            ("Content_Length", "0", Err("HEADER_FORBIDDEN")),
            ("X_HTTP_Method_Override", "DELETE", Err("HEADER_FORBIDDEN")),
            ("X-Forwarded-Prefix", "/other", Err("HEADER_FORBIDDEN")),
            ("X-Original-URI", "/other", Err("HEADER_FORBIDDEN")),
            ("X-Remote-User", "admin", Err("HEADER_FORBIDDEN")),
            ("Impersonate-User", "admin", Err("HEADER_FORBIDDEN")),
            ("HTTP2-Settings", "x", Err("HEADER_FORBIDDEN")),
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
            assert_eq!(outgoing(headers, &[]).is_ok(), fits, "{count} of {bytes}");
        }
    }

    #[test]
    fn what_is_encoded_and_what_ends_twice() {
        type Case = (&'static [(&'static str, &'static str)], bool, bool);
        let cases: [Case; 10] = [
            (&[], false, false),
            (&[("content-length", "1")], false, false),
            (&[("content-encoding", "identity")], false, false),
            (&[("content-encoding", "")], false, false),
            (&[("content-encoding", "GZIP")], true, false),
            (&[("content-encoding", "identity, br")], true, false),
            (&[("content-encoding", "identity"), ("content-encoding", "x-unknown")], true, false),
            (&[("transfer-encoding", "Chunked")], false, false),
            (&[("transfer-encoding", "gzip, chunked")], true, false),
            (&[("transfer-encoding", "chunked"), ("content-length", "1")], false, true),
        ];
        for (headers, encoded, twice) in cases {
            let mut map = http::HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().expect("a value"));
            }
            assert_eq!((is_encoded(&map), is_framed_twice(&map)), (encoded, twice), "{headers:?}");
        }
    }

    #[test]
    fn drivers_see_some_headers() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in
            [("etag", "\"a\""), ("set-cookie", "session=abc"), ("connection", "close"), ("vend-withheld", "by us")]
        {
            headers.append(name, value.parse().expect("a value"));
        }
        headers.append("x-odd", http::HeaderValue::from_bytes(b"\xff").expect("bytes"));
        let seen = incoming(&headers, None);
        assert_eq!(seen, [("etag".to_owned(), "\"a\"".to_owned()), ("x-odd".to_owned(), "\u{fffd}".to_owned())]);
    }
}
