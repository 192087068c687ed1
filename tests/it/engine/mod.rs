//! The engine with real drivers and a real store, without a server.

mod at_once;
mod budget;
mod composites;
mod graph;
mod keeping;
mod graphs;
mod handover;
mod history;
mod lifecycle;
mod breaking;
mod pausing;
mod pruning;
mod sharers;
mod sharing;
mod upgrades;
mod waiting;
