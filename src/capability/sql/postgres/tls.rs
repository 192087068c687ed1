//! TLS towards the server: rustls, trusting the connection's authorities and nobody else.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a connection's PEM becomes; the error says what is wrong with it.
pub(super) fn connector(authorities: &str) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("tls-ca is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("tls-ca holds a certificate that is no authority: {error}"))?;
    }
    if roots.is_empty() {
        return Err("tls-ca holds no certificate".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("cannot set up TLS: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
