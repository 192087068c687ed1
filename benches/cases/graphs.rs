//! Orders whose resources refer to one another, beside one whose resources do not: made, planned again with nothing to do, and deleted.
//! What large orders must keep, they must keep with references too.

use std::time::Instant;

use crate::core::Core;
use crate::customer::referring;
use crate::figure::Figure;
use crate::ground::Ground;
use crate::shelf::Shelf;

const DEEP: usize = 1_000;
const ROW: usize = 100;

/// Of each thing of so many the others that it refers to.
type Shape = fn(usize, usize) -> Vec<usize>;

/// In the order of the table; the first is what the others are held against.
const SHAPES: [(&str, Shape); 4] = [
    ("without references", |_, _| Vec::new()),
    ("in chains of 1,000", |_, at| if at % DEEP == 0 { Vec::new() } else { vec![at - 1] }),
    ("half of which need one, and one of which needs the other half", |all, at| match at {
        0 => (all / 2..all).collect(),
        1 => Vec::new(),
        _ if at < all / 2 => vec![1],
        _ => Vec::new(),
    }),
    ("in rows of 100, each of which needs two of the row above", |_, at| match (at / ROW).checked_sub(1) {
        Some(row) => vec![row * ROW + at % ROW, row * ROW + (at + 1) % ROW],
        None => Vec::new(),
    }),
];

pub fn run(ground: &Ground) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut bare = None;
    let things = if ground.quick { 2_000 } else { 10_000 };
    for (name, shape) in SHAPES {
        let shelf = Shelf::start();
        let (core, customer) = Core::stocked(ground, &shelf);
        let document = referring("graph", things, |at| shape(things, at));
        let (made, planned, deleted) = ground.runtime.block_on(async {
            customer.many("warm", 200, 64).await;
            customer.quiet().await;
            let begun = Instant::now();
            let operation = customer.order(&document).await;
            customer.ready(&operation).await;
            let made = begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            assert_eq!(customer.plan(&document).await, 0, "there is nothing to do");
            let planned = begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            customer.delete("graph").await;
            (made, planned, begun.elapsed().as_secs_f64())
        });
        let share = things as f64 / 10_000.0;
        let ready = Figure::new(format!("{things} resources {name}: Ready"), made, "s");
        figures.push(ready.must_not_exceed(20.0 * share));
        let memory = Figure::new("  memory of the core", core.memory() / 1024.0 / 1024.0, "MiB");
        match bare {
            None => bare = Some(made),
            Some(bare) => figures.push(Figure::new("  against without", made / bare, "×")),
        }
        figures.push(Figure::new("  planned with nothing to do", planned, "s").must_not_exceed(2.0 * share));
        figures.push(Figure::new("  deleted", deleted, "s"));
        figures.push(memory);
    }
    figures
}
