//! The programs under test: those that Cargo built with the tests, or others of the same make.

use std::path::{Path, PathBuf};

/// Names a folder with `vend` and `fakecloud` in it: `make crash` tests the programs as they are released.
const FOLDER: &str = "VEND_TEST_PROGRAMS";

pub fn vend() -> PathBuf {
    program("vend")
}

pub fn fakecloud() -> PathBuf {
    program("fakecloud")
}

fn program(name: &str) -> PathBuf {
    let path = match std::env::var_os(FOLDER) {
        Some(folder) => Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name),
        None => Path::new(env!("CARGO_BIN_EXE_vend")).with_file_name(name),
    };
    assert!(path.is_file(), "{} is not there: build it with `make build`", path.display());
    path
}
