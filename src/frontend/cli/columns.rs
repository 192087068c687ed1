//! Which parts of a record its table shows.

use serde_json::Value;

use super::kind::Kind;
use super::table::Table;

/// How a part is shown.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// As text; lists with commas.
    Text(&'static str),
    /// How long ago.
    Age(&'static str),
    /// `2/3`.
    Of(&'static str, &'static str),
    /// A state, and what else has to be known, in brackets: the conditions that are true and neither that state nor its cause.
    State(&'static str, &'static str),
    /// `key=value` pairs.
    Pairs(&'static str),
}

use Part::{Age, Of, Pairs, State, Text};

type Column = (&'static str, Part);

fn columns(kind: Kind) -> (&'static [Column], &'static [Column]) {
    match kind {
        Kind::Project => (
            &[("NAME", Text("/name")), ("TITLE", Text("/title")), ("AGE", Age("/status/create-time"))],
            &[("OWNERS", Text("/owners")), ("LABELS", Pairs("/labels"))],
        ),
        Kind::Environment => (
            &[("NAME", Text("/name")), ("TYPE", Text("/type")), ("AGE", Age("/status/create-time"))],
            &[("PROJECT", Text("/project")), ("LABELS", Pairs("/labels"))],
        ),
        Kind::ResourceType => (
            &[
                ("NAME", Text("/name")),
                ("TITLE", Text("/title")),
                ("REVISION", Text("/status/revision")),
                ("AGE", Age("/status/create-time")),
            ],
            &[("HOLDS-DATA", Text("/holds-data")), ("LABELS", Pairs("/labels"))],
        ),
        Kind::Connection => (
            &[
                ("NAME", Text("/name")),
                ("TYPE", Text("/type")),
                ("REVISION", Text("/status/revision")),
                ("AGE", Age("/status/create-time")),
            ],
            &[("ENDPOINT", Text("/endpoint")), ("LABELS", Pairs("/labels"))],
        ),
        Kind::Recipe => (
            &[
                ("NAME", Text("/name")),
                ("TYPE", Text("/type")),
                ("DRIVER", Text("/driver")),
                ("REVISION", Text("/status/revision")),
                ("AGE", Age("/status/create-time")),
            ],
            &[("CONNECTIONS", Pairs("/connections")), ("MATCH", Text("/match")), ("LABELS", Pairs("/labels"))],
        ),
        Kind::Order => (
            &[
                ("NAME", Text("/name")),
                ("STATE", Text("/status/state")),
                ("READY", Of("/status/resources-ready", "/status/resources")),
                ("AGE", Age("/status/create-time")),
            ],
            &[
                ("ENVIRONMENT", Text("/environment")),
                ("GENERATION", Text("/status/generation")),
                ("OPERATION", Text("/status/operation")),
                ("LABELS", Pairs("/labels")),
            ],
        ),
        Kind::Resource => (
            &[
                ("NAME", Text("/name")),
                ("TYPE", Text("/type")),
                ("STATE", State("/state", "/conditions")),
                ("REASON", Text("/reason")),
                ("AGE", Age("/create-time")),
            ],
            &[
                ("ID", Text("/id")),
                ("EXTERNAL-ID", Text("/external-id")),
                ("RECIPE", Text("/recipe")),
                ("REVISION", Text("/recipe-revision")),
                ("MESSAGE", Text("/message")),
            ],
        ),
        Kind::Operation => (
            &[
                ("ID", Text("/id")),
                ("SUBJECT", Text("/subject")),
                ("VERB", Text("/verb")),
                ("STATE", Text("/state")),
                ("REASON", Text("/reason")),
                ("AGE", Age("/create-time")),
            ],
            &[
                ("EFFECT", Text("/effect")),
                ("ATTEMPTS", Text("/attempts")),
                ("PARENT", Text("/parent")),
                ("PRINCIPAL", Text("/principal")),
                ("MESSAGE", Text("/message")),
            ],
        ),
        Kind::Driver => (
            &[
                ("NAME", Text("/name")),
                ("VERSION", Text("/version")),
                ("RESOURCE-TYPES", Text("/resource-types")),
                ("AGE", Age("/create-time")),
            ],
            &[("DIGEST", Text("/digest")), ("SIZE", Text("/size-bytes")), ("IMPORTS", Text("/imports"))],
        ),
        Kind::Secret => (
            &[("NAME", Text("/name")), ("REVISION", Text("/revision")), ("AGE", Age("/update-time"))],
            &[("PRINCIPAL", Text("/principal"))],
        ),
        Kind::Audit => (
            &[
                ("TIME", Text("/time")),
                ("PRINCIPAL", Text("/principal")),
                ("ACTION", Text("/action")),
                ("DECISION", Text("/decision")),
                ("NAME", Text("/name")),
            ],
            &[("REASON", Text("/reason")), ("ID", Text("/id"))],
        ),
    }
}

/// A table of records of one kind, as old as they are at `now`.
pub fn table(kind: Kind, records: &[Value], wide: bool, now: jiff::Timestamp) -> Table {
    let (narrow, more) = columns(kind);
    let more = if wide { more } else { &[] };
    let all: Vec<&Column> = narrow.iter().chain(more).collect();
    let mut table = Table::with_heading(all.iter().map(|(heading, _)| (*heading).to_owned()).collect());
    for record in records {
        table.row(all.iter().map(|(_, part)| cell(*part, record, now)));
    }
    table
}

fn cell(part: Part, record: &Value, now: jiff::Timestamp) -> String {
    let at = |pointer: &str| record.pointer(pointer).unwrap_or(&Value::Null);
    match part {
        Text(pointer) => text(at(pointer)),
        Age(pointer) => age(at(pointer), now),
        Of(part, whole) => format!("{}/{}", text(at(part)), text(at(whole))),
        State(state, conditions) => {
            const SHOWN: [(&str, &str); 3] =
                [("Drifted", "drifted"), ("Missing", "missing"), ("ObservationInconclusive", "inconclusive")];
            let holds = |kind: &str| has_condition(at(conditions), kind);
            let words: Vec<_> = SHOWN.iter().filter(|(kind, _)| holds(kind)).map(|(_, word)| *word).collect();
            let state = text(at(state));
            if words.is_empty() { state } else { format!("{state} ({})", words.join(", ")) }
        }
        Pairs(pointer) => match at(pointer) {
            Value::Object(map) => {
                map.iter().map(|(key, value)| format!("{key}={}", text(value))).collect::<Vec<_>>().join(",")
            }
            other => text(other),
        },
    }
}

/// Whether a list of conditions has this one, and it is true.
pub fn has_condition(conditions: &Value, kind: &str) -> bool {
    let is = |it: &Value| it["type"] == kind && it["status"] == true;
    conditions.as_array().is_some_and(|all| all.iter().any(is))
}

/// A value in one line: texts bare, lists of texts with commas, the rest as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(text).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

fn age(value: &Value, now: jiff::Timestamp) -> String {
    let Some(time) = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()) else {
        return String::new();
    };
    span(now.as_second() - time.as_second())
}

/// Seconds as people say them: `12s`, `5m`, `3h`, `8d`.
pub fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn orders_narrow_and_wide() {
        let orders = [
            json!({"name": "checkout", "environment": "dev", "labels": {"team": "a", "cost": "7"}, "status": {
                "state": "ready", "resources": 3, "resources-ready": 3, "generation": 2, "operation": "op_01",
                "create-time": "2026-01-01T00:00:00Z"}}),
            json!({"name": "search", "environment": "dev", "status": {"state": "working", "resources": 1,
                "resources-ready": 0, "create-time": "2026-01-01T01:00:00Z"}}),
        ];
        let now: jiff::Timestamp = "2026-01-01T01:01:30Z".parse().expect("a time");
        assert_eq!(
            table(Kind::Order, &orders, false, now).render(),
            "NAME       STATE     READY   AGE\ncheckout   ready     3/3     61m\nsearch     working   0/1     90s\n"
        );
        let wide = table(Kind::Order, &orders[..1], true, now).render();
        assert_eq!(
            wide,
            "NAME       STATE   READY   AGE   ENVIRONMENT   GENERATION   OPERATION   LABELS\n\
             checkout   ready   3/3     61m   dev           2            op_01       cost=7,team=a\n"
        );
    }

    #[test]
    fn a_state_says_what_else_has_to_be_known() {
        let now: jiff::Timestamp = "2026-01-01T01:01:30Z".parse().expect("a time");
        let condition = |kind: &str, status: bool| json!({ "type": kind, "status": status });
        let record = json!({"name": "shop/db", "type": "database", "state": "ready",
            "conditions": [condition("Ready", true), condition("Drifted", true), condition("Missing", false),
                condition("ObservationInconclusive", true)]});
        let shown = table(Kind::Resource, &[record], false, now).render();
        assert!(shown.contains("ready (drifted, inconclusive)"), "{shown}");
    }

    #[test]
    fn spans() {
        for (seconds, expected) in [(-3, "0s"), (119, "119s"), (120, "2m"), (7_200, "2h"), (200_000, "2d")] {
            assert_eq!(span(seconds), expected);
        }
    }
}
