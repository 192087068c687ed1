//! A thousand watchers of a project while orders come in: how far behind the events they are.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::core::Core;
use crate::customer::{Customer, one};
use crate::figure::{Figure, median, quantile};
use crate::ground::Ground;
use crate::shelf::Shelf;

const CONNECTIONS: usize = 10;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let watchers = ground.pick(1_000, 200);
    let (per_second, seconds) = (20, ground.pick(10, 4));
    let shelf = Shelf::start();
    let (core, customer) = Core::stocked(ground, &shelf);
    let mut disk = vec![ground.fdatasync_ms()];
    let (mut lags, heard) = ground.runtime.block_on(async {
        customer.many("warm", 100, 8).await;
        customer.quiet().await;
        let acknowledged = Arc::new(Mutex::new(std::collections::HashMap::<String, Instant>::new()));
        let heard = Arc::new(Mutex::new(Vec::<(String, Instant)>::new()));
        let mut all = JoinSet::new();
        let mut customers = Vec::new();
        for _ in 0..CONNECTIONS {
            customers.push(core.customer().await);
        }
        for number in 0..watchers {
            let (customer, heard) = (customers[number % CONNECTIONS].clone(), Arc::clone(&heard));
            let watch = super::latency::begun(&customer).await;
            all.spawn(listen(watch, heard));
        }
        let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
        for number in 0..per_second * seconds {
            tick.tick().await;
            let (customer, acknowledged) = (customer.clone(), Arc::clone(&acknowledged));
            tokio::spawn(place(customer, format!("seen-{number}"), acknowledged));
        }
        customer.quiet().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        all.abort_all();
        let acknowledged = acknowledged.lock().expect("whole").clone();
        let heard = std::mem::take(&mut *heard.lock().expect("whole"));
        let lag = |(id, at): &(String, Instant)| {
            acknowledged.get(id).map(|then| at.saturating_duration_since(*then).as_secs_f64() * 1_000.0)
        };
        let lags: Vec<f64> = heard.iter().filter_map(lag).collect();
        (lags, heard.len())
    });
    disk.push(ground.fdatasync_ms());
    let expected = watchers * (per_second * seconds) as usize;
    assert_eq!(heard, expected, "each watcher hears of each order once");
    let f = median(&mut disk);
    vec![
        Figure::new(
            format!("{watchers} watchers of {per_second} orders a second: lag of events, p99"),
            quantile(&mut lags, 0.99),
            "ms",
        )
        .at_most(500.0, 2.0 * f + 10.0),
        Figure::new("  median", median(&mut lags), "ms"),
    ]
}

async fn place(customer: Customer, name: String, acknowledged: Arc<Mutex<std::collections::HashMap<String, Instant>>>) {
    let operation = customer.order(&one(&name, "")).await;
    acknowledged.lock().expect("whole").insert(operation, Instant::now());
}

/// Writes down when it hears that an order's operation was made.
async fn listen(mut watch: tonic::Streaming<vend::pb::WatchResponse>, heard: Arc<Mutex<Vec<(String, Instant)>>>) {
    while let Ok(Some(response)) = watch.message().await {
        let made = response.kind() == vend::pb::watch_response::Kind::Created && response.subject == "operation";
        // Of the two operations of an order the one on its resource names it.
        if made && !response.name.contains("/resources/") {
            heard.lock().expect("whole").push((response.id, Instant::now()));
        }
    }
}
