//! What all cases share: where things are, and how much of everything there is to be.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::runtime::Runtime;

pub struct Ground {
    /// Less of everything, in under two minutes.
    pub quick: bool,
    /// Of the load.
    pub runtime: Runtime,
    /// On the disk that the project is on: `/tmp` may be memory.
    folder: TempDir,
}

impl Ground {
    pub fn new(quick: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(target(""));
        Self { quick, runtime: runtime.expect("a runtime"), folder: folder.expect("a folder") }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    pub fn fdatasync_ms(&self) -> f64 {
        crate::machine::fdatasync_ms(self.folder())
    }
}

pub fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name)
}

/// The component that is measured with.
pub fn driver() -> Vec<u8> {
    let path = target("wasm32-wasip2/release/shelf.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; `make drivers` builds it", path.display()))
}

/// The name that the component gives itself.
pub const DRIVER: &str = "shelf-000";

/// The same driver under another name: another digit stands in it, and nothing else is changed.
pub fn driver_named(number: usize) -> (String, Vec<u8>) {
    assert!(number < 1_000);
    let name = format!("shelf-{number:03}");
    let mut bytes = driver();
    let places: Vec<usize> =
        (0..bytes.len() - DRIVER.len()).filter(|at| bytes[*at..].starts_with(DRIVER.as_bytes())).collect();
    assert!(!places.is_empty(), "the driver does not say its name");
    for at in places {
        bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
    }
    (name, bytes)
}
