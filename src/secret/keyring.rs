//! The sealing key and what is derived from it.
//!
//! Sealing is AES-256-GCM under a key of the record's own (HKDF-SHA-256, RFC 5869); the associated data binds a value
//! to project, record and field, so that a row moved elsewhere does not open.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::domain::sealed::Sealed;
use crate::domain::time::Entropy;

const FORMAT: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} the sealing key `{path}`")]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("the sealing key `{path}` can be read by others (mode {mode:o}): run `chmod 600 {path}`")]
    Exposed { path: PathBuf, mode: u32 },
    #[error("`{path}` is no sealing key: expected 32 bytes in base64")]
    Malformed { path: PathBuf },
    #[error("{record}/{field} does not open: it was sealed with another key, or changed")]
    Unopened { record: String, field: String },
    /// It opens, but holds what vend never wrote there.
    #[error("{what} of {record} cannot be read")]
    Damaged { what: &'static str, record: String, source: serde_json::Error },
    #[error("{record}/{field} was sealed in format {format}, key {key_id}: this version knows format 1, key 1")]
    Unknown { record: String, field: String, format: u8, key_id: u32 },
}

/// What a sealed value belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub project: &'a str,
    /// The record's id.
    pub record: &'a str,
    pub field: &'a str,
}

/// Seals and opens. Cheap to share; never printed.
pub struct Keyring {
    root: Prk,
    path: Option<PathBuf>,
}

impl Keyring {
    const KEY_ID: u32 = 1;

    pub fn new(key: &[u8; 32]) -> Self {
        Self { root: Prk::new_less_safe(HKDF_SHA256, key), path: None }
    }

    /// Of the key file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Ok(Self { path: Some(path.to_owned()), ..Self::new(&read(path)?) })
    }

    /// Reads the key file, or makes it (mode 0600) if there is none.
    pub fn open_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, Error> {
        match Self::read(path) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0u8; 32];
                entropy.fill(&mut key);
                write(path, &key)?;
                Self::read(path)
            }
            opened => opened,
        }
    }

    /// The key of the file `from` at `to`, where there is none.
    pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
        write(to, &read(from)?)
    }

    /// The key file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What tells this key from others and nothing else of it, hex.
    pub fn check(&self) -> String {
        self.derive(&["backup", "key-check"])[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn seal(&self, place: Place<'_>, plain: &[u8], entropy: &dyn Entropy) -> Sealed {
        let mut nonce = [0u8; 12];
        entropy.fill(&mut nonce);
        let mut ciphertext = plain.to_vec();
        self.record_key(place)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated(place)),
                &mut ciphertext,
            )
            .expect("AES-GCM seals anything below 64 GiB");
        Sealed { format: FORMAT, key_id: Self::KEY_ID, nonce, ciphertext }
    }

    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Vec<u8>, Error> {
        let (record, field) = (place.record.to_owned(), place.field.to_owned());
        if sealed.format != FORMAT || sealed.key_id != Self::KEY_ID {
            return Err(Error::Unknown { record, field, format: sealed.format, key_id: sealed.key_id });
        }
        let mut bytes = sealed.ciphertext.clone();
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let length = match self.record_key(place).open_in_place(nonce, Aad::from(associated(place)), &mut bytes) {
            Ok(plain) => plain.len(),
            Err(_) => return Err(Error::Unopened { record, field }),
        };
        bytes.truncate(length);
        Ok(bytes)
    }

    /// 32 bytes for a purpose of its own, always the same.
    pub fn derive(&self, purpose: &[&str]) -> [u8; 32] {
        let mut info = b"vend/purpose".to_vec();
        for part in purpose {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        self.expand(&info)
    }

    fn record_key(&self, place: Place<'_>) -> LessSafeKey {
        let mut info = b"vend/record".to_vec();
        for part in [place.project, place.record] {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        let key = UnboundKey::new(&AES_256_GCM, &self.expand(&info)).expect("AES-256 takes 32 bytes");
        LessSafeKey::new(key)
    }

    fn expand(&self, info: &[u8]) -> [u8; 32] {
        let mut out = [0u8; 32];
        self.root.expand(&[info], HKDF_SHA256).and_then(|okm| okm.fill(&mut out)).expect("HKDF-SHA-256 gives 32 bytes");
        out
    }
}

fn read(path: &Path) -> Result<[u8; 32], Error> {
    let fail = |action| move |source| Error::File { action, path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(fail("read"))?;
    let mode = std::fs::metadata(path).map_err(fail("look at"))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    let key = BASE64.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.ok_or_else(|| Error::Malformed { path: path.to_owned() })
}

/// Complete or not there: a half-written key would lock everything away.
fn write(path: &Path, key: &[u8; 32]) -> Result<(), Error> {
    let fail = |action| move |source| Error::File { action, path: path.to_owned(), source };
    let unfinished = path.with_extension("unfinished");
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let mut file = file.map_err(fail("make"))?;
    file.write_all(format!("{}\n", BASE64.encode(key)).as_bytes()).map_err(fail("write"))?;
    file.sync_all().map_err(fail("write"))?;
    std::fs::rename(&unfinished, path).map_err(fail("make"))
}

fn associated(place: Place<'_>) -> Vec<u8> {
    let mut data = vec![FORMAT];
    for part in [place.project, place.record, place.field] {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn a_value_opens_only_where_it_was_sealed() {
        let keyring = Keyring::new(&[7; 32]);
        let entropy = Counting(Default::default());
        let here = Place { project: "shop", record: "res_1", field: "state" };
        let sealed = keyring.seal(here, b"text", &entropy);
        assert_eq!(keyring.open(here, &sealed).expect("opens"), b"text");
        for elsewhere in
            [Place { project: "shoq", ..here }, Place { record: "res_2", ..here }, Place { field: "outputs", ..here }]
        {
            assert!(matches!(keyring.open(elsewhere, &sealed), Err(Error::Unopened { .. })), "{elsewhere:?}");
        }
        let mut changed = sealed.clone();
        changed.ciphertext[0] ^= 1;
        assert!(keyring.open(here, &changed).is_err());
        assert!(Keyring::new(&[8; 32]).open(here, &sealed).is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_refused_when_exposed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sealing.key");
        let entropy = Counting(Default::default());
        let first = Keyring::open_or_create(&path, &entropy).expect("made");
        let again = Keyring::open_or_create(&path, &entropy).expect("read");
        assert_eq!(first.derive(&["x"]), again.derive(&["x"]));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(matches!(Keyring::open_or_create(&path, &entropy), Err(Error::Exposed { .. })));
        std::fs::write(&path, "rubbish").expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        assert!(matches!(Keyring::open_or_create(&path, &entropy), Err(Error::Malformed { .. })));
    }
}
