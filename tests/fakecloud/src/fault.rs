//! What goes wrong, chosen per request: by rules that count, or by chance that can be repeated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chance::Chance;

const MOST_RULES: usize = 1_000;
const LONGEST_DELAY_MS: u64 = 600_000;
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The connection is cut, and nothing was applied.
    DropBefore,
    /// Applied, then the connection is cut.
    DropAfter,
    /// Applied, then half the answer, then the connection is cut.
    HalfAnswer,
    /// Applied late, whether or not the client still waits.
    DelayBeforeMs(u64),
    /// Applied at once, answered late.
    DelayAfterMs(u64),
    #[serde(rename = "429")]
    TooMany,
    #[serde(rename = "500-before")]
    ErrorBefore,
    #[serde(rename = "500-after")]
    ErrorAfter,
    #[serde(rename = "504-after")]
    TimeoutAfter,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::DropBefore => "drop-before",
            Fault::DropAfter => "drop-after",
            Fault::HalfAnswer => "half-answer",
            Fault::DelayBeforeMs(_) => "delay-before",
            Fault::DelayAfterMs(_) => "delay-after",
            Fault::TooMany => "429",
            Fault::ErrorBefore => "500-before",
            Fault::ErrorAfter => "500-after",
            Fault::TimeoutAfter => "504-after",
        }
    }

    /// Whether the request is not applied.
    pub fn is_before(self) -> bool {
        matches!(self, Fault::DropBefore | Fault::TooMany | Fault::ErrorBefore)
    }
}

/// What is to go wrong.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The first that applies decides.
    #[serde(default)]
    rules: Vec<Rule>,
    /// Where no rule applies.
    #[serde(default)]
    random: Option<Random>,
}

/// Of the requests that match: the first `skip` pass, the next `times` get the fault, the rest passes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Rule {
    /// Any, if there is none.
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path_prefix: String,
    #[serde(default)]
    skip: u64,
    #[serde(default = "once")]
    times: u64,
    fault: Fault,
}

fn once() -> u64 {
    1
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Random {
    /// From 0 to 1.
    rate: f64,
    kinds: Vec<Fault>,
    seed: u64,
    /// All, if there are none.
    #[serde(default)]
    methods: Vec<String>,
}

impl Plan {
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let check_method = |method: &String| match METHODS.contains(&method.as_str()) {
            true => Ok(()),
            false => Err(format!("no request has the method `{method}`: it is one of {}", METHODS.join(", "))),
        };
        if self.rules.len() > MOST_RULES {
            return Err(format!("at most {MOST_RULES} rules"));
        }
        self.rules.iter().filter_map(|rule| rule.method.as_ref()).try_for_each(check_method)?;
        let kinds = self.random.iter().flat_map(|random| &random.kinds);
        for fault in self.rules.iter().map(|rule| &rule.fault).chain(kinds) {
            if let Fault::DelayBeforeMs(ms) | Fault::DelayAfterMs(ms) = fault
                && *ms > LONGEST_DELAY_MS
            {
                return Err(format!("a delay is at most {LONGEST_DELAY_MS} ms"));
            }
        }
        let Some(random) = &self.random else { return Ok(()) };
        random.methods.iter().try_for_each(check_method)?;
        if !(0.0..=1.0).contains(&random.rate) {
            return Err("rate is from 0 to 1".to_owned());
        }
        if random.kinds.is_empty() {
            return Err("kinds names one fault at least".to_owned());
        }
        Ok(())
    }
}

/// A plan and how far it has come.
pub struct Faults {
    pub plan: Plan,
    /// Requests that matched, by rule.
    matched: Vec<u64>,
    chance: Chance,
    /// By name, since the process began.
    pub done: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub fn none() -> Self {
        Self { plan: Plan::default(), matched: Vec::new(), chance: Chance::new(0), done: BTreeMap::new() }
    }

    pub fn replace(&mut self, plan: Plan) {
        self.matched = vec![0; plan.rules.len()];
        self.chance = Chance::new(plan.random.as_ref().map_or(0, |random| random.seed));
        self.plan = plan;
    }

