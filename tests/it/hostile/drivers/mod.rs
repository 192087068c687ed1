//! Hostile drivers: what a component can try, and what holds it.

#[allow(dead_code, reason = "the host's own tests use the rest")]
#[path = "../../../../src/driver/fixture.rs"]
mod fixture;
mod cases;
mod rig;

mod guest;
mod limits;
mod boundary;
mod traps;
mod reach;
mod replay;
mod handles;
mod manifest;
mod web;
mod sql;
mod stocked;
mod names;
mod patience;
mod fairness;
mod engine;
mod shown;
