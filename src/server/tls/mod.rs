//! The certificate that the core shows: read from files, looked at as a client will, replaced while serving.
//!
//! Must never know who calls: a client's certificate opens the door, a token says who stands in it.

mod file;
mod check;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;

use crate::domain::time::Clock;

use check::Look;

const ALPN: &[u8] = b"h2";

/// Why a certificate cannot be shown. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {what} `{}`", path.display())]
    Read { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("the key `{}` can be read by others (mode {mode:o}): run `chmod 600` on it", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{what} `{}` {wrong}", path.display())]
    Invalid { what: &'static str, path: PathBuf, wrong: String },
    #[error("the key `{}` does not belong to the certificate `{}`", key.display(), certificate.display())]
    Mismatch { key: PathBuf, certificate: PathBuf },
    #[error("cannot set up TLS")]
    Setup(#[from] rustls::Error),
}

/// Where certificate and key lie, PEM all of them.
#[derive(Debug, Clone)]
pub struct Files {
    /// The core's own certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities: given, a client without a certificate of one of them does not get in.
    pub client_ca: Option<PathBuf>,
}

/// What new connections are shown. A connection keeps what it was opened with.
pub struct Tls {
    files: Files,
    clock: Arc<dyn Clock>,
    shown: RwLock<Arc<Shown>>,
}

struct Shown {
    config: Arc<ServerConfig>,
    look: Look,
}

impl Tls {
    /// Reads the files. What clients will not accept but may change by itself, such as a time that is over, is only warned of.
    pub fn open(files: Files, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let shown = RwLock::new(Arc::new(load(&files, clock.as_ref())?));
        Ok(Self { files, clock, shown })
    }

    /// Reads the files again. After an error everything stays as it was.
    pub fn reload(&self) -> Result<(), Error> {
        let fresh = Arc::new(load(&self.files, self.clock.as_ref())?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// For the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shown().config)
    }

    /// Whether the certificate is for this name or address.
    pub fn is_for(&self, host: &str) -> bool {
        self.shown().look.is_for(host)
    }

    /// The first whole name (no `*.example.org`) that the certificate is for.
    pub fn name(&self) -> Option<String> {
        self.shown().look.name()
    }

    /// The file that a client may take for its authority: the certificate's own, if the chain in it is complete.
    pub fn authority(&self) -> Option<PathBuf> {
        self.shown().look.is_complete.then(|| self.files.certificate.clone())
    }

    fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn load(files: &Files, clock: &dyn Clock) -> Result<Shown, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = file::certificates("the certificate", &files.certificate)?;
    let key = file::key(&files.key)?;
    let look = Look::at(&chain, clock.now(), &provider).map_err(|wrong| Error::Invalid {
        what: "the certificate",
        path: files.certificate.clone(),
        wrong,
    })?;
    if let Some(doubt) = &look.doubt {
        tracing::warn!("clients will not accept the certificate `{}`: {doubt}", files.certificate.display());
    }
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &files.client_ca {
        Some(path) => {
            let roots = Arc::new(file::authorities("the clients' authority", path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let wrong = |error| Error::Invalid {
                what: "the clients' authority",
                path: path.clone(),
                wrong: format!("cannot be used: {error}"),
            };
            builder.with_client_cert_verifier(verifier.map_err(wrong)?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| refused(error, files))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Shown { config: Arc::new(config), look })
}

/// What of a certificate and its key does not go together.
fn refused(error: rustls::Error, files: &Files) -> Error {
    let certificate = files.certificate.clone();
    match error {
        rustls::Error::InconsistentKeys(_) => Error::Mismatch { key: files.key.clone(), certificate },
        rustls::Error::InvalidCertificate(error) => {
            Error::Invalid { what: "the certificate", path: certificate, wrong: format!("cannot be read: {error}") }
        }
        rustls::Error::General(wrong) => Error::Invalid {
            what: "the key",
            path: files.key.clone(),
            wrong: format!("cannot be used: {wrong}; make one with RSA, ECDSA or Ed25519"),
        },
        other => Error::Setup(other),
    }
}

/// The one library for all that is secret here.
fn algorithms(provider: &CryptoProvider) -> &'static [&'static dyn rustls::pki_types::SignatureVerificationAlgorithm] {
    provider.signature_verification_algorithms.all
}
