//! What tests share: time that stands still, chance that repeats itself, and sample records.

pub mod chance;
pub mod clock;
pub mod records;
