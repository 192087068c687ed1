//! What SQLite fails at, with the cause: it keeps a number of its own and leaves the system's word in `errno`.
//!
//! Must never know what was being written.

use std::fmt;
use std::io::{self, ErrorKind};

use rusqlite::ErrorCode;
use rusqlite::ffi;

/// ENOSPC, the only one that SQLite tells apart: it calls it `SQLITE_FULL`.
const NO_SPACE: i32 = 28;

/// An error of SQLite and, where it was a system call, what the system said.
#[derive(Debug)]
pub struct Trouble {
    sqlite: rusqlite::Error,
    cause: Option<io::Error>,
}

impl Trouble {
    /// To be called by the thread that failed, before it does anything else.
    pub fn of(sqlite: rusqlite::Error) -> Self {
        let cause = match sqlite.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Some(io::Error::from_raw_os_error(NO_SPACE)),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => last_word(),
            _ => None,
        };
        Self { sqlite, cause }
    }

    pub fn code(&self) -> Option<ErrorCode> {
        self.sqlite.sqlite_error_code()
    }

    /// What the system said.
    pub fn cause(&self) -> Option<&io::Error> {
        self.cause.as_ref()
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let during = during(&self.sqlite);
        match (&self.cause, during) {
            (Some(cause), Some(during)) => write!(f, "{cause}, {during}"),
            (Some(cause), None) => write!(f, "{cause}"),
            (None, Some(during)) => write!(f, "{}, {during}", self.sqlite),
            (None, None) => write!(f, "{}", self.sqlite),
        }
    }
}

impl std::error::Error for Trouble {}

/// The last system call of this thread that failed, if that is one which makes SQLite fail: a leftover of something
/// harmless would mislead.
fn last_word() -> Option<io::Error> {
    // EIO, ENXIO, ENODEV, ENFILE, EMFILE, ESTALE have no kind of their own.
    const BAD: [i32; 6] = [5, 6, 19, 23, 24, 116];
    let error = io::Error::last_os_error();
    let known = matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::OutOfMemory
            | ErrorKind::StaleNetworkFileHandle
    );
    (known || error.raw_os_error().is_some_and(|code| BAD.contains(&code))).then_some(error)
}

fn during(error: &rusqlite::Error) -> Option<&'static str> {
    match error.sqlite_error()?.extended_code {
        ffi::SQLITE_IOERR_WRITE => Some("while writing"),
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => Some("while syncing"),
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => Some("while reading"),
        ffi::SQLITE_IOERR_TRUNCATE => Some("while truncating"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_is_called_what_the_system_calls_it() {
        let said = Trouble::of(failure(ffi::SQLITE_FULL)).to_string();
        assert_eq!(said, "No space left on device (os error 28)");
    }

    #[test]
    fn the_systems_last_word_is_the_cause_unless_it_is_of_something_else() {
        std::fs::create_dir("/").expect_err("it is there");
        let said = Trouble::of(failure(ffi::SQLITE_IOERR_FSYNC)).to_string();
        assert!(said.ends_with(", while syncing") && !said.contains("os error"), "{said}");
        std::fs::read("/").expect_err("a directory");
        let said = Trouble::of(failure(ffi::SQLITE_IOERR_READ)).to_string();
        assert_eq!(said, "Is a directory (os error 21), while reading");
        let said = Trouble::of(failure(ffi::SQLITE_CONSTRAINT)).to_string();
        assert!(!said.contains("os error"), "{said}");
    }
}
