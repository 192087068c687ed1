//! The store over SQLite: all that a store must do, and what its files and its process can be asked.

mod backup;
mod crash;
mod files;
mod groups;
mod scale;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use vend::store::Store;
use vend::store::sqlite::{Error, Sqlite};

use super::conformance::Home;
use crate::support::chance::Chance;
use crate::support::clock::Manual;

/// A data directory that goes with the test.
pub struct Directory(TempDir);

impl Directory {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a place for tests"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn open(&self) -> Sqlite {
        open(self.path()).expect("the directory opens")
    }
}

pub fn open(directory: &Path) -> Result<Sqlite, Error> {
    Sqlite::open(directory, Arc::new(Manual::new()), Arc::new(Chance::new(42)))
}

#[async_trait]
impl Home for Directory {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(Directory::open(self))
    }
}

mod conforms {
    conformance! { crate::store::sqlite::Directory::new() }
}
