//! The cases, in the order of the table.

mod commits;
mod graphs;
mod large;
mod latency;
mod memory;
mod neighbours;
mod orders;
mod restart;
mod start;
mod terraform;
mod verb;
mod watchers;

use crate::figure::Figure;
use crate::ground::Ground;

type Case = fn(&Ground) -> Vec<Figure>;

pub const ALL: [(&str, Case); 12] = [
    ("verb", verb::run),
    ("orders", orders::run),
    ("large", large::run),
    ("graphs", graphs::run),
    ("latency", latency::run),
    ("neighbours", neighbours::run),
    ("start", start::run),
    ("memory", memory::run),
    ("watchers", watchers::run),
    ("commits", commits::run),
    ("restart", restart::run),
    ("terraform", terraform::run),
];
