//! TLS towards backends: rustls, trusting what the connection says and nobody else.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::domain::secret::Plain;

/// What vend shows of itself.
#[derive(Debug, Clone)]
pub struct Identity {
    /// PEM, its own certificate first.
    pub certificate: String,
    /// PEM.
    pub key: Plain,
}

/// `authorities`: PEM; without, those of the system. The error says what is wrong with a PEM.
pub fn client(authorities: Option<&str>, identity: Option<&Identity>) -> Result<ClientConfig, String> {
    let roots = match authorities {
        Some(pem) => roots(pem)?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("cannot set up TLS: {error}"))?
        .with_root_certificates(roots);
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("tls.certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("tls.certificate holds no certificate".to_owned());
    }
    // What is wrong with a key is not said by repeating it.
    let key = PrivateKeyDer::from_pem_slice(identity.key.reveal().as_bytes())
        .map_err(|_| "the secret of tls.key is no private key in PEM".to_owned())?;
    builder.with_client_auth_cert(chain, key).map_err(|error| format!("tls.certificate and tls.key: {error}"))
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("tls.ca is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("tls.ca holds a certificate that is no authority: {error}"))?;
    }
    if roots.is_empty() { Err("tls.ca holds no certificate".to_owned()) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("this system trusts no authority: install `ca-certificates`, or set `tls.ca`".to_owned());
    }
    Ok(roots)
}
