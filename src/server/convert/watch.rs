//! What watchers are told.

use crate::domain::event::{Change, Event, Subject};
use crate::pb;
use crate::pb::watch_response::Kind;

use super::time;

/// The change that `event` tells; `None` for what no watch of a project shows.
pub fn event(it: Event, resume_token: String) -> Option<pb::WatchResponse> {
    let kind = match it.change {
        Change::Created => Kind::Created,
        Change::Updated => Kind::Updated,
        Change::Deleted => Kind::Deleted,
    };
    told(kind, it, resume_token)
}

/// A record that was there when the watch began. There is nothing to resume behind until the bookmark that follows.
pub fn initial(it: Event) -> Option<pb::WatchResponse> {
    told(Kind::Initial, it, String::new())
}

pub fn bookmark(resume_token: String) -> pb::WatchResponse {
    pb::WatchResponse { kind: Kind::Bookmark.into(), resume_token, ..pb::WatchResponse::default() }
}

fn told(kind: Kind, it: Event, resume_token: String) -> Option<pb::WatchResponse> {
    let subject = match it.subject {
        Subject::Order => "order",
        Subject::Resource => "resource",
        Subject::Operation => "operation",
        Subject::Document => "document",
        Subject::Hold => "hold",
        Subject::Driver | Subject::Secret => return None,
    };
    Some(pb::WatchResponse {
        kind: kind.into(),
        subject: subject.into(),
        id: it.id,
        name: it.name,
        state: it.state,
        message: it.message,
        time: Some(time(it.time)),
        resume_token,
        order: it.order,
    })
}
