//! Whom to trust for a core's certificate, and what to show a core that asks for one of ours.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tonic::transport::{ClientTlsConfig, Identity};

use super::error::Failure;
use super::settings::Settings;

const CERTIFICATE: &str = "client certificate";
const KEY: &str = "client key";

/// For calls. The same as [`config`] says, in the words of the transport.
pub fn of_calls(settings: &Settings) -> Result<ClientTlsConfig, Failure> {
    // What does not go together is found here, where it can be said of which files.
    config(settings)?;
    let trust = ClientTlsConfig::new().trust_anchors(roots(settings)?.roots);
    match pair(settings)? {
        Some((certificate, key)) => {
            Ok(trust.identity(Identity::from_pem(read(CERTIFICATE, certificate)?, read(KEY, key)?)))
        }
        None => Ok(trust),
    }
}

pub fn config(settings: &Settings) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::usage(format!("cannot set up TLS: {error}")))?
        .with_root_certificates(roots(settings)?);
    let Some((certificate, key)) = pair(settings)? else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(CERTIFICATE, certificate)?;
    let private =
        PrivateKeyDer::from_pem_slice(&read(KEY, key)?).map_err(|_| bad(KEY, key, "holds no private key in PEM"))?;
    builder.with_client_auth_cert(chain, private).map_err(|error| {
        bad(CERTIFICATE, certificate, &format!("cannot be used with the key `{}`: {error}", key.display()))
    })
}

fn pair(settings: &Settings) -> Result<Option<(&Path, &Path)>, Failure> {
    match (&settings.client_cert, &settings.client_key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        _ => Err(Failure::usage("a client certificate and its key go together")
            .with_hint("pass both --client-cert and --client-key, or set VEND_CLIENT_CERT and VEND_CLIENT_KEY")),
    }
}

/// The authorities of the file that is named, all of which must be good; else those of the system, as far as they are.
fn roots(settings: &Settings) -> Result<RootCertStore, Failure> {
    const WHAT: &str = "authority's certificate";
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.ca_file {
        for certificate in certificates(WHAT, path)? {
            roots.add(certificate).map_err(|error| bad(WHAT, path, &format!("cannot be used: {error}")))?;
        }
        return Ok(roots);
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Failure::usage(format!(
            "this system trusts no authority, so that none can speak for the certificate of the core at {}",
            settings.server
        ))
        .with_hint("name the authority's certificate with --ca-file"));
    }
    Ok(roots)
}

fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let text = read(what, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| bad(what, path, "is no good PEM"))?;
    if found.is_empty() {
        return Err(bad(what, path, "holds no certificate in PEM"));
    }
    Ok(found)
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read the {what} `{}`: {error}", path.display())))
}

fn bad(what: &str, path: &Path, wrong: &str) -> Failure {
    Failure::usage(format!("the {what} `{}` {wrong}", path.display()))
}
