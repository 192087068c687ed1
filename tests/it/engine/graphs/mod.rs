//! Orders made up by chance, with failures made up by chance: they come to what a simple model says, and go without a trace.
//!
//! `GRAPHS=100000` takes more of them, `FROM=600` others; `GRAPH=17` takes that one alone, thirty times or as often as `GRAPHS` says.
//! `make planted` breaks what they are to find.

mod history;
mod life;
mod model;

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};

use history::History;
use life::World;
use vend::domain::document::Replace;

/// As many as a run of all tests has time for.
const FEW: u64 = 500;
/// How often one alone is taken: what overtakes another does so at another moment each time.
const AGAIN: u64 = 30;
/// Orders that live at once.
const ABREAST: usize = 24;
/// Orders between two changes of what they are made with.
const BATCH: u64 = 200;
/// Failures that are told.
const TOLD: usize = 3;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_come_to_what_a_simple_model_says() {
    live(Replace::DeleteFirst, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn they_do_where_what_is_replaced_stays_until_the_new_one_serves() {
    live(Replace::CreateFirst, FEW / 3).await;
}

async fn live(replace: Replace, few: u64) {
    let only = variable("GRAPH");
    let count = variable("GRAPHS").unwrap_or(if only.is_some() { AGAIN } else { few });
    let world = Arc::new(World::new(replace).await);
    let mut failed = Vec::new();
    let from = variable("FROM").unwrap_or(0);
    let (mut at, count) = (from, from + count);
    while at < count && failed.len() < TOLD {
        let end = count.min(at + BATCH);
        let lives = stream::iter((at..end).map(|seed| {
            let world = world.clone();
            let seed = only.unwrap_or(seed);
            tokio::spawn(async move {
                let history = History::random(seed);
                let lived = world.live(&history).await;
                (seed, history, lived)
            })
        }));
        let lived: Vec<_> = lives.buffer_unordered(ABREAST).collect().await;
        let mut standing = Vec::new();
        for life in lived {
            match life.expect("no panic") {
                (_, history, Ok(order)) => standing.push((order, history.stuck)),
                (seed, history, Err(error)) => {
                    println!("GRAPH={seed}: {error}");
                    failed.push((seed, history, error));
                }
            }
        }
        if let Err(error) = world.end(standing, at).await {
            panic!("FROM={at} GRAPHS={}: {error}", end - at);
        }
        at = end;
    }
    let mut told = Vec::new();
    for (seed, history, error) in failed.into_iter().take(TOLD) {
        let smaller = smallest(&world, history, error.clone()).await;
        let (history, why) = &smaller;
        let steps: Vec<_> = history.steps.iter().map(|step| format!("\n  {step:?}")).collect();
        told.push(format!("GRAPH={seed}: {error}\nwith fewer keys: {why}{}", steps.concat()));
    }
    assert!(told.is_empty(), "{}", told.join("\n\n"));
}

/// Keys are left out as long as it still goes wrong.
async fn smallest(world: &Arc<World>, mut history: History, mut error: String) -> (History, String) {
    for key in history.keys() {
        let less = history.without(key);
        if less.steps.iter().any(|step| step.desired.is_empty()) {
            continue;
        }
        if let Err(why) = world.live(&less).await {
            (history, error) = (less, why);
        }
    }
    (history, error)
}
