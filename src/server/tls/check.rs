//! The certificate as a client will see it, so that what is wrong with it is told at the start and not by the first caller.

use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};

use crate::domain::time::Timestamp;

use super::algorithms;

/// What was seen.
pub struct Look {
    /// The core's own certificate.
    own: CertificateDer<'static>,
    /// Whoever trusts the certificates of the file trusts the first of them.
    pub is_complete: bool,
    /// Why clients will not accept it as things are now.
    pub doubt: Option<String>,
}

impl Look {
    /// The error says what is wrong with the certificate and stays wrong.
    pub fn at(chain: &[CertificateDer<'static>], now: Timestamp, provider: &CryptoProvider) -> Result<Self, String> {
        let [own, issuers @ ..] = chain else { return Err("holds no certificate".to_owned()) };
        let parsed = ParsedCertificate::try_from(own).map_err(|error| format!("cannot be read: {error}"))?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(chain.iter().cloned());
        let time = UnixTime::since_unix_epoch(Duration::from_millis(now.ms()));
        let verified = verify_server_cert_signed_by_trust_anchor(&parsed, &roots, issuers, time, algorithms(provider));
        let doubt = match &verified {
            Ok(()) => None,
            Err(error) => doubt(error)?,
        };
        Ok(Self { own: own.clone(), is_complete: verified.is_ok(), doubt })
    }

    pub fn is_for(&self, host: &str) -> bool {
        let Ok(parsed) = ParsedCertificate::try_from(&self.own) else { return false };
        ServerName::try_from(host).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    }

    pub fn name(&self) -> Option<String> {
        let parsed = ParsedCertificate::try_from(&self.own).ok()?;
        // The names that a certificate has are told to whoever asks for another one.
        let nobody = ServerName::try_from("nobody.invalid").ok()?;
        let rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) =
            verify_server_name(&parsed, &nobody).err()?
        else {
            return None;
        };
        let names = presented.iter().filter_map(|it| it.strip_prefix("DnsName(\"")?.strip_suffix("\")"));
        names.map(str::to_owned).find(|name| !name.contains('*'))
    }
}

/// What of a verdict passes by itself, or is for others to judge; the error is what does not.
fn doubt(error: &rustls::Error) -> Result<Option<String>, String> {
    let rustls::Error::InvalidCertificate(error) = error else { return Ok(None) };
    let date = |time: &UnixTime| Timestamp::from_ms(time.as_secs().saturating_mul(1_000));
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            Ok(Some(format!("it has expired on {}", date(not_after))))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            Ok(Some(format!("it is not valid before {}", date(not_before))))
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Err("is not for servers: its extendedKeyUsage lacks serverAuth".to_owned())
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Err(
            "is an authority's own (CA:TRUE), which clients do not accept from a server: let it sign one for the server"
                .to_owned(),
        ),
        // Signed by somebody whose certificate is not in the file: what clients trust is not known here.
        _ => Ok(None),
    }
}
