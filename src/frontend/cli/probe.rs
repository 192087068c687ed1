//! What is at an address where a call did not come through: found out by a TLS greeting, once, in bounded time.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tonic::codegen::http::Uri;

use super::settings::Settings;
use super::trust;

/// For each step.
const PATIENCE: Duration = Duration::from_secs(2);

pub enum Answer {
    /// To a call in the clear: TLS is spoken here.
    Tls,
    /// To a call over TLS: the two do not come to terms. A core that misses a client certificate says so only after the
    /// handshake, when the call is under way.
    Refused(rustls::Error),
}

/// `None` if there is nothing to be said.
pub fn answer(settings: &Settings) -> Option<Answer> {
    let uri: Uri = settings.server.parse().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    if uri.scheme_str() == Some("http") {
        let first = first_bytes(host, uri.port_u16().unwrap_or(80)).ok()?;
        // A TLS record begins with its type, alert or handshake, and a version of 3.
        return matches!(first, [0x15 | 0x16, 0x03]).then_some(Answer::Tls);
    }
    let config = trust::config(settings).ok()?;
    refusal(host, uri.port_u16().unwrap_or(443), config).map(Answer::Refused)
}

fn first_bytes(host: &str, port: u16) -> Result<[u8; 2], Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut greeting = Vec::new();
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?.write_tls(&mut greeting)?;
    let mut stream = connect(host, port)?;
    stream.write_all(&greeting)?;
    let mut first = [0; 2];
    stream.read_exact(&mut first)?;
    Ok(first)
}

/// Why the other end, or this one, ends a connection before a word was said on it.
fn refusal(host: &str, port: u16, config: ClientConfig) -> Option<rustls::Error> {
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut stream = StreamOwned::new(connection, connect(host, port).ok()?);
    let error = stream.read(&mut [0]).err()?;
    error.get_ref()?.downcast_ref().cloned()
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
