//! Operations and the lines of their journals.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{count, flag, json_text, object, time};
use crate::frontend::cli::names;
use crate::pb::{self, journal_line, operation::Effect, operation::State, operation::Verb};

pub fn operation(operation: &pb::Operation) -> Value {
    let subject = match operation.resource_key.as_str() {
        "" => names::short(&operation.order).to_owned(),
        key => format!("{}/{key}", names::short(&operation.order)),
    };
    object([
        ("id", json!(operation.id)),
        ("subject", json!(subject)),
        ("verb", json!(verb_word(operation.verb()))),
        ("state", json!(state_word(operation.state()))),
        ("done", json!(operation.done)),
        ("reason", json!(operation.reason)),
        ("message", json!(operation.message)),
        ("effect", json!(effect_word(operation.effect()))),
        ("status", json!(operation.status)),
        ("parent", json!(operation.parent)),
        ("order", json!(operation.order)),
        ("resource", json!(operation.resource)),
        ("resource-key", json!(operation.resource_key)),
        ("generation", count(operation.generation)),
        ("attempts", count(operation.attempts.into())),
        ("due-time", time(&operation.due_time)),
        ("superseded-by", json!(operation.superseded_by)),
        ("plan-digest", json!(operation.plan_digest)),
        ("driver-digest", json!(operation.driver_digest)),
        ("awaits", count(operation.awaits.into())),
        ("children", json!(operation.children.iter().collect::<BTreeMap<_, _>>())),
        ("principal", json!(operation.principal)),
        ("request-id", json!(operation.request_id)),
        ("create-time", time(&operation.create_time)),
        ("update-time", time(&operation.update_time)),
        ("end-time", time(&operation.end_time)),
        ("etag", json!(operation.etag)),
    ])
}

pub fn journal_line(line: &pb::JournalLine) -> Value {
    let kind = match line.kind() {
        journal_line::Kind::Attempt => "attempt",
        journal_line::Kind::Effect => "effect",
        journal_line::Kind::Log => "log",
        journal_line::Kind::End => "end",
        journal_line::Kind::Look => "look",
        journal_line::Kind::Unspecified => "",
    };
    let origin = match line.origin() {
        journal_line::Origin::Live => "live",
        journal_line::Origin::Replayed => "replayed",
        journal_line::Origin::Reissued => "reissued",
        journal_line::Origin::Settled => "settled",
        journal_line::Origin::Unspecified => "",
    };
    let effect = flag(matches!(line.kind(), journal_line::Kind::Effect | journal_line::Kind::Look));
    object([
        ("operation", json!(line.operation)),
        ("step", json!(line.step)),
        ("attempt", json!(line.attempt)),
        ("sequence", if effect.is_null() { Value::Null } else { json!(line.sequence) }),
        ("time", precise_time(&line.time)),
        ("kind", json!(kind)),
        ("origin", json!(origin)),
        ("function", json!(line.function)),
        ("class", json!(line.class)),
        ("request", json_text(&line.request_json)),
        ("outcome", json!(line.outcome)),
        ("answer", json_text(&line.answer_json)),
        ("message", json!(line.message)),
    ])
}

/// Milliseconds matter in a story.
fn precise_time(time: &Option<prost_types::Timestamp>) -> Value {
    let stamp = time.and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok());
    stamp.map_or(Value::Null, |stamp| json!(format!("{stamp:.3}")))
}

pub fn state_word(state: State) -> &'static str {
    match state {
        State::Unspecified => "",
        State::Queued => "queued",
        State::Running => "running",
        State::Waiting => "waiting",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
        State::Superseded => "superseded",
        State::NeedsAttention => "needs-attention",
    }
}

pub fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Unspecified => "",
        Verb::Apply => "apply",
        Verb::Upgrade => "upgrade",
        Verb::Delete => "delete",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Replace => "replace",
        Verb::Adopt => "adopt",
        Verb::Release => "release",
    }
}

fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Unspecified => "",
        Effect::None => "none",
        Effect::Applied => "applied",
        Effect::Unknown => "unknown",
    }
}
