//! The program as whoever uses it sees it: over HTTP, in its ledger, killed and started again.

mod client;
mod durability;
mod faults;
mod identity;
mod requests;
