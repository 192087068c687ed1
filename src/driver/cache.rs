//! Compiled drivers on disk. Compiled code is code: it is loaded only if this host compiled it, which a key beside it proves.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{constant_time, hmac};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::domain::time::Entropy;

const KEY_FILE: &str = "key";
const TAG: usize = 32;

pub struct Cache {
    directory: PathBuf,
    key: hmac::Key,
    /// Keeps files apart that are being written at the same time.
    written: AtomicU64,
}

impl Cache {
    /// Makes the directory (0700) and its key (0600) if they are not there.
    pub fn open(directory: PathBuf, entropy: &dyn Entropy) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        let key = key(&directory.join(KEY_FILE), entropy)?;
        Ok(Self { directory, key: hmac::Key::new(hmac::HMAC_SHA256, &key), written: AtomicU64::new(0) })
    }

    /// `None` if it is not there, was not compiled by this host, or does not fit this engine: then it is compiled again.
    #[allow(unsafe_code, clippy::disallowed_methods)]
    pub fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = name(engine, digest);
        let file = fs::read(self.directory.join(&name)).ok()?;
        let (tag, code) = file.split_at_checked(TAG)?;
        constant_time::verify_slices_are_equal(self.tag(&name, code).as_ref(), tag).ok()?;
        // SAFETY: the tag proves that `put` wrote exactly these bytes under this name, and they came out of `Component::serialize`.
        unsafe { Component::deserialize(engine, code) }.ok()
    }

    pub fn put(&self, engine: &Engine, digest: &str, component: &Component) -> io::Result<()> {
        let name = name(engine, digest);
        let code = component.serialize().map_err(io::Error::other)?;
        let unfinished = self.directory.join(format!(
            "{name}.{}-{}.new",
            std::process::id(),
            self.written.fetch_add(1, Ordering::Relaxed)
        ));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(self.tag(&name, &code).as_ref())?;
        file.write_all(&code)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.directory.join(name))
    }

    fn tag(&self, name: &str, code: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(name.as_bytes());
        context.update(b"\n");
        context.update(code);
        context.sign()
    }
}

/// `digest` is `sha256:…`; the engine's part changes with whatever makes compiled code unfit for it.
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}.cwasm", digest.replace(':', "-"), hasher.finish())
}

fn key(path: &Path, entropy: &dyn Entropy) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(key) if key.len() == 32 => return Ok(key),
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = vec![0; 32];
    entropy.fill(&mut key);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        // Another process was faster: its key is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read(path),
        Err(error) => Err(error),
    }
}
