//! A data directory that cannot be served: what an operator can do about it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::store::sqlite;

/// Why a data directory is not served, and what to do. The cause is its source.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve `{}`", .data.display())]
pub struct Unserved {
    data: PathBuf,
    hint: Option<String>,
    source: anyhow::Error,
}

impl Unserved {
    pub fn new(data: &Path, source: impl Into<anyhow::Error>) -> Self {
        let source = source.into();
        let hint = advice(&source, &data.display().to_string());
        Self { data: data.to_owned(), hint, source }
    }
}

/// The advice that an error carries, if it does.
pub fn hint(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<Unserved>()?.hint.as_deref()
}

fn advice(error: &anyhow::Error, data: &str) -> Option<String> {
    match error.downcast_ref::<sqlite::Error>() {
        Some(sqlite::Error::NotADirectory { .. }) => {
            return Some("move the file away, or name another place with --data".to_owned());
        }
        Some(sqlite::Error::Foreign { owner, this, .. }) => {
            return Some(format!(
                "run vend as user {owner}, or give the directory away with `chown -R {this} {data}`, or name another one with --data"
            ));
        }
        Some(sqlite::Error::Locked { .. }) => {
            return Some("one process at a time: stop the other one, or name another directory with --data".to_owned());
        }
        _ => {}
    }
    remedy(cause(error)?, data)
}

/// What the system said.
fn cause(error: &anyhow::Error) -> Option<&io::Error> {
    match error.downcast_ref::<sqlite::Error>() {
        Some(error) => error.cause(),
        None => error.chain().find_map(|it| it.downcast_ref()),
    }
}

fn remedy(cause: &io::Error, data: &str) -> Option<String> {
    // ENFILE and EMFILE have no kind.
    if matches!(cause.raw_os_error(), Some(23 | 24)) {
        return Some("raise the number of files that this process may open (`ulimit -n`): 1024 will do".to_owned());
    }
    let text = match cause.kind() {
        ErrorKind::ReadOnlyFilesystem => {
            format!("make the file system of `{data}` writable, or name another place with --data")
        }
        ErrorKind::PermissionDenied => {
            format!("let the user that runs vend write to `{data}`, or name another place with --data")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("make room on the file system of `{data}` and start vend again; nothing is lost")
        }
        ErrorKind::NotADirectory => {
            "a file stands where a directory should be: move it, or name another place with --data".to_owned()
        }
        ErrorKind::FileTooLarge => "lift the limit on the size of files (`ulimit -f`) and start vend again".to_owned(),
        _ => return None,
    };
    Some(text)
}
