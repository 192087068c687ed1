//! Commits while what is old is pruned, against commits while nothing is. The core is in this process, so that a pass can be begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vend::config::{self, Flags};
use vend::engine::prune::Pass;

use crate::customer::Customer;
use crate::figure::{Figure, quantile};
use crate::ground::{DRIVER, Ground, driver};
use crate::shelf::Shelf;

const AT_ONCE: usize = 4;
/// As the core itself leaves between two.
const BETWEEN: Duration = Duration::from_millis(50);

pub fn run(ground: &Ground) -> Vec<Figure> {
    let (old, orders) = (ground.pick(10_000, 1_500), ground.pick(4_000, 800));
    let shelf = Shelf::start();
    let (without, with, commits) = ground.runtime.block_on(async {
        let flags = Flags {
            data: Some(ground.folder().join("pruned")),
            listen: "127.0.0.1:0".parse().ok(),
            ..Flags::default()
        };
        let mut settings = config::settle(flags, &|_| None).expect("settings");
        // Whatever has ended is old.
        settings.retention = config::Retention {
            succeeded_days: 0,
            failed_days: 0,
            journal_days: 0,
            event_days: 0,
            ..settings.retention
        };
        let running = vend::app::start(settings).await.expect("it starts");
        let token = std::fs::read_to_string(&running.token_file).expect("a token");
        let customer = Customer::at(&format!("http://{}", running.address), token.trim()).await;
        customer.install(&driver()).await;
        customer.apply(&shelf.platform(DRIVER)).await.expect("applied");
        customer.many("old", old, 64).await;
        customer.quiet().await;
        let without = p99(&customer, "without", orders).await;

        let ends = Arc::new(AtomicBool::new(false));
        let (engine, end) = (Arc::clone(&running.engine), Arc::clone(&ends));
        let pruning = tokio::spawn(async move {
            let (mut pass, mut commits) = (Pass::default(), 0_u32);
            while !end.load(Ordering::Relaxed) {
                match engine.prune_step(&mut pass).await.expect("pruned") {
                    true => commits += 1,
                    false => pass = Pass::default(),
                }
                tokio::time::sleep(BETWEEN).await;
            }
            commits
        });
        let with = p99(&customer, "with", orders).await;
        ends.store(true, Ordering::Relaxed);
        let commits = pruning.await.expect("it ends");
        drop(customer);
        running.stop().await.expect("it stops");
        (without, with, commits)
    });
    assert!(commits > 0, "something was pruned meanwhile");
    vec![
        Figure::new("orders acknowledged while old records are pruned: p99, against without", with / without, "×")
            .must_not_exceed(2.0),
        Figure::new("  without", without, "ms"),
        Figure::new("  while pruning", with, "ms"),
        Figure::new("  commits of pruning meanwhile", f64::from(commits), ""),
    ]
}

async fn p99(customer: &Customer, prefix: &str, orders: usize) -> f64 {
    let taken = quantile(&mut customer.many(prefix, orders, AT_ONCE).await, 0.99);
    customer.quiet().await;
    taken
}
