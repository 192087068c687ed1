//! What an order costs, counted: so many reads and commits for each resource, and for the hundredth as for the first.
//!
//! Time is nothing that a test can rely on; whoever adds a read to each step, or one for all resources to each of them, is told here.

use std::collections::BTreeMap;

use serde_json::json;

use crate::proof::core::Core;
use crate::proof::numbers;
use crate::support::fakecloud::Cloud;

/// Resources of a small order, and of a large one.
const FEW: usize = 40;
const MANY: usize = 160;

/// For one resource of many that is made with one write: intent, outcome, result; with the result, when it is looked at first.
const COMMITS: f64 = 3.2;
const WRITTEN: f64 = 13.0;
/// Whoever waits for the order reads as well, and the more often the longer it takes.
const READS_BY_KEY: f64 = 8.0;
const READS_OF_LISTS: f64 = 1.0;

/// What a resource costs in a large order, against a small one.
const GROWTH: f64 = 1.05;

#[derive(Debug, Clone, Copy)]
struct Cost {
    commits: f64,
    by_key: f64,
    lists: f64,
    written: f64,
}

struct Counted(Core);

impl Counted {
    fn start(cloud: &Cloud) -> Self {
        let core = numbers::core();
        core.install(&["fakecloud"]);
        core.apply(&cloud.platform());
        Self(core)
    }

    /// An order of so many things, waited for: what each of them came to.
    fn order(&self, name: &str, things: usize) -> Cost {
        let thing = |at: usize| {
            let params = json!({ "name": format!("{name}-{at}"), "size": 1 });
            (format!("r{at}"), json!({ "type": "cloud-named", "params": params }))
        };
        let resources: serde_json::Map<_, _> = (0..things).map(thing).collect();
        let document = json!({ "apiVersion": "vend/v1", "kind": "Order", "name": name, "resources": resources });
        self.applied(name, &document.to_string(), things)
    }

    fn applied(&self, name: &str, document: &str, things: usize) -> Cost {
        let before = numbers::scrape(&self.0).1;
        self.0.apply(document);
        self.0.ready(name);
        let after = numbers::scrape(&self.0).1;
        let each = |name: &str| {
            let of = |seen: &BTreeMap<String, f64>| seen.get(name).copied().unwrap_or(0.0);
            (of(&after) - of(&before)) / things as f64
        };
        Cost {
            commits: each("vend_commits_per_batch_sum"),
            by_key: each("vend_store_reads_total{how=\"key\"}"),
            lists: each("vend_store_reads_total{how=\"list\"}"),
            written: each("vend_store_written_rows_total"),
        }
    }
}

#[test]
fn a_resource_costs_so_much_and_in_large_orders_no_more() {
    let cloud = Cloud::start(&[]);
    let counted = Counted::start(&cloud);
    // What is read once is read here.
    counted.order("first", 4);
    let (few, many) = (counted.order("few", FEW), counted.order("many", MANY));
    println!("{few:?} {many:?}");
    for (what, few, many, most) in [
        ("commits", few.commits, many.commits, COMMITS),
        ("reads by key", few.by_key, many.by_key, READS_BY_KEY),
        ("reads of lists", few.lists, many.lists, READS_OF_LISTS),
        ("records written", few.written, many.written, WRITTEN),
    ] {
        assert!(few > 0.0, "{what} are counted");
        assert!(many <= most, "each resource takes {many} {what}, and not more than {most}");
    }
    for (what, few, many) in [("commits", few.commits, many.commits), ("records written", few.written, many.written)] {
        assert!(many <= few * GROWTH, "{what} for each resource grow with the order: {few}, then {many}");
    }
}

/// Orders in which things refer to others: what each resource costs, with its share of the references, is the same in small and in large ones.
mod edges {
    use super::*;
    use crate::support::shelf::{Shelf, platform};

    /// What a resource in such an order may cost beside what stands above: what it refers to is read, what it waits for is
    /// written down, and the queue asks what has become due.
    const FOR_AN_EDGE: f64 = 4.0;

    /// Of each thing the others that it refers to.
    type Shape = fn(usize, usize) -> Vec<usize>;

    /// Each refers to the one before it.
    fn chain(_: usize, at: usize) -> Vec<usize> {
        at.checked_sub(1).into_iter().collect()
    }

    /// All refer to the first one.
    fn needed(_: usize, at: usize) -> Vec<usize> {
        (at > 0).then_some(0).into_iter().collect()
    }

    /// The last one refers to all others.
    fn needing(all: usize, at: usize) -> Vec<usize> {
        if at + 1 == all { (0..at).collect() } else { Vec::new() }
    }

    /// Rows of eight: each refers to two of the row above.
    fn rows(_: usize, at: usize) -> Vec<usize> {
        let above = |place: usize| (at / 8).checked_sub(1).map(|row| row * 8 + place % 8);
        above(at).into_iter().chain(above(at + 1)).collect()
    }

    fn document(order: &str, things: usize, shape: Shape) -> String {
        let thing = |at: usize| {
            let of: Vec<_> =
                shape(things, at).iter().map(|other| format!("${{resources.r{other}.outputs.tag}}")).collect();
            let params = json!({ "name": format!("{order}-r{at}-x"), "size": 1, "of": of });
            (format!("r{at}"), json!({ "type": "thing", "params": params }))
        };
        let resources: serde_json::Map<_, _> = (0..things).map(thing).collect();
        json!({ "apiVersion": "vend/v1", "kind": "Order", "name": order, "resources": resources }).to_string()
    }

    /// `THINGS=5000` takes as many in place of a hundred and sixty.
    #[test]
    fn a_reference_costs_so_much_and_in_large_orders_no_more() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (runtime, shelf) = (runtime.expect("a runtime"), Shelf::default());
        let port = runtime.block_on(shelf.serve());
        let core = numbers::core();
        core.install(&["shelf"]);
        core.apply(&platform(port, 64));
        let counted = Counted(core);
        counted.applied("first", &document("first", 4, chain), 4);
        let many = std::env::var("THINGS").map_or(MANY, |text| text.parse().expect("a number"));
        let shapes: [(&str, Shape); 4] = [("chain", chain), ("needed", needed), ("needing", needing), ("rows", rows)];
        for (name, shape) in shapes {
            let of = |things: usize| {
                let order = format!("{name}{things}");
                let edges: usize = (0..things).map(|at| shape(things, at).len()).sum();
                (counted.applied(&order, &document(&order, things, shape), things), edges as f64 / things as f64)
            };
            let ((few, _), (many, edges)) = (of(FEW), of(many));
            println!("{name}: {few:?} {many:?}, {edges} references for each");
            for (what, few, many, most) in [
                ("commits", few.commits, many.commits, COMMITS + 1.0),
                ("reads by key", few.by_key, many.by_key, READS_BY_KEY + edges * FOR_AN_EDGE),
                ("reads of lists", few.lists, many.lists, READS_OF_LISTS + edges * FOR_AN_EDGE),
                ("records written", few.written, many.written, WRITTEN + edges * FOR_AN_EDGE),
            ] {
                assert!(few > 0.0, "{what} are counted");
                assert!(many <= most, "{name}: each resource takes {many} {what}, and not more than {most}");
            }
            // The share of references for each resource is not quite the same in both.
            let growth = GROWTH * 1.1;
            for (what, few, many) in
                [("commits", few.commits, many.commits), ("records written", few.written, many.written)]
            {
                assert!(
                    many <= few * growth,
                    "{name}: {what} for each resource grow with the order: {few}, then {many}"
                );
            }
        }
    }
}
