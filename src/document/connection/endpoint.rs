//! How the endpoint of a connection is written. Messages leave the endpoint out: it may hold a password.

use std::net::Ipv6Addr;

pub(super) fn postgres(endpoint: &str) -> Result<(), &'static str> {
    let rest = endpoint
        .strip_prefix("postgres://")
        .ok_or("the endpoint of a postgres connection begins with `postgres://`")?;
    let rest = without_user(rest)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err("an endpoint is a host and a port: a driver chooses the database, and parameters are not taken");
    }
    authority(rest)
}

pub(super) fn http(endpoint: &str) -> Result<(), &'static str> {
    let rest = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"))
        .ok_or("the endpoint of an http connection begins with `https://` or `http://`")?;
    let rest = without_user(rest)?;
    if rest.contains(['?', '#', '%', '\\']) || rest.contains(|c: char| !c.is_ascii_graphic()) {
        return Err("an endpoint is a host and a base path: no query, no fragment, no escapes");
    }
    let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
    let base = base.strip_suffix('/').unwrap_or(base);
    if !base.is_empty() && base.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("the endpoint's base path has empty or dotted parts");
    }
    authority(host)
}

pub(super) fn sqlite(endpoint: &str) -> Result<(), &'static str> {
    if endpoint.is_empty() || endpoint.contains("://") || endpoint.contains('\0') {
        return Err("the endpoint of a sqlite connection is a directory");
    }
    if endpoint.split('/').any(|part| part == "..") {
        return Err("the directory of a sqlite connection may not lead upwards with `..`");
    }
    Ok(())
}

fn without_user(rest: &str) -> Result<&str, &'static str> {
    if rest.contains('@') {
        return Err("an endpoint holds no user and no password: they belong into `credential`");
    }
    Ok(rest)
}

/// `HOST` or `HOST:PORT`.
fn authority(text: &str) -> Result<(), &'static str> {
    let (host, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((host, after)) => {
            host.parse::<Ipv6Addr>().map_err(|_| "the endpoint's address is no IPv6 address")?;
            (host, after.strip_prefix(':').or((after.is_empty()).then_some("1")).unwrap_or_default())
        }
        None => text.split_once(':').unwrap_or((text, "1")),
    };
    let host_fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(host_fits) {
        return Err("the endpoint has no host");
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 && !text.ends_with('+') => Ok(()),
        _ => Err("the endpoint's port is no number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn http_endpoints() {
        for (endpoint, expected) in [
            ("https://api.example.com", None),
            ("https://api.example.com/", None),
            ("http://127.0.0.1:8081/api/v1", None),
            ("http://[::1]:8081/api/", None),
            ("ftp://api.example.com", Some("begins with")),
            ("https://user:pw@api.example.com", Some("no user")),
            ("https://api.example.com/a?b=c", Some("no query")),
            ("https://api.example.com/a#b", Some("no query")),
            ("https://api.example.com/%2e", Some("no query")),
            ("https://api.example.com/a/../b", Some("dotted")),
            ("https://api.example.com//a", Some("dotted")),
            ("https://api.example.com/ä", Some("no query")),
            ("https://", Some("no host")),
            ("https://api.example.com:0", Some("port")),
            ("https://[nonsense]", Some("IPv6")),
        ] {
            match (super::http(endpoint), expected) {
                (Ok(()), None) => {}
                (Err(message), Some(part)) => assert!(message.contains(part), "{endpoint}: {message}"),
                (got, expected) => panic!("{endpoint}: {got:?}, expected {expected:?}"),
            }
        }
    }
}
