//! The story of an operation.

use crate::engine::{StoryKind, StoryLine};
use crate::pb;
use crate::pb::journal_line::{Kind, Origin};

use super::{int, json, time};

pub fn line(it: StoryLine) -> pb::JournalLine {
    let kind = match it.kind {
        StoryKind::Attempt => Kind::Attempt,
        StoryKind::Effect => Kind::Effect,
        StoryKind::Log => Kind::Log,
        StoryKind::End => Kind::End,
    };
    let origin = match (kind, it.replayed) {
        (Kind::Effect, true) => Origin::Replayed,
        (Kind::Effect, false) => Origin::Live,
        _ => Origin::Unspecified,
    };
    pb::JournalLine {
        operation: it.operation.to_string(),
        step: int(it.step),
        attempt: int(it.attempt),
        sequence: int(it.sequence),
        time: Some(time(it.time)),
        kind: kind.into(),
        origin: origin.into(),
        function: it.function,
        class: it.class,
        request_json: json(it.request.as_ref()),
        outcome: it.outcome,
        answer_json: json(it.answer.as_ref()),
        message: it.message,
    }
}
