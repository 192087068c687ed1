//! Rows: a case, its twin, and what both came to. What is wrong is told together, at the end.

use vend::domain::contract::Answer;
use vend::domain::reason::Reason;
use vend::driver::{Failure, LoadError, Report as Attempted};

use super::rig::resident_mib;
use crate::support::report::Report;

pub struct Cases {
    report: Report,
    wrong: Vec<String>,
}

/// What a case may leave in memory, MiB: nothing, but other tests run in this process as well.
const LEFT_MIB: i64 = 400;

impl Cases {
    pub fn new(part: &'static str) -> Self {
        Self { report: Report::part("driver", part), wrong: Vec::new() }
    }

    /// One row: `hostile` ends with all these words (a reason, a code, a limit), `twin` succeeds.
    pub async fn attempt(
        &mut self,
        case: &str,
        words: &[&str],
        hostile: impl Future<Output = Attempted>,
        twin: impl Future<Output = Attempted>,
    ) {
        let before = resident_mib();
        let report = hostile.await;
        let outcome = outcome(&report.result);
        self.hold(case, words, report.result.is_err(), &outcome);
        let cost = self.cost(case, &report, before);
        self.report.row(case, shorten(&outcome), cost);
        self.twin(case, &twin.await.result);
    }

    /// One row: `hostile` cannot even be loaded, `twin` can.
    pub async fn load<T, U>(
        &mut self,
        case: &str,
        words: &[&str],
        hostile: impl Future<Output = Result<T, LoadError>>,
        twin: impl Future<Output = Result<U, LoadError>>,
    ) {
        let before = resident_mib();
        let loaded = hostile.await;
        let outcome = match &loaded {
            Ok(_) => "loaded".to_owned(),
            Err(LoadError::Describe(failure)) => format!("DRIVER_INVALID: describe failed: {failure}"),
            Err(error) => format!("DRIVER_INVALID: {error}"),
        };
        self.hold(case, words, loaded.is_err(), &outcome);
        self.report.row(case, shorten(&outcome), grown(before));
        if let Err(error) = twin.await {
            self.wrong.push(format!("{case}: the twin is refused: {error}"));
        }
    }

    /// A row of a kind of its own.
    pub fn row(&mut self, case: &str, words: &[&str], refused: bool, outcome: &str, cost: &str) {
        self.hold(case, words, refused, outcome);
        self.report.row(case, shorten(outcome), cost);
    }

    pub fn check(&mut self, case: &str, holds: bool, what: impl std::fmt::Debug) {
        if !holds {
            self.wrong.push(format!("{case}: {what:?}"));
        }
    }

    fn hold(&mut self, case: &str, words: &[&str], refused: bool, outcome: &str) {
        if !refused {
            self.wrong.push(format!("{case}: was not refused: {outcome}"));
        }
        for word in words.iter().filter(|word| !outcome.contains(**word)) {
            self.wrong.push(format!("{case}: does not say `{word}`: {outcome}"));
        }
    }

    fn cost(&mut self, case: &str, report: &Attempted, before: i64) -> String {
        let left = resident_mib() - before;
        if left > LEFT_MIB {
            self.wrong.push(format!("{case}: {left} MiB are left in memory"));
        }
        let held = report.usage.memory_bytes.div_ceil(1 << 20);
        format!("{} ms, {held} MiB, process {left:+} MiB", report.usage.cpu_ms)
    }

    fn twin(&mut self, case: &str, result: &Result<Answer, Failure>) {
        if let Err(failure) = result {
            self.wrong.push(format!("{case}: the twin fails: {failure}"));
        }
    }

    #[track_caller]
    pub fn end(self) {
        assert!(self.wrong.is_empty(), "{} wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

pub fn grown(before: i64) -> String {
    format!("process {:+} MiB", resident_mib() - before)
}

/// In the words of operations: a reason and what it is about.
pub fn outcome(result: &Result<Answer, Failure>) -> String {
    let reason = |reason: Reason, of: &dyn std::fmt::Display| format!("{reason}: {of}");
    match result {
        Ok(_) => "succeeded".to_owned(),
        Err(Failure::Driver(error)) => format!("{} {}: {}", error.reason(), error.code, error.message),
        Err(failure @ Failure::Trapped(_)) => reason(Reason::DriverTrapped, failure),
        Err(Failure::Limit { limit, max }) => {
            format!("{}: {limit}, {max} {} at most", Reason::DriverLimitExceeded, limit.unit())
        }
        Err(failure @ Failure::Diverged { .. }) => reason(Reason::Nondeterministic, failure),
        Err(failure @ Failure::InDoubt(_)) => reason(Reason::OutcomeUnknown, failure),
        Err(failure @ Failure::Unfit(_)) => reason(Reason::DriverUnfit, failure),
        Err(failure @ Failure::Ungranted { .. }) => reason(Reason::EgressDenied, failure),
        Err(failure @ (Failure::Journal(_) | Failure::Host(_))) => reason(Reason::Internal, failure),
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 150;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}
