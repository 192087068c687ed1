//! The project's own drivers, built once by `make drivers`.

use std::path::{Path, PathBuf};

/// A component of `plugins/`, by name.
pub fn component(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; build it with `make drivers`", path.display()))
}

/// The same as if it were built as this version, which is as long as its own: what it says of itself is changed, and nothing else.
pub fn component_as(name: &str, version: &str) -> Vec<u8> {
    const OWN: &[u8] = b"0.1.0";
    assert_eq!(version.len(), OWN.len());
    let mut bytes = component(name);
    // Interfaces have versions too, behind an `@`.
    let says = |at: &usize| bytes[*at..].starts_with(OWN) && bytes[*at - 1] != b'@';
    let places: Vec<usize> = (1..bytes.len() - OWN.len()).filter(says).collect();
    assert!(!places.is_empty(), "{name} says no version");
    for at in places {
        bytes[at..at + OWN.len()].copy_from_slice(version.as_bytes());
    }
    bytes
}

pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/wasm32-wasip2/release/{name}.wasm"))
}
