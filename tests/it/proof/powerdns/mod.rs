//! What needs a PowerDNS server. What was ordered is asked for with `dig`, which knows nothing of vend.

pub mod server;

mod example;
mod foreign;
mod records;
mod refused;
