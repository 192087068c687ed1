//! PEM files of an operator: read with a bound, and told apart when they hold something else.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Error;

/// A bundle of all the authorities that there are has a quarter of that.
const MOST_BYTES: u64 = 1 << 20;

/// The bits of a mode that let others read or write; a file of root's may be read by its group, as PostgreSQL has it.
const OTHERS: u32 = 0o077;
const OTHERS_OF_ROOT: u32 = 0o037;

/// All certificates of a file, one at least.
pub fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(what, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| invalid(what, path, broken(&error)))?;
    if found.is_empty() {
        return Err(invalid(what, path, format!("holds no certificate{}", instead(&text))));
    }
    Ok(found)
}

/// The certificates of a file, to be trusted.
pub fn authorities(what: &'static str, path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(what, path)? {
        let wrong = |error| invalid(what, path, format!("holds a certificate that is no authority's: {error}"));
        roots.add(certificate).map_err(wrong)?;
    }
    Ok(roots)
}

/// The private key of a file that nobody else can read.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    const WHAT: &str = "the key";
    let text = read(WHAT, path)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => invalid(WHAT, path, format!("holds no private key{}", instead(&text))),
        error => invalid(WHAT, path, broken(&error)),
    })?;
    let found = std::fs::metadata(path).map_err(|source| Error::Read { what: WHAT, path: path.to_owned(), source })?;
    let others = if found.uid() == 0 { OTHERS_OF_ROOT } else { OTHERS };
    if found.mode() & others != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode: found.mode() & 0o777 });
    }
    Ok(key)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { what, path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut text = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(invalid(what, path, format!("is larger than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

fn invalid(what: &'static str, path: &Path, wrong: String) -> Error {
    Error::Invalid { what, path: path.to_owned(), wrong }
}

fn broken(error: &pem::Error) -> String {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "the beginning of a section is malformed",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it is cut off or too large",
    };
    format!("is no good PEM: {what}")
}

/// What a file holds instead of what was looked for.
fn instead(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let begins = |title: &str| text.contains(&format!("-----BEGIN {title}-----"));
    if begins("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        ", but an encrypted one: decrypt it with `openssl pkey -in FILE -out FILE`".to_owned()
    } else if begins("CERTIFICATE REQUEST") {
        ", but a request for one".to_owned()
    } else if begins("CERTIFICATE") {
        ", but a certificate: are the two files mixed up?".to_owned()
    } else if begins("PRIVATE KEY") || begins("RSA PRIVATE KEY") || begins("EC PRIVATE KEY") {
        ", but a private key: are the two files mixed up?".to_owned()
    } else {
        " in PEM (`-----BEGIN …`)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("set");
        file
    }

    #[test]
    fn a_file_that_holds_something_else_says_what() {
        let encrypted = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let large = CERTIFICATE.repeat(20_000);
        for (text, expected) in [
            ("", "holds no certificate in PEM"),
            ("hello", "holds no certificate in PEM"),
            (KEY, "holds no certificate, but a private key"),
            (&CERTIFICATE.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "a request for one"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "a section has no end"),
            ("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "not base64"),
            (&large, "larger than 1048576 bytes"),
        ] {
            let file = file(text, 0o600);
            let error = certificates("the certificate", file.path()).expect_err(expected).to_string();
            assert!(error.contains(expected) && error.contains(&*file.path().to_string_lossy()), "{error}");
        }
        for (text, expected) in [
            ("", "holds no private key in PEM"),
            (CERTIFICATE, "holds no private key, but a certificate"),
            (&encrypted, "but an encrypted one"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "a section has no end"),
        ] {
            let error = key(file(text, 0o600).path()).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(certificates("the certificate", file(CERTIFICATE, 0o644).path()).is_ok(), "a certificate is public");
        assert!(key(file(KEY, 0o400).path()).is_ok());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        for mode in [0o604, 0o602, 0o660, 0o666, 0o644] {
            let error = key(file(KEY, mode).path()).expect_err("exposed").to_string();
            assert!(error.contains(&format!("(mode {mode:o})")), "{error}");
        }
        // Whoever runs the tests owns the file: only root's may be read by a group.
        let own = file(KEY, 0o640);
        let of_root = std::fs::metadata(own.path()).expect("there").uid() == 0;
        assert_eq!(key(own.path()).is_ok(), of_root);
    }
}
