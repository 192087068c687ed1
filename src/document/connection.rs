//! What a connection must say, by its type.

use std::net::IpAddr;

use super::refusal::Refusal;
use super::span;
use crate::domain::document::Connection;

pub(super) fn check(it: &Connection, found: &mut Vec<Refusal>) {
    match it.connection_type.as_str() {
        "postgres" => postgres(it, found),
        _ => sqlite(it, found),
    }
    for (i, network) in it.allow.iter().flat_map(|allow| &allow.networks).enumerate() {
        if !is_network(network) {
            let refusal = Refusal::new(format!("/allow/networks/{i}"), format!("`{network}` is no network"));
            found.push(refusal.hint("write it as in `10.0.0.0/8` or `fd00::/8`"));
        }
    }
    if let Some(timeout) = it.limits.as_ref().and_then(|limits| limits.timeout.as_ref()) {
        match span::parse_ms(timeout) {
            Ok(0) => found.push(Refusal::new("/limits/timeout", "a timeout of nothing lets nothing through")),
            Ok(_) => {}
            Err(error) => found.push(Refusal::new("/limits/timeout", error.to_string())),
        }
    }
    if let Some(tls) = &it.tls
        && !tls.ca.contains("-----BEGIN CERTIFICATE-----")
    {
        found.push(
            Refusal::new("/tls/ca", "`tls.ca` holds no certificate")
                .hint("paste the PEM, from `-----BEGIN CERTIFICATE-----`"),
        );
    }
}

fn postgres(it: &Connection, found: &mut Vec<Refusal>) {
    if let Err(message) = postgres_endpoint(&it.endpoint) {
        found.push(Refusal::new("/endpoint", message).hint("write it as in `postgres://db.example.com:5432`"));
    }
    let name = &it.meta.name;
    if it.credential.is_none() {
        let refusal = Refusal::new("", format!("missing key `credential` in connection `{name}`"));
        found.push(
            refusal.hint("a postgres connection needs `credential: { username: NAME, password: { secret: NAME } }`"),
        );
    }
    if it.read_credential.is_none() {
        let refusal = Refusal::new("", format!("missing key `read-credential` in connection `{name}`"));
        found.push(
            refusal.hint("name a user that can only read, or write `read-credential: same` to read with the first"),
        );
    }
}

/// The message leaves the endpoint out: it may hold a password.
fn postgres_endpoint(endpoint: &str) -> Result<(), &'static str> {
    let rest = endpoint
        .strip_prefix("postgres://")
        .ok_or("the endpoint of a postgres connection begins with `postgres://`")?;
    if rest.contains('@') {
        return Err("an endpoint holds no user and no password: they belong into `credential`");
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err("an endpoint is a host and a port: a driver chooses the database, and parameters are not taken");
    }
    let (host, port) = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((host, after)) => {
            host.parse::<std::net::Ipv6Addr>().map_err(|_| "the endpoint's address is no IPv6 address")?;
            (host, after.strip_prefix(':').or((after.is_empty()).then_some("5432")).unwrap_or_default())
        }
        None => rest.split_once(':').unwrap_or((rest, "5432")),
    };
    let host_fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(host_fits) {
        return Err("the endpoint has no host");
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(()),
        _ => Err("the endpoint's port is no number from 1 to 65535"),
    }
}

fn sqlite(it: &Connection, found: &mut Vec<Refusal>) {
    if let Err(message) = sqlite_endpoint(&it.endpoint) {
        found
            .push(Refusal::new("/endpoint", message).hint("write a directory, as in `/var/lib/vend-files` or `files`"));
    }
    let networks = it.allow.as_ref().is_some_and(|allow| !allow.networks.is_empty());
    for (key, pointer, given) in [
        ("credential", "/credential", it.credential.is_some()),
        ("read-credential", "/read-credential", it.read_credential.is_some()),
        ("tls", "/tls", it.tls.is_some()),
        ("networks", "/allow/networks", networks),
    ] {
        if given {
            found.push(Refusal {
                at_key: true,
                ..Refusal::new(pointer, format!("a sqlite connection has no `{key}`: it is a directory"))
            });
        }
    }
}

fn sqlite_endpoint(endpoint: &str) -> Result<(), &'static str> {
    if endpoint.is_empty() || endpoint.contains("://") || endpoint.contains('\0') {
        return Err("the endpoint of a sqlite connection is a directory");
    }
    if endpoint.split('/').any(|part| part == "..") {
        return Err("the directory of a sqlite connection may not lead upwards with `..`");
    }
    Ok(())
}

fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    !bits.starts_with('+') && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}
