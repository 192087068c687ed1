//! What is counted and measured, for Prometheus. One process has one set of it.
//!
//! Labels name what an operator has set up (drivers, connections) or words of the product: never an order, a person or a secret, so that
//! their number stays bounded.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::default);
    &METRICS
}

type Labels<const N: usize> = [(&'static str, String); N];

/// Histograms of time with these bounds.
#[derive(Clone)]
struct Times(&'static [f64]);

impl MetricConstructor<Histogram> for Times {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

type Timed<const N: usize> = Family<Labels<N>, Histogram, Times>;

/// Seconds.
const SHORT: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];
const LONG: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

pub struct Metrics {
    registry: Registry,
    calls: Timed<2>,
    orders: Family<Labels<1>, Counter>,
    ended: Family<Labels<2>, Counter>,
    steps: Timed<3>,
    effects: Timed<3>,
    denied: Family<Labels<1>, Counter>,
    looks: Family<Labels<2>, Counter>,
    observations: Family<Labels<2>, Counter>,
    corrections: Family<Labels<1>, Counter>,
    batches: Histogram,
    commits: Histogram,
    reads: Family<Labels<1>, Counter>,
    rows: Counter,
    operations: Family<Labels<1>, Gauge>,
    in_doubt: Gauge,
    held: Gauge,
    queue_age: Gauge<f64, std::sync::atomic::AtomicU64>,
    attempts: Gauge,
    most_attempts: Gauge,
    holds: Family<Labels<1>, Gauge>,
    resident: Gauge,
}

/// What is not counted as it happens but looked up when somebody asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Operations on resources that have not ended, by state.
    pub operations: Vec<(&'static str, u64)>,
    /// Of them those with a write whose outcome is not known.
    pub in_doubt: u64,
    /// Of them those that wait for a pause or a breaker to end.
    pub held: u64,
    /// How long the operation that has been due for longest has been so.
    pub queue_age: Duration,
    pub attempts: u64,
    pub most_attempts: u64,
    /// Pauses and open breakers, by cause.
    pub holds: Vec<(&'static str, u64)>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("vend"),
            calls: Family::new_with_constructor(Times(LONG)),
            orders: Family::default(),
            ended: Family::default(),
            steps: Family::new_with_constructor(Times(LONG)),
            effects: Family::new_with_constructor(Times(LONG)),
            denied: Family::default(),
            looks: Family::default(),
            observations: Family::default(),
            corrections: Family::default(),
            batches: Histogram::new(SIZES.iter().copied()),
            commits: Histogram::new(SHORT.iter().copied()),
            reads: Family::default(),
            rows: Counter::default(),
            operations: Family::default(),
            in_doubt: Gauge::default(),
            held: Gauge::default(),
            queue_age: Gauge::default(),
            attempts: Gauge::default(),
            most_attempts: Gauge::default(),
            holds: Family::default(),
            resident: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let it = &mut self.registry;
        let second = || Unit::Seconds;
        it.register_with_unit(
            "call",
            "Time that calls of the API took, by method and status",
            second(),
            self.calls.clone(),
        );
        it.register("orders", "Orders accepted, by verb", self.orders.clone());
        it.register(
            "operations_ended",
            "Operations on resources that have ended, by verb and state",
            self.ended.clone(),
        );
        it.register_with_unit(
            "step",
            "Time of one attempt of a driver, by driver, verb and outcome",
            second(),
            self.steps.clone(),
        );
        it.register_with_unit(
            "effect",
            "Time of one call to a backend, by connection, function and outcome",
            second(),
            self.effects.clone(),
        );
        it.register(
            "denied_calls",
            "Calls of drivers that were refused for lack of a right, by driver",
            self.denied.clone(),
        );
        it.register(
            "looks",
            "Looks at what became of a write in doubt, by how and what they proved",
            self.looks.clone(),
        );
        it.register(
            "observations",
            "Looks at resources at their backends, by driver and what was seen",
            self.observations.clone(),
        );
        it.register("corrections", "Operations that bring back what has drifted, by driver", self.corrections.clone());
        it.register(
            "commits_per_batch",
            "Commits that one transaction of the store made durable",
            self.batches.clone(),
        );
        it.register_with_unit("store_commit", "Time of one transaction of the store", second(), self.commits.clone());
        it.register("store_reads", "Reads of the store: of a record by its key, or of a list", self.reads.clone());
        it.register("store_written_rows", "Records that commits have put or removed", self.rows.clone());
        it.register("operations", "Operations on resources that have not ended, by state", self.operations.clone());
        it.register("operations_in_doubt", "Operations with a write whose outcome is not known", self.in_doubt.clone());
        it.register("operations_held", "Operations that wait for a pause or a breaker to end", self.held.clone());
        it.register_with_unit(
            "queue_age",
            "How long the operation that has been due for longest has been so",
            second(),
            self.queue_age.clone(),
        );
        it.register("attempts", "Attempts of drivers at work", self.attempts.clone());
        it.register("attempts_limit", "Attempts of drivers that can be at work", self.most_attempts.clone());
        it.register("holds", "Pauses and open breakers, by cause", self.holds.clone());
        it.register_with_unit("resident_memory", "Memory of this process", Unit::Bytes, self.resident.clone());
    }

    pub fn call(&self, method: &str, code: &str, took: Duration) {
        let labels = [("method", method.to_owned()), ("code", code.to_owned())];
        self.calls.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub fn accepted(&self, verb: &str) {
        self.orders.get_or_create(&[("verb", verb.to_owned())]).inc();
    }

    pub fn ended(&self, verb: &str, state: &str) {
        self.ended.get_or_create(&[("verb", verb.to_owned()), ("state", state.to_owned())]).inc();
    }

    pub fn step(&self, driver: &str, verb: &str, outcome: &str, took: Duration) {
        let labels = [("driver", driver.to_owned()), ("verb", verb.to_owned()), ("outcome", outcome.to_owned())];
        self.steps.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub fn denied(&self, driver: &str, times: u32) {
        if times > 0 {
            self.denied.get_or_create(&[("driver", driver.to_owned())]).inc_by(times.into());
        }
    }

    pub fn effect(&self, connection: &str, function: &str, outcome: &str, took: Duration) {
        let labels =
            [("connection", connection.to_owned()), ("function", function.to_owned()), ("outcome", outcome.to_owned())];
        self.effects.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub fn look(&self, how: &str, proved: &str) {
        self.looks.get_or_create(&[("how", how.to_owned()), ("proved", proved.to_owned())]).inc();
    }

    /// `outcome`: `ready`, `unready`, `absent`, `drifted` or `inconclusive`.
    pub fn observed(&self, driver: &str, outcome: &str) {
        self.observations.get_or_create(&[("driver", driver.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }

    pub fn corrected(&self, driver: &str) {
        self.corrections.get_or_create(&[("driver", driver.to_owned())]).inc();
    }

    pub fn batch(&self, commits: usize, took: Duration) {
        self.batches.observe(commits as f64);
        self.commits.observe(took.as_secs_f64());
    }

    /// `how`: `key` or `list`.
    pub fn read(&self, how: &'static str) {
        self.reads.get_or_create(&[("how", how.to_owned())]).inc();
    }

    pub fn wrote(&self, rows: usize) {
        self.rows.inc_by(rows as u64);
    }

    /// All of it in the text format of Prometheus.
    pub fn page(&self, now: &Snapshot) -> Result<String, std::fmt::Error> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, count) in &now.operations {
            self.operations.get_or_create(&[("state", (*state).to_owned())]).set(number(*count));
        }
        for (cause, count) in &now.holds {
            self.holds.get_or_create(&[("cause", (*cause).to_owned())]).set(number(*count));
        }
        self.in_doubt.set(number(now.in_doubt));
        self.held.set(number(now.held));
        self.queue_age.set(now.queue_age.as_secs_f64());
        self.attempts.set(number(now.attempts));
        self.most_attempts.set(number(now.most_attempts));
        self.resident.set(number(resident_bytes()));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(named_as_sampled(&text))
    }
}

/// OpenMetrics as text in the format of Prometheus, version 0.0.4: a counter is described under the name that its samples have, and units and
/// the end are not told.
fn named_as_sampled(text: &str) -> String {
    let described = |line: &str| {
        let rest = line.strip_prefix("# TYPE ").or_else(|| line.strip_prefix("# HELP "))?;
        rest.split(' ').next().map(str::to_owned)
    };
    let counters: Vec<String> = text.lines().filter(|line| line.ends_with(" counter")).filter_map(described).collect();
    let mut named = String::with_capacity(text.len() + counters.len() * 16);
    for line in text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        match described(line).filter(|name| counters.contains(name)) {
            Some(name) => named.push_str(&line.replacen(&name, &format!("{name}_total"), 1)),
            None => named.push_str(line),
        }
        named.push('\n');
    }
    named
}

/// As Linux tells; 0 where it does not.
pub fn resident_bytes() -> u64 {
    const PAGE: u64 = 4_096;
    let told = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    told.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_what_was_counted_and_what_is() {
        let metrics = Metrics::default();
        metrics.step("postgres", "create", "done", Duration::from_millis(3));
        metrics.accepted("apply");
        let now = Snapshot {
            operations: vec![("needs-attention", 2)],
            in_doubt: 1,
            queue_age: Duration::from_millis(1_500),
            ..Snapshot::default()
        };
        let page = metrics.page(&now).expect("text");
        for line in [
            "vend_step_seconds_count{driver=\"postgres\",verb=\"create\",outcome=\"done\"} 1",
            "# TYPE vend_orders_total counter",
            "# HELP vend_orders_total Orders accepted, by verb.",
            "vend_orders_total{verb=\"apply\"} 1",
            "vend_operations{state=\"needs-attention\"} 2",
            "vend_operations_in_doubt 1",
            "vend_queue_age_seconds 1.5",
        ] {
            assert!(page.lines().any(|it| it == line), "no `{line}` in\n{page}");
        }
    }
}
