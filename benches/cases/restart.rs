//! A kill with very many operations in flight: how soon the core accepts again, and how soon all of them move.

use std::time::{Duration, Instant};

use crate::core::Core;
use crate::customer::{large_of, one};
use crate::figure::{Figure, median};
use crate::ground::Ground;
use crate::shelf::Shelf;

const EACH: usize = 500;
const LONG_MS: u32 = 3_600_000;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let many = ground.pick(10_000, 2_000);
    let shelf = Shelf::start();
    let (mut core, customer) = Core::stocked(ground, &shelf);
    let mut disk = vec![ground.fdatasync_ms()];
    ground.runtime.block_on(async {
        customer.system().pause_core(vend::pb::PauseCoreRequest::default()).await.expect("paused");
        for number in 0..many / EACH {
            customer.order(&large_of(&format!("many-{number}"), EACH, &format!(", wait-ms: {LONG_MS}"))).await;
        }
        customer.system().resume_core(vend::pb::ResumeCoreRequest::default()).await.expect("resumed");
    });
    // Accepted, and hardly one of them begun.
    core.kill();
    let killed = Instant::now();
    core.start();
    let (accepts, moving) = ground.runtime.block_on(async {
        let customer = core.customer().await;
        customer.order(&one("after", "")).await;
        let accepts = killed.elapsed();
        loop {
            let status = customer.status().await;
            let count = |state: &str| status.operations.get(state).copied().unwrap_or(0);
            if count("queued") == 0 && status.operations_held == 0 {
                assert!(count("waiting") >= many as i64, "{:?}", status.operations);
                return (accepts, killed.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    disk.push(ground.fdatasync_ms());
    vec![
        Figure::new(format!("kill -9 with {many} operations in flight: accepts again"), accepts.as_secs_f64(), "s")
            .at_most(5.0, 0.3),
        Figure::new("  all have moved", moving.as_secs_f64(), "s").at_most(30.0, 3.0),
        Figure::new("  F, the median fdatasync meanwhile", median(&mut disk), "ms"),
    ]
}
