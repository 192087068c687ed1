//! What an operation takes in memory while it is worked on, and while it waits for its backend.

use std::time::Duration;

use crate::core::Core;
use crate::customer::{Customer, large_of};
use crate::figure::Figure;
use crate::ground::Ground;
use crate::shelf::Shelf;

/// As long as nobody here waits.
const LONG_MS: u32 = 3_600_000;
const SETTLE: Duration = Duration::from_secs(2);
/// Orders of so many things.
const EACH: usize = 500;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let parked = ground.pick(20_000, 5_000);
    let shelf = Shelf::start();
    let (core, customer) = Core::stocked(ground, &shelf);
    let (before, after) = ground.runtime.block_on(async {
        // What the first of them need stays: pools, statements, pages of the store.
        park(&customer, "warm", parked).await;
        let before = core.memory();
        park(&customer, "parked", parked).await;
        (before, core.memory())
    });
    vec![
        Figure::new("an operation that waits: memory", (after - before).max(0.0) / parked as f64, "B")
            .at_most(2_048.0, 0.0),
        Figure::new("  with so many of them waiting, in all", after / f64::from(1 << 20), "MiB"),
    ]
}

async fn park(customer: &Customer, prefix: &str, things: usize) {
    for number in 0..things / EACH {
        let params = format!(", wait-ms: {LONG_MS}");
        customer.order(&large_of(&format!("{prefix}-{number}"), EACH, &params)).await;
    }
    while customer.status().await.operations.iter().any(|(state, count)| state != "waiting" && *count > 0) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(SETTLE).await;
}
