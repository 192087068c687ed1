//! Orders beside drivers that compute without end, against the same orders alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::core::Core;
use crate::customer::{Customer, one};
use crate::figure::{Figure, quantile};
use crate::ground::Ground;
use crate::shelf::Shelf;

use super::latency::timed;

const HOGS: usize = 4;
const WARM: usize = 100;
/// Thousands of rounds: seconds of a processor for each create.
const ROUNDS: u32 = 1_000_000;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let orders = ground.pick(300, 100);
    let shelf = Shelf::start();
    let (_core, customer) = Core::stocked(ground, &shelf);
    let (mut alone, mut beside) = ground.runtime.block_on(async {
        customer.many("warm", WARM, 8).await;
        customer.quiet().await;
        let (_, alone) = timed(&customer, "alone", orders).await;
        let stop = Arc::new(AtomicBool::new(false));
        let hogs: Vec<_> =
            (0..HOGS).map(|number| tokio::spawn(hog(customer.clone(), number, Arc::clone(&stop)))).collect();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let (_, beside) = timed(&customer, "beside", orders).await;
        stop.store(true, Ordering::Relaxed);
        for hog in hogs {
            hog.abort();
        }
        (alone, beside)
    });
    let (alone, beside) = (quantile(&mut alone, 0.99), quantile(&mut beside, 0.99));
    vec![
        Figure::new("neighbours of four hogs: p99 until Ready, against without", beside / alone, "×")
            .must_not_exceed(3.0),
        Figure::new("  without hogs", alone, "ms"),
        Figure::new("  beside hogs", beside, "ms"),
    ]
}

/// One order after the other whose create does nothing but compute.
async fn hog(customer: Customer, number: usize, stop: Arc<AtomicBool>) {
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let operation = customer.order(&one(&format!("hog-{number}-{round}"), &format!(", rounds: {ROUNDS}"))).await;
        customer.ended(&operation).await;
    }
}
