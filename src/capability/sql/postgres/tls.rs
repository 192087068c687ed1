//! TLS towards the server.

use tokio_postgres_rustls::MakeRustlsConnect;

use crate::capability::tls;

/// What a connection's PEM becomes; the error says what is wrong with it.
pub(super) fn connector(authorities: &str) -> Result<MakeRustlsConnect, String> {
    Ok(MakeRustlsConnect::new(tls::client(Some(authorities), None)?))
}
