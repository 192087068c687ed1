//! Backups, and what holds after one was restored: everything is suspect until somebody has looked.

pub mod backup;
pub mod suspect;
pub mod verify;
pub mod discover;
