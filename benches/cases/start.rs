//! A core with a hundred drivers: how soon it serves, and what it holds when nothing happens.

use std::time::{Duration, Instant};

use crate::core::Core;
use crate::customer::one;
use crate::figure::{Figure, median};
use crate::ground::{Ground, driver_named};
use crate::shelf::Shelf;

const STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(5);

pub fn run(ground: &Ground) -> Vec<Figure> {
    let drivers = ground.pick(100, 20);
    let resources = ground.pick(10_000, 1_000);
    let shelf = Shelf::start();
    let mut core = Core::idle(ground);
    core.start();
    let compiled = Instant::now();
    ground.runtime.block_on(async {
        let customer = core.customer().await;
        for number in 0..drivers {
            customer.install(&driver_named(number).1).await;
        }
    });
    let compiled = compiled.elapsed();
    ground.runtime.block_on(async {
        let customer = core.customer().await;
        customer.apply(&shelf.platform(&driver_named(0).0)).await.expect("applied");
        let operation = customer.order(&crate::customer::large("standing", resources)).await;
        customer.ready(&operation).await;
    });
    let mut starts: Vec<f64> = (0..STARTS)
        .map(|_| {
            core.kill();
            core.start().as_secs_f64()
        })
        .collect();
    let (memory, busy) = ground.runtime.block_on(async {
        let customer = core.customer().await;
        assert_eq!(customer.status().await.drivers as usize, drivers);
        // It works after the start, and is then left alone.
        let operation = customer.order(&one("after", "")).await;
        customer.ready(&operation).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let cpu = core.cpu();
        tokio::time::sleep(IDLE).await;
        (core.memory(), (core.cpu() - cpu).as_secs_f64() / IDLE.as_secs_f64())
    });
    let mib = f64::from(1 << 20);
    vec![
        Figure::new(format!("cold start with {drivers} drivers, compiled before"), median(&mut starts), "s")
            .at_most(1.0, 0.1),
        Figure::new("  compiling one, at its install", compiled.as_secs_f64() / drivers as f64, "s"),
        Figure::new(format!("idle with {drivers} drivers, {resources} resources: memory"), memory / mib, "MiB")
            .at_most(300.0, 80.0),
        Figure::new("  processor", busy * 100.0, "%").at_most(2.0, 0.5),
    ]
}
