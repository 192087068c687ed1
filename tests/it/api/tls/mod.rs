//! TLS: what the core shows, whom the command line trusts, and what a listener lets happen to it.

mod serving;
mod trusting;
mod renewing;
mod documented;
mod bounds;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::support::certificates::{Authority, LOCAL, Pair};
use crate::support::program::Program;

/// An authority, and a certificate of it for this machine.
struct Place {
    folder: TempDir,
    authority: Authority,
    pair: Pair,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path(), "authority");
        let pair = authority.sign("core", LOCAL);
        Self { folder, authority, pair }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ca(&self) -> String {
        text(&self.authority.certificate())
    }

    /// The certificate with its authority's behind it.
    fn chain(&self) -> PathBuf {
        let parts =
            [&self.pair.certificate, &self.authority.certificate()].map(|file| std::fs::read(file).expect("PEM"));
        let path = self.path("chain.pem");
        std::fs::write(&path, parts.concat()).expect("written");
        path
    }

    fn serve(&self, more: &[&str]) -> Program {
        serve(&self.pair, more)
    }

    /// A connection that trusts the authority.
    async fn connect(&self, core: &Program) -> Result<Channel, tonic::transport::Error> {
        let pem = std::fs::read(self.authority.certificate()).expect("PEM");
        let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        let endpoint = Endpoint::from_shared(format!("https://localhost:{}", core.port)).expect("an address");
        endpoint.tls_config(trust).expect("good PEM").connect().await
    }
}

fn serve(pair: &Pair, more: &[&str]) -> Program {
    let (certificate, key) = (text(&pair.certificate), text(&pair.key));
    Program::start(&[&["--tls-cert", &certificate, "--tls-key", &key], more].concat())
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}
