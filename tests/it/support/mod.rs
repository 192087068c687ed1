//! What several tests lean on: servers of the machine, started here and gone with the process; time, chance and records.

pub mod bench;
pub mod binary;
pub mod call;
pub mod caller;
pub mod certificates;
pub mod chance;
pub mod clock;
pub mod core;
pub mod drivers;
pub mod fakecloud;
pub mod gate;
pub mod keeper;
pub mod postgres;
pub mod powerdns;
pub mod program;
pub mod proxy;
pub mod rabbitmq;
pub mod raw;
pub mod records;
pub mod replay;
pub mod report;
pub mod shelf;
pub mod web;
