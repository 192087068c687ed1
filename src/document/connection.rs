//! What a connection must say, by its type.

mod endpoint;
mod facts;
mod http;

use std::net::IpAddr;

use super::refusal::Refusal;
use super::span;
use crate::domain::connection::{Connection, Credential, Form, ReadCredential};
use crate::domain::placeholder::Template;

pub(super) fn check(it: &Connection, found: &mut Vec<Refusal>) {
    for (pointer, credential) in credentials(it) {
        if let Err(message) = credential.form() {
            found.push(Refusal::new(pointer, message));
        }
    }
    filled(it, found);
    match it.connection_type.as_str() {
        "postgres" => postgres(it, found),
        "http" => http::check(it, found),
        _ => sqlite(it, found),
    }
    facts::check(&it.facts, found);
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
    for (pointer, pem) in it.tls.iter().flat_map(|tls| [("/tls/ca", &tls.ca), ("/tls/certificate", &tls.certificate)]) {
        if pem.as_ref().is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            let key = pointer[1..].replace('/', ".");
            let refusal = Refusal::new(pointer, format!("`{key}` holds no certificate"));
            found.push(refusal.hint("paste the PEM, from `-----BEGIN CERTIFICATE-----`"));
        }
    }
}

fn credentials(it: &Connection) -> Vec<(&'static str, &Credential)> {
    let read = match &it.read_credential {
        Some(ReadCredential::Own(credential)) => Some(&**credential),
        _ => None,
    };
    let all = [("/credential", it.credential.as_ref()), ("/read-credential", read)];
    all.into_iter().filter_map(|(pointer, credential)| Some((pointer, credential?))).collect()
}

/// Whether what an endpoint was filled with can be one.
pub fn check_endpoint(connection_type: &str, endpoint: &str) -> Result<(), &'static str> {
    match connection_type {
        "postgres" => endpoint::postgres(endpoint),
        "http" => endpoint::http(endpoint),
        _ => endpoint::sqlite(endpoint),
    }
}

/// What it is filled with is known only then: until then its placeholders are all there is to look at.
fn filled(it: &Connection, found: &mut Vec<Refusal>) {
    let texts =
        credentials(it).into_iter().filter_map(|(at, it)| Some((format!("{at}/username"), it.username.as_ref()?)));
    for (pointer, text) in texts.chain([("/endpoint".to_owned(), &it.endpoint)]) {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                found.push(Refusal::new(pointer, error.to_string()));
                continue;
            }
        };
        for reference in template.references() {
            let message = match (reference.segments().as_slice(), &it.filled_from) {
                (["outputs", _, ..], Some(_)) => continue,
                (["outputs", ..], None) => {
                    format!("`{reference}` needs `filled-from`, which says what it is an output of")
                }
                _ => format!("`{reference}`: a connection is filled from `${{outputs.NAME}}`"),
            };
            found.push(Refusal::new(pointer.clone(), message));
        }
    }
}

fn postgres(it: &Connection, found: &mut Vec<Refusal>) {
    if it.filled_from.is_none()
        && let Err(message) = endpoint::postgres(&it.endpoint)
    {
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
    for (pointer, credential) in credentials(it) {
        if credential.form().is_ok_and(|form| !matches!(form, Form::Login { .. })) {
            found.push(Refusal::new(pointer, "to a postgres server one signs in with `username` and `password`"));
        }
    }
    let own = it.tls.as_ref().is_some_and(|tls| tls.certificate.is_some() || tls.key.is_some());
    if let Some(tls) = &it.tls
        && tls.ca.is_none()
        && !own
    {
        found.push(Refusal::new("/tls", "missing key `ca` in `tls`").hint("paste the PEM of the authorities to trust"));
    }
    refuse_keys("a postgres", "it speaks SQL", &foreign_to_sql(it), found);
    refuse_keys("a postgres", "it signs in with a password", &[("certificate", "/tls/certificate", own)], found);
}

fn sqlite(it: &Connection, found: &mut Vec<Refusal>) {
    if it.filled_from.is_none()
        && let Err(message) = endpoint::sqlite(&it.endpoint)
    {
        found
            .push(Refusal::new("/endpoint", message).hint("write a directory, as in `/var/lib/vend-files` or `files`"));
    }
    let networks = it.allow.as_ref().is_some_and(|allow| !allow.networks.is_empty());
    let mut keys = vec![
        ("credential", "/credential", it.credential.is_some()),
        ("read-credential", "/read-credential", it.read_credential.is_some()),
        ("tls", "/tls", it.tls.is_some()),
        ("networks", "/allow/networks", networks),
    ];
    keys.extend(foreign_to_sql(it));
    refuse_keys("a sqlite", "it is a directory", &keys, found);
}

type Key = (&'static str, &'static str, bool);

fn foreign_to_sql(it: &Connection) -> [Key; 4] {
    let allow = it.allow.as_ref();
    [
        ("reads", "/allow/reads", allow.is_some_and(|allow| !allow.reads.is_empty())),
        ("writes", "/allow/writes", allow.is_some_and(|allow| !allow.writes.is_empty())),
        ("deny", "/deny", !it.deny.is_empty()),
        ("check", "/check", it.check.is_some()),
    ]
}

/// `kind`: with its article. `keys`: name, pointer, and whether it is given.
fn refuse_keys(kind: &str, why: &str, keys: &[Key], found: &mut Vec<Refusal>) {
    for (key, pointer, _) in keys.iter().filter(|(_, _, given)| *given) {
        let refusal = Refusal::new(*pointer, format!("{kind} connection has no `{key}`: {why}"));
        found.push(Refusal { at_key: true, ..refusal });
    }
}

fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    !bits.starts_with('+') && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}
