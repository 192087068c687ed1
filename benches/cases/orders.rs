//! Orders of one resource by unary calls: how many are accepted and completed in a second, and what each costs.

use std::time::{Duration, Instant};

use crate::core::Core;
use crate::figure::{Figure, median, quantile};
use crate::ground::Ground;
use crate::shelf::{Count, Shelf};

const AT_ONCE: usize = 128;
/// Until connections, statements and pools are there.
const WARM: usize = 200;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let (rounds, orders) = (ground.pick(5, 3), ground.pick(6_000, 2_000));
    let shelf = Shelf::start();
    let (core, customer) = Core::stocked(ground, &shelf);
    let mut disk = vec![ground.fdatasync_ms()];
    let per_second = |taken: Duration| orders as f64 / taken.as_secs_f64();
    let (mut completed, mut accepted, cpu, written) = ground.runtime.block_on(async {
        customer.many("warm", WARM, AT_ONCE).await;
        customer.quiet().await;
        let (cpu, written) = (core.cpu(), core.written());
        let (mut completed, mut accepted) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let begun = Instant::now();
            customer.many(&format!("order-{round}"), orders, AT_ONCE).await;
            accepted.push(per_second(begun.elapsed()));
            customer.quiet().await;
            completed.push(per_second(begun.elapsed()));
        }
        (completed, accepted, core.cpu() - cpu, core.written() - written)
    });
    disk.push(ground.fdatasync_ms());
    let all = rounds * orders + WARM;
    ground.runtime.block_on(async {
        assert_eq!(customer.count_ready().await, (all, all), "all are Ready");
        let needed = Count { reads: 2 * all as u64, writes: all as u64 };
        assert_eq!(shelf.count().await, needed, "each order needs two reads and one write, and no more were made");
    });
    let each = |whole: f64| whole / (rounds * orders) as f64;
    vec![
        Figure::new("orders of one resource: completed", median(&mut completed), "/s").at_least(2_000.0, 10_000.0),
        Figure::new(format!("  the best of {rounds} rounds"), quantile(&mut completed, 1.0), "/s"),
        Figure::new("  accepted, while others are worked on", median(&mut accepted), "/s"),
        Figure::new("  processor time of the core for each", each(cpu.as_secs_f64() * 1e6), "µs"),
        Figure::new("  written to the disk for each", each(written) / 1024.0, "KiB"),
        Figure::new("  F, the median fdatasync meanwhile", median(&mut disk), "ms"),
    ]
}
