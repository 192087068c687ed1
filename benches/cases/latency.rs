//! One order at a time: until it is acknowledged, and until a watcher hears that it is Ready.

use std::time::{Duration, Instant};

use tonic::Streaming;
use vend::pb;

use crate::core::Core;
use crate::customer::{Customer, one};
use crate::figure::{Figure, median};
use crate::ground::Ground;
use crate::machine::wake_ms;
use crate::shelf::Shelf;

const WARM: usize = 100;
const BETWEEN: Duration = Duration::from_millis(5);

pub fn run(ground: &Ground) -> Vec<Figure> {
    let orders = ground.pick(400, 100);
    let shelf = Shelf::start();
    let (_core, customer) = Core::stocked(ground, &shelf);
    let mut disk = vec![ground.fdatasync_ms()];
    let (mut acknowledged, mut ready) = ground.runtime.block_on(async {
        customer.many("warm", WARM, 8).await;
        customer.quiet().await;
        timed(&customer, "order", orders).await
    });
    disk.push(ground.fdatasync_ms());
    let f = median(&mut disk);
    vec![
        Figure::new("an order at low load: acknowledged", median(&mut acknowledged), "ms")
            .at_most(2.0 * f + 1.0, 1.3 * f + 0.3),
        Figure::new("  Ready, as a watcher hears it", median(&mut ready), "ms").at_most(6.0 * f + 5.0, 3.0 * f + 1.0),
        Figure::new("  F, the median fdatasync meanwhile", f, "ms"),
        Figure::new("  W, waking another thread and being answered", wake_ms(), "ms"),
    ]
}

/// So many orders one after the other: milliseconds to the acknowledgement, and to the watcher's news.
pub async fn timed(customer: &Customer, prefix: &str, orders: usize) -> (Vec<f64>, Vec<f64>) {
    let mut watch = begun(customer).await;
    let (mut acknowledged, mut ready) = (Vec::new(), Vec::new());
    for number in 0..orders {
        let document = one(&format!("{prefix}-{number}"), "");
        let begun = Instant::now();
        let operation = customer.order(&document).await;
        acknowledged.push(begun.elapsed().as_secs_f64() * 1_000.0);
        heard(&mut watch, &operation).await;
        ready.push(begun.elapsed().as_secs_f64() * 1_000.0);
        tokio::time::sleep(BETWEEN).await;
    }
    (acknowledged, ready)
}

/// A watch of the project, behind its beginning.
pub async fn begun(customer: &Customer) -> Streaming<pb::WatchResponse> {
    let request = pb::WatchRequest { project: "default".into(), ..Default::default() };
    let mut watch = customer.watches().watch(request).await.expect("a watch").into_inner();
    loop {
        let response = watch.message().await.expect("a response").expect("it has no end");
        if response.kind() == pb::watch_response::Kind::Bookmark {
            return watch;
        }
    }
}

async fn heard(watch: &mut Streaming<pb::WatchResponse>, operation: &str) {
    loop {
        let response = watch.message().await.expect("a response").expect("it has no end");
        if response.id == operation && response.state == "succeeded" {
            return;
        }
    }
}
