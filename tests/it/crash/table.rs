//! What all cycles came to, as a table by class and one line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use vend::pb::journal_line::{Kind, Origin};

use super::count::{Count, things};
use super::cycle::Cycle;
use super::script::Class;

/// Classes of writes that a kill must have hit in a long run.
pub const WRITES: [&str; 4] = ["idempotent", "keyed", "transactional", "unsafe"];

#[derive(Debug, Default, Clone, Copy)]
struct Row {
    orders: usize,
    requests: usize,
    made: usize,
    gone: usize,
    /// Writes sent again because their answers were lost.
    reissued: usize,
    /// Looks that settled a doubt.
    settled: usize,
    person: usize,
}

#[derive(Default)]
pub struct Totals {
    rows: BTreeMap<Class, Row>,
    cycles: usize,
    orders: usize,
    kills: usize,
    pub count: Count,
    hits: BTreeMap<String, usize>,
    slowest: Duration,
    replayed: usize,
    compared: usize,
}

impl Totals {
    pub fn add(&mut self, cycle: Cycle) {
        self.cycles += 1;
        self.orders += cycle.told.len();
        self.kills += cycle.kills;
        for (class, kills) in &cycle.hits {
            *self.hits.entry(class.clone()).or_default() += kills.len();
        }
        self.slowest = cycle.restarts.iter().copied().fold(self.slowest, Duration::max);
        self.replayed += cycle.replayed.steps;
        self.compared += cycle.replayed.compared;
        let class_of: BTreeMap<&str, Class> = cycle.told.iter().map(|it| (it.order.as_str(), it.class)).collect();
        let order_of = |name: &str| class_of.get(name.split('/').nth(5).unwrap_or_default()).copied();
        for told in &cycle.told {
            let row = self.rows.entry(told.class).or_default();
            row.orders += 1;
            row.requests += told.operations.len();
        }
        for thing in things(&cycle.ledger) {
            let class = Class::ALL.into_iter().find(|it| it.collection() == Some(&thing.collection));
            let row = self.rows.entry(class.expect("a collection of ours")).or_default();
            row.made += 1;
            row.gone += usize::from(thing.gone.is_some());
        }
        for (id, lines) in &cycle.found.journals {
            let operation = &cycle.found.operations[id];
            let Some(class) = order_of(&operation.order) else { continue };
            let row = self.rows.entry(class).or_default();
            row.reissued += lines.iter().filter(|it| it.origin() == Origin::Reissued).count();
            let proves = |it: &&vend::pb::JournalLine| it.kind() == Kind::Look && it.outcome != "unknown";
            row.settled += lines.iter().filter(proves).count();
            row.person += cycle.person.said.iter().filter(|(resource, _)| *resource == operation.resource).count();
        }
        self.count.add(cycle.count);
    }

    pub fn hit(&self, class: &str) -> usize {
        self.hits.get(class).copied().unwrap_or_default()
    }

    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<15}{:>8}{:>10}{:>8}{:>8}{:>10}{:>9}{:>8}\n",
            "class", "orders", "requests", "made", "gone", "reissued", "settled", "person"
        );
        for (class, row) in &self.rows {
            let Row { orders, requests, made, gone, reissued, settled, person } = row;
            let name = class.as_str();
            let _ = writeln!(
                text,
                "{name:<15}{orders:>8}{requests:>10}{made:>8}{gone:>8}{reissued:>10}{settled:>9}{person:>8}"
            );
        }
        let hits: Vec<String> = WRITES.iter().map(|class| format!("{class} {}", self.hit(class))).collect();
        let _ = writeln!(text, "kills between an intent and its outcome: {}", hits.join(", "));
        let _ = writeln!(text, "replayed without effects: {} steps, {} answers the same", self.replayed, self.compared);
        let _ = writeln!(text, "slowest restart: {} ms", self.slowest.as_millis());
        text
    }

    pub fn line(&self, took: Duration) -> String {
        let Count { lost, duplicate, orphan, violations } = &self.count;
        format!(
            "cycles={} orders={} kills={} lost={} duplicate={} orphan={} violations={} seconds={}",
            self.cycles,
            self.orders,
            self.kills,
            lost.len(),
            duplicate.len(),
            orphan.len(),
            violations.len(),
            took.as_secs()
        )
    }
}
