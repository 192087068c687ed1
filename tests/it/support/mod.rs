//! What several tests lean on: time and chance, sample records, and servers of the machine, started here and gone with the
//! process.

pub mod chance;
pub mod clock;
pub mod records;
pub mod postgres;
pub mod proxy;
