//! What several tests lean on: servers of the machine, started here and gone with the process; time, chance and records.

pub mod bench;
pub mod certificates;
pub mod chance;
pub mod clock;
pub mod core;
pub mod drivers;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod records;
pub mod report;
