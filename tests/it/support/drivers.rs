//! The project's own drivers, built once by `make drivers`.

use std::path::{Path, PathBuf};

/// A component of `plugins/`, by name.
pub fn component(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; build it with `make drivers`", path.display()))
}

pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/wasm32-wasip2/release/{name}.wasm"))
}
