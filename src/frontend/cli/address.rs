//! The address of a core: what may be written for one, and how it is talked to there.
//!
//! Nothing goes over a network in the clear: what is not on this machine is talked to over TLS, or not at all.

use std::net::IpAddr;

use tonic::codegen::http::Uri;
use tonic::transport::Endpoint;

use super::error::Failure;
use super::settings::Settings;
use super::trust;

/// `HOST:PORT` as a URL: in the clear on this machine, over TLS elsewhere.
pub fn with_scheme(server: &str) -> String {
    if server.contains("://") {
        return server.to_owned();
    }
    let is_near = server.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback));
    format!("{}://{server}", if is_near { "http" } else { "https" })
}

/// Where to connect, and with what trust.
pub fn endpoint(settings: &Settings) -> Result<Endpoint, Failure> {
    let Settings { server, origin, .. } = settings;
    let no_address = || {
        Failure::usage(format!("`{server}` (from {origin}) is no address"))
            .with_hint("write https://HOST:PORT, or http://HOST:PORT on this machine")
    };
    let uri: Uri = server.parse().map_err(|_| no_address())?;
    let host = uri.host().ok_or_else(no_address)?;
    let endpoint = Endpoint::from_shared(server.clone()).map_err(|_| no_address())?;
    match uri.scheme_str() {
        Some("http") if is_loopback(host) => Ok(endpoint),
        Some("http") => Err(Failure::usage(format!(
            "`{server}` (from {origin}) is on another machine: the token would go there in the clear"
        ))
        .with_hint("use https://, or a tunnel that begins on this machine")),
        Some("https") => endpoint
            .tls_config(trust::of_calls(settings)?)
            .map_err(|error| Failure::usage(format!("cannot set up TLS for `{server}`: {error}"))),
        _ => Err(no_address()),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().map_or_else(
        |_| bare.eq_ignore_ascii_case("localhost") || bare.to_ascii_lowercase().ends_with(".localhost"),
        |ip| ip.is_loopback(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_scheme_only_this_machine_is_talked_to_in_the_clear() {
        for (server, expected) in [
            ("127.0.0.1:7440", "http://127.0.0.1:7440"),
            ("localhost:7440", "http://localhost:7440"),
            ("[::1]:7440", "http://[::1]:7440"),
            ("core:7440", "https://core:7440"),
            ("10.0.0.1:7440", "https://10.0.0.1:7440"),
            ("http://core:7440", "http://core:7440"),
        ] {
            assert_eq!(with_scheme(server), expected);
        }
    }

    fn ask(server: &str) -> Result<Endpoint, Failure> {
        let (server, origin) = (server.to_owned(), "--server".to_owned());
        endpoint(&Settings { server, origin, ..Settings::default() })
    }

    #[test]
    fn nothing_goes_over_a_network_in_the_clear() {
        for near in
            ["http://127.0.0.1:1", "http://127.9.9.9:1", "http://[::1]:1", "http://localhost:1", "http://a.localhost"]
        {
            assert!(ask(near).is_ok(), "{near}");
        }
        for far in [
            "http://core:1",
            "http://10.0.0.1:1",
            "http://0.0.0.0:1",
            "http://localhost.example.org",
            "http://127.0.0.1@core",
        ] {
            let failure = ask(far).expect_err(far);
            assert!(failure.message.contains("in the clear") && failure.hint.contains("https://"), "{failure:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_with_where_it_is_from() {
        for bad in ["", "ftp://core", "core", "https://", "http://a b"] {
            let failure = ask(bad).expect_err(bad);
            assert!(failure.message.contains("(from --server) is no address"), "{failure:?}");
        }
    }
}
