//! A machine that fails `vend serve`: no room, a broken disk, a directory it may not use, too few files, a clock that
//! jumps. What it says, what it costs, and that nothing acknowledged is lost.

pub mod ledger;
mod mount;

mod clock;
mod directory;
mod disk;
mod files;

use crate::proof::core::Ran;

/// Holds what a process said as it ended: the words have to be there, on one line each, and no panic.
#[track_caller]
fn says(ran: &Ran, status: i32, words: &[&str]) -> String {
    assert_eq!(ran.status, status, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "does not say `{word}`: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    let told = ran.stderr.lines().find(|line| words.first().is_some_and(|word| line.contains(word)));
    told.unwrap_or_default().to_owned()
}
