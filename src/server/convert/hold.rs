//! What keeps work from starting.

use crate::domain::hold::{Cause, Hold};
use crate::engine::Condition;
use crate::pb;
use crate::pb::hold as wire;

use super::time;

pub fn hold(it: Hold) -> pb::Hold {
    let cause = match it.cause {
        Cause::Pause => wire::Cause::Pause,
        Cause::Breaker => wire::Cause::Breaker,
        Cause::Suspect => wire::Cause::Suspect,
    };
    pb::Hold {
        name: it.target.to_string(),
        cause: cause.into(),
        reason: it.reason.to_string(),
        message: it.message,
        principal: it.principal,
        since: Some(time(it.since)),
    }
}

pub fn condition(it: Condition) -> pb::Condition {
    pb::Condition {
        r#type: it.kind.to_owned(),
        status: it.status,
        reason: it.reason,
        message: it.message,
        since: it.since.map(time),
    }
}
