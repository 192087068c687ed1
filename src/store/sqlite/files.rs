//! The files of the store, held against their names: a commit into a file that nobody can find any more is lost.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Error;

/// The database and its log, as they were when they were opened.
pub struct Files {
    database: PathBuf,
    all: Vec<(PathBuf, Identity)>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Files {
    /// To be called once something was written: only then there is a log.
    pub fn of(database: &Path) -> Result<Self, Error> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let mut all = Vec::new();
        for path in [database.to_owned(), PathBuf::from(log)] {
            let identity =
                identity(&path).map_err(|source| Error::Io { action: "find", path: path.clone(), source })?;
            all.push((path, identity));
        }
        Ok(Self { database: database.to_owned(), all })
    }

    /// Whether what was just written stands under its name.
    pub fn check(&self) -> Result<(), String> {
        for (path, opened) in &self.all {
            match identity(path) {
                Ok(found) if found == *opened => {}
                Ok(_) => return Err(format!("another file stands in the place of `{}`", path.display())),
                Err(error) => return Err(format!("`{}` is gone while it is in use: {error}", path.display())),
            }
        }
        Ok(())
    }

    /// A sentence about what went wrong.
    pub fn failed(&self, what: &str) -> String {
        format!("cannot write to the store `{}`: {what}", self.database.display())
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}
