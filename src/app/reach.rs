//! Under which address a client on this machine finds the core.

use std::net::{IpAddr, SocketAddr};

use crate::server::tls::Tls;

/// With TLS, the address is one that the certificate is for, if there is any.
pub fn url(address: SocketAddr, tls: Option<&Tls>) -> String {
    let Some(tls) = tls else { return format!("http://{address}") };
    let found = candidates(address.ip()).into_iter().find(|host| tls.is_for(host)).or_else(|| tls.name());
    match found {
        Some(host) if host.contains(':') => format!("https://[{host}]:{}", address.port()),
        Some(host) => format!("https://{host}:{}", address.port()),
        None => format!("https://{address}"),
    }
}

/// What leads to an address that is listened on, from this machine.
fn candidates(listening: IpAddr) -> Vec<String> {
    let localhost = || "localhost".to_owned();
    match listening {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![localhost(), "127.0.0.1".to_owned()],
        IpAddr::V6(ip) if ip.is_unspecified() => vec![localhost(), "::1".to_owned(), "127.0.0.1".to_owned()],
        ip if ip.is_loopback() => vec![ip.to_string(), localhost()],
        ip => vec![ip.to_string()],
    }
}
