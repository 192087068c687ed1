//! A backup as a file: a line that says so, a line of JSON that says what is in it, and the database.
//!
//! Whatever store it is of. The sealing key is not in it, and neither is what lies beside the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::domain::id::CoreId;
use crate::domain::time::Timestamp;

/// What this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
const MAGIC: &str = "vend-backup";
const LONGEST_FIRST_LINE: u64 = 200;
const LONGEST_MANIFEST: u64 = 256 << 10;
const PIECE: usize = 1 << 20;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Of the program that made it.
    pub vend: String,
    pub core_id: CoreId,
    /// Which life of the store it is of.
    pub incarnation: u32,
    pub time: Timestamp,
    /// The last migration of the database.
    pub schema: u32,
    /// The latest revision of each shard that has one.
    pub revisions: BTreeMap<u16, u64>,
    /// Of the database, bytes.
    pub size: u64,
    /// Of the database, hex.
    pub sha256: String,
    /// What the sealing key derives for this very purpose, hex: tells whether a key is the right one, and nothing else.
    pub key_check: String,
}

/// A consistent copy of a store, in a file that has no name any more.
#[derive(Debug)]
pub struct Copy {
    pub file: File,
    pub size: u64,
    pub sha256: String,
    pub schema: u32,
    pub revisions: BTreeMap<u16, u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} `{}`", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("`{}` is no backup of vend", .path.display())]
    NotABackup { path: PathBuf },
    #[error("backup `{}` has format {found}, this program knows up to {FORMAT}: restore it with the version of vend that made it, or a newer one", .path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error(
        "backup `{}` was made by vend {vend}: its database was migrated to {found}, this program knows up to {newest}: \
         restore it with that version of vend, or a newer one", .path.display()
    )]
    NewerSchema { path: PathBuf, vend: String, found: u32, newest: u32 },
    #[error("backup `{}` is damaged: {what}: take another one", .path.display())]
    Damaged { path: PathBuf, what: String },
}

/// A backup that is about to be read: what it says of itself, and the database behind it.
pub struct Source {
    pub path: PathBuf,
    pub manifest: Manifest,
    pub(super) database: BufReader<File>,
}

impl Manifest {
    /// What stands before the database.
    pub fn head(&self) -> Vec<u8> {
        let manifest = serde_json::to_vec(self).expect("a manifest has string keys and no failing serialisers");
        let mut head = format!("{MAGIC} {FORMAT} {}\n", hex(digest(&SHA256, &manifest).as_ref())).into_bytes();
        head.extend(manifest);
        head.push(b'\n');
        head
    }
}

/// Reads what stands before the database.
pub fn open(path: &Path) -> Result<Source, Error> {
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let no_backup = || Error::NotABackup { path: path.to_owned() };
    let torn = |what: &str| Error::Damaged { path: path.to_owned(), what: what.to_owned() };
    let mut file = BufReader::with_capacity(PIECE, File::open(path).map_err(failed)?);
    let mut first = Vec::new();
    (&mut file).take(LONGEST_FIRST_LINE).read_until(b'\n', &mut first).map_err(failed)?;
    let first = String::from_utf8(first).map_err(|_| no_backup())?;
    let mut words = first.trim_end().split(' ');
    let format = match (words.next(), words.next().map(str::parse)) {
        (Some(MAGIC), Some(Ok(format))) => format,
        _ => return Err(no_backup()),
    };
    if format > FORMAT {
        return Err(Error::Newer { path: path.to_owned(), found: format });
    }
    let mut manifest = Vec::new();
    (&mut file).take(LONGEST_MANIFEST).read_until(b'\n', &mut manifest).map_err(failed)?;
    if manifest.pop() != Some(b'\n') {
        return Err(torn("it ends before its database begins"));
    }
    if words.next() != Some(hex(digest(&SHA256, &manifest).as_ref()).as_str()) {
        return Err(torn("what it says of itself has been changed"));
    }
    let manifest = serde_json::from_slice(&manifest).map_err(|error| torn(&error.to_string()))?;
    Ok(Source { path: path.to_owned(), manifest, database: file })
}

impl Source {
    /// Writes the database to `to`, all of it and nothing else, or says what is wrong with it.
    pub(super) fn copy(&mut self, to: &mut impl io::Write, named: &Path) -> Result<(), Error> {
        let (mut sum, mut left) = (Context::new(&SHA256), self.manifest.size);
        let damaged = |what: String| Error::Damaged { path: self.path.clone(), what };
        let mut piece = vec![0; PIECE];
        loop {
            let read = self.database.read(&mut piece);
            let read = read.map_err(|source| Error::Io { action: "read", path: self.path.clone(), source })?;
            if read == 0 {
                break;
            }
            let Some(rest) = left.checked_sub(read as u64) else {
                return Err(damaged(format!(
                    "there is more in it than the {} bytes of its database",
                    self.manifest.size
                )));
            };
            left = rest;
            sum.update(&piece[..read]);
            to.write_all(&piece[..read]).map_err(|source| Error::Io {
                action: "write",
                path: named.to_owned(),
                source,
            })?;
        }
        if left > 0 {
            return Err(damaged(format!("{left} of the {} bytes of its database are missing", self.manifest.size)));
        }
        if hex(sum.finish().as_ref()) != self.manifest.sha256 {
            return Err(damaged("its database is not the one that was written".into()));
        }
        Ok(())
    }
}

/// SHA-256 of what is in `file` from its present place on, hex; and how many bytes that is.
pub(super) fn sum(file: &mut File) -> io::Result<(String, u64)> {
    let (mut sum, mut size) = (Context::new(&SHA256), 0);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((hex(sum.finish().as_ref()), size)),
            read => {
                sum.update(&piece[..read]);
                size += read as u64;
            }
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
