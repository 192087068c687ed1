//! Nothing is lost and nothing is made twice: the core is killed again and again, and what there is afterwards is counted from outside.
//!
//! `make crash CYCLES=200` runs the long loop over the programs as they are released; without CYCLES it is a few cycles of `make test`.

mod script;
mod door;
mod customer;
mod observer;
mod found;
mod person;
mod count;
mod hits;
mod world;
mod cycle;
mod story;
mod table;
mod doubt;

use std::time::Instant;

use table::{Totals, WRITES};
use world::Ground;

/// So many cycles hit every class of write for certain.
const LONG: usize = 50;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")),
        _ => default,
    }
}

#[test]
fn killed_at_random_under_load() {
    let cycles = usize::try_from(number("CYCLES", 2)).expect("not that many");
    let orders = usize::try_from(number("ORDERS", 20)).expect("not that many");
    let seed = number("SEED", 1);
    let begun = Instant::now();
    let ground = Ground::new();
    if ground.classes().len() < script::Class::ALL.len() {
        println!("without transactions: there is no PostgreSQL here");
    }
    let mut totals = Totals::default();
    for cycle in 0..cycles as u64 {
        let started = Instant::now();
        let came = cycle::run(&ground, seed + cycle, orders);
        println!(
            "cycle {cycle} seed {}: {} kills, {} parked, {:?}, {} ms",
            seed + cycle,
            came.kills,
            came.person.said.len(),
            came.hits.iter().map(|(class, kills)| (class.as_str(), kills.len())).collect::<Vec<_>>(),
            started.elapsed().as_millis()
        );
        if !came.count.is_clean() {
            let faults = came.count.text();
            println!("{faults}{}", story::stories(&faults, &came.found, &came.ledger));
        }
        totals.add(came);
    }
    println!("{}{}", totals.table(), totals.line(begun.elapsed()));
    assert!(totals.count.is_clean(), "seed {seed}:\n{}", totals.count.text());
    if cycles >= LONG {
        for class in WRITES {
            assert!(totals.hit(class) > 0, "no kill has hit an open intent of class {class}");
        }
    }
}
