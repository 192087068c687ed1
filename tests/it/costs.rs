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
        let before = numbers::scrape(&self.0).1;
        self.0.apply(&document.to_string());
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
