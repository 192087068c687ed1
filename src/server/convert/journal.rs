//! The story of an operation.

use crate::engine::{self, StoryKind, StoryLine};
use crate::pb;
use crate::pb::journal_line::{Kind, Origin};

use super::{int, json, time};

pub fn line(it: StoryLine) -> pb::JournalLine {
    let kind = match it.kind {
        StoryKind::Attempt => Kind::Attempt,
        StoryKind::Effect => Kind::Effect,
        StoryKind::Look => Kind::Look,
        StoryKind::Log => Kind::Log,
        StoryKind::End => Kind::End,
    };
    let origin = match (kind, it.origin) {
        (Kind::Effect | Kind::Look, engine::Origin::Settled) => Origin::Settled,
        (Kind::Effect, engine::Origin::Live) => Origin::Live,
        (Kind::Effect, engine::Origin::Reissued) => Origin::Reissued,
        (Kind::Effect, engine::Origin::Replayed) => Origin::Replayed,
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
