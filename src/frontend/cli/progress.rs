//! How work goes on, for whoever waits: bars at a terminal, a line per change elsewhere, always on stderr.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::paint::clean;
use super::terminal::Terminal;
use super::view::{state_word, verb_word};
use crate::pb::{Operation, operation::State, operation::Verb};

/// So many resources are shown at work at once; the rest is in the count.
const ROWS: usize = 12;

pub struct Progress {
    terminal: Terminal,
    /// What was last said of each key.
    said: BTreeMap<String, String>,
    bars: Option<Bars>,
    away: bool,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    rows: BTreeMap<String, ProgressBar>,
}

impl Progress {
    pub fn new(terminal: &Terminal, title: &str) -> Self {
        let bars = (terminal.stderr && !terminal.quiet).then(|| Bars::new(title));
        Progress { terminal: terminal.clone(), said: BTreeMap::new(), bars, away: false }
    }

    /// Shows the operation and its children as they are now.
    pub fn show(&mut self, operation: &Operation, children: &[Operation]) {
        self.away = false;
        for child in children {
            self.row(&child.resource_key, &words(child), Some(child));
        }
        if children.is_empty() {
            let key = if operation.resource_key.is_empty() { "order" } else { operation.resource_key.as_str() };
            self.row(key, &words(operation), Some(operation));
        }
        if let Some(bars) = &self.bars {
            let total: i32 = operation.children.values().sum();
            let done = ["succeeded", "failed", "cancelled", "superseded"]
                .iter()
                .filter_map(|state| operation.children.get(*state))
                .sum::<i32>();
            bars.total.set_length(u64::try_from(total).unwrap_or(0));
            bars.total.set_position(u64::try_from(done).unwrap_or(0));
            bars.total.tick();
        }
    }

    /// One thing that has no operation, such as an order that is waited for.
    pub fn note(&mut self, key: &str, words: &str) {
        self.away = false;
        self.row(key, words, None);
    }

    /// The core does not answer; said once until it does again.
    pub fn lost(&mut self, why: &str) {
        if !self.away {
            self.line(&format!("the core does not answer ({why}); trying again"));
        }
        self.away = true;
    }

    pub fn finish(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.rows.values().for_each(ProgressBar::finish_and_clear);
            bars.total.finish_and_clear();
        }
    }

    fn row(&mut self, key: &str, words: &str, operation: Option<&Operation>) {
        if self.said.get(key).is_some_and(|said| said == words) {
            return;
        }
        self.said.insert(key.to_owned(), words.to_owned());
        let text = clean(&format!("{key}  {words}"));
        let Some(bars) = &mut self.bars else {
            self.terminal.say(&text);
            return;
        };
        let rests = operation.is_some_and(|it| it.done || it.state() == State::NeedsAttention);
        if rests {
            if let Some(row) = bars.rows.remove(key) {
                row.finish_and_clear();
                bars.all.remove(&row);
            }
            // A terminal that goes away takes nothing with it but this line.
            bars.all.println(text).unwrap_or_default();
        } else if let Some(row) = bars.rows.get(key) {
            row.set_message(text);
        } else if bars.rows.len() < ROWS {
            bars.add(key, text);
        }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.all.println(text).unwrap_or_default(),
            None => self.terminal.say(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Bars {
    fn new(title: &str) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix}  {bar:24} {pos}/{len}  {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let total = all.add(ProgressBar::new(0).with_style(style).with_prefix(title.to_owned()));
        Bars { all, total, rows: BTreeMap::new() }
    }

    fn add(&mut self, key: &str, text: String) {
        let style =
            ProgressStyle::with_template("  {spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let row = self.all.insert_before(&self.total, ProgressBar::new_spinner().with_style(style).with_message(text));
        row.enable_steady_tick(std::time::Duration::from_millis(120));
        self.rows.insert(key.to_owned(), row);
    }
}

/// `creating … waiting for the server to answer`, `created`, `failed (BACKEND_REFUSED): …`.
pub fn words(operation: &Operation) -> String {
    let (doing, done) = match operation.verb() {
        Verb::Create => ("creating", "created"),
        Verb::Update => ("updating", "updated"),
        Verb::Replace => ("replacing", "replaced"),
        Verb::Delete => ("deleting", "deleted"),
        Verb::Adopt => ("adopting", "adopted"),
        Verb::Release => ("releasing", "released"),
        Verb::Apply => ("applying", "applied"),
        Verb::Upgrade => ("upgrading", "upgraded"),
        Verb::Unspecified => (verb_word(operation.verb()), "done"),
    };
    let because = |word: &str| match (operation.reason.as_str(), operation.message.as_str()) {
        ("", "") => word.to_owned(),
        (reason, "") => format!("{word} ({reason})"),
        ("", message) => format!("{word}: {message}"),
        (reason, message) => format!("{word} ({reason}): {message}"),
    };
    match operation.state() {
        State::Queued => "queued".to_owned(),
        State::Running if operation.status.is_empty() => format!("{doing} …"),
        State::Running => format!("{doing} … {}", operation.status),
        State::Waiting => {
            let status = if operation.status.is_empty() { "waiting" } else { &operation.status };
            format!("{doing} … {}", because(status))
        }
        State::Succeeded => done.to_owned(),
        State::NeedsAttention => because("needs attention"),
        State::Superseded => format!("superseded by {}", operation.superseded_by),
        other => because(state_word(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording() {
        let operation = |verb: Verb, state: State, status: &str, reason: &str, message: &str| Operation {
            verb: verb.into(),
            state: state.into(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            ..Operation::default()
        };
        for (operation, expected) in [
            (operation(Verb::Create, State::Queued, "", "", ""), "queued"),
            (operation(Verb::Create, State::Running, "", "", ""), "creating …"),
            (
                operation(Verb::Create, State::Waiting, "waiting for the server", "", ""),
                "creating … waiting for the server",
            ),
            (
                operation(Verb::Update, State::Waiting, "", "BACKEND_UNAVAILABLE", "connection refused"),
                "updating … waiting (BACKEND_UNAVAILABLE): connection refused",
            ),
            (operation(Verb::Delete, State::Succeeded, "", "", ""), "deleted"),
            (
                operation(Verb::Create, State::Failed, "", "BACKEND_REFUSED", "no room"),
                "failed (BACKEND_REFUSED): no room",
            ),
            (
                operation(Verb::Create, State::NeedsAttention, "", "CREATE_OUTCOME_UNKNOWN", ""),
                "needs attention (CREATE_OUTCOME_UNKNOWN)",
            ),
        ] {
            assert_eq!(words(&operation), expected);
        }
    }
}