    /// Asked once for each request.
    pub fn choose(&mut self, method: &str, path: &str) -> Option<Fault> {
        let fault = self.by_rule(method, path).or_else(|| self.by_chance(method))?;
        *self.done.entry(fault.name()).or_default() += 1;
        Some(fault)
    }

    fn by_rule(&mut self, method: &str, path: &str) -> Option<Fault> {
        for (rule, matched) in self.plan.rules.iter().zip(&mut self.matched) {
            if rule.method.as_deref().is_some_and(|it| it != method) || !path.starts_with(&rule.path_prefix) {
                continue;
            }
            *matched += 1;
            if *matched > rule.skip && *matched - rule.skip <= rule.times {
                return Some(rule.fault);
            }
        }
        None
    }

    fn by_chance(&mut self, method: &str) -> Option<Fault> {
        let random = self.plan.random.as_ref()?;
        if !random.methods.is_empty() && !random.methods.iter().any(|it| it == method) {
            return None;
        }
        (self.chance.fraction() < random.rate).then(|| *self.chance.pick(&random.kinds))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fault, Faults, Plan};

    fn faults(plan: Value) -> Faults {
        let plan: Plan = serde_json::from_value(plan).expect("a plan");
        plan.check().expect("it is right");
        let mut faults = Faults::none();
        faults.replace(plan);
        faults
    }

    #[test]
    fn a_rule_counts_what_matches_it() {
        let mut faults = faults(json!({ "rules": [
            { "method": "POST", "path-prefix": "/v1/keyed", "skip": 1, "times": 2, "fault": "drop-after" },
            { "path-prefix": "/v1/keyed", "fault": { "delay-before-ms": 7 } },
        ]}));
        let mut choose = |method, path| faults.choose(method, path);
        assert_eq!(choose("POST", "/v1/blind"), None);
        assert_eq!(choose("POST", "/v1/keyed"), Some(Fault::DelayBeforeMs(7)), "the first rule skips one");
        assert_eq!(choose("POST", "/v1/keyed"), Some(Fault::DropAfter));
        assert_eq!(choose("PUT", "/v1/keyed/1"), None, "the second rule was for once");
        assert_eq!(choose("POST", "/v1/keyed/1/parts"), Some(Fault::DropAfter));
        assert_eq!(choose("POST", "/v1/keyed"), None);
        assert_eq!(faults.done.into_iter().collect::<Vec<_>>(), [("delay-before", 1), ("drop-after", 2)]);
    }

    #[test]
    fn chance_is_the_same_for_a_seed() {
        let plan = json!({ "random": { "rate": 0.25, "kinds": ["429", "500-after"], "seed": 7, "methods": ["PUT"] } });
        let draw = || {
            let mut faults = faults(plan.clone());
            (0..1000).map(|_| faults.choose("PUT", "/v1/named/a")).collect::<Vec<_>>()
        };
        let drawn = draw();
        assert_eq!(drawn, draw());
        let of = |fault| drawn.iter().filter(|it| **it == Some(fault)).count();
        let counts = (of(Fault::TooMany), of(Fault::ErrorAfter));
        assert!((80..170).contains(&counts.0) && (80..170).contains(&counts.1), "{counts:?}");
        assert_eq!(faults(plan.clone()).choose("GET", "/v1/named/a"), None);
    }

    #[test]
    fn a_plan_that_cannot_be_is_refused() {
        let refused = |plan: Value| match serde_json::from_value::<Plan>(plan) {
            Ok(plan) => plan.check().expect_err("it is wrong"),
            Err(error) => error.to_string(),
        };
        let check = |plan: Value, expected: &str| {
            let said = refused(plan);
            assert!(said.contains(expected), "{said}");
        };
        check(json!({ "rule": [] }), "unknown field `rule`");
        check(json!({ "rules": [{ "fault": "explode" }] }), "unknown variant `explode`");
        check(json!({ "rules": [{ "method": "PATCH", "fault": "429" }] }), "`PATCH`");
        check(json!({ "rules": [{ "fault": { "delay-after-ms": 600_001 } }] }), "at most 600000");
        check(json!({ "random": { "rate": 2, "kinds": ["429"], "seed": 1 } }), "from 0 to 1");
        check(json!({ "random": { "rate": 1, "kinds": [], "seed": 1 } }), "one fault");
    }
}
