//! One order of very many resources, and a plan of it with nothing to do.

use std::time::Instant;

use crate::core::Core;
use crate::customer::large;
use crate::figure::{Figure, median};
use crate::ground::Ground;
use crate::shelf::{Count, Shelf};

const WARM: usize = 200;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut each = Vec::new();
    let sizes = [(100, None), (1_000, Some((2.0, 0.3))), (10_000, Some((20.0, 3.0)))];
    let mut disk = vec![ground.fdatasync_ms()];
    let mut plan = None;
    for (things, bounds) in sizes {
        // The smallest is over before it can be timed well.
        let times = if things == 100 { 5 } else { 1 };
        let shelf = Shelf::start();
        let (_core, customer) = Core::stocked(ground, &shelf);
        let mut taken = ground.runtime.block_on(async {
            customer.many("warm", WARM, 64).await;
            customer.quiet().await;
            let mut taken = Vec::new();
            for time in 0..times {
                let document = large(&format!("large-{time}"), things);
                let begun = Instant::now();
                let operation = customer.order(&document).await;
                customer.ready(&operation).await;
                taken.push(begun.elapsed().as_secs_f64());
            }
            let all = WARM + times * things;
            let needed = Count { reads: 2 * all as u64, writes: all as u64 };
            assert_eq!(shelf.count().await, needed, "each resource needs two reads and one write");
            taken
        });
        let taken = median(&mut taken);
        each.push(taken / things as f64);
        let figure = Figure::new(format!("one order of {things} resources: Ready"), taken, "s");
        figures.push(match bounds {
            Some((must, goal)) => figure.at_most(must, goal),
            None => figure,
        });
        figures.push(Figure::new("  for each", taken / things as f64 * 1e6, "µs"));
        if things == 10_000 {
            let before = ground.runtime.block_on(shelf.count());
            let begun = Instant::now();
            let changes = ground.runtime.block_on(customer.plan(&large("large-0", things)));
            plan = Some(begun.elapsed().as_secs_f64());
            assert_eq!(changes, 0, "there is nothing to do");
            let after = ground.runtime.block_on(shelf.count());
            assert_eq!((after.reads - before.reads, after.writes), (things as u64, before.writes), "each is looked at");
        }
    }
    disk.push(ground.fdatasync_ms());
    let growth = each.last().expect("sizes") / each[0];
    figures.push(Figure::new("  of 10,000 against of 100, for each", growth, "×").must_not_exceed(1.15));
    let plan = Figure::new("plan of 10,000 resources with nothing to do", plan.expect("planned"), "s");
    figures.push(plan.at_most(2.0, 0.5));
    figures.push(Figure::new("  F, the median fdatasync meanwhile", median(&mut disk), "ms"));
    figures
}
