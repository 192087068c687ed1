//! Documents, and what applying them did.

use crate::document::render;
use crate::domain::document::Document;
use crate::engine::Condition;
use crate::pb;
use crate::pb::applied_document::Action;
use crate::stock::{AppliedDocument, DocumentAction, FoundCondition};

use super::{etag, hold, int, long, time};

/// `found`: of a connection; `held`: what keeps it from being used.
pub fn document(it: Document, found: Vec<FoundCondition>, held: Vec<Condition>) -> pb::Document {
    let found = found.into_iter().map(|found| pb::Condition {
        r#type: found.name.to_owned(),
        status: found.condition.holds,
        reason: found.condition.reason,
        message: found.condition.message,
        since: Some(time(found.condition.since)),
    });
    pb::Document {
        name: it.manifest.resource_name(),
        id: it.id.to_string(),
        kind: it.manifest.kind().to_string(),
        revision: long(it.version),
        manifest_json: render(&it.manifest, None).to_string(),
        principal: it.principal,
        create_time: Some(time(it.create_time)),
        update_time: Some(time(it.update_time)),
        etag: etag(it.version),
        conditions: found.chain(held.into_iter().map(hold::condition)).collect(),
    }
}

pub fn applied(it: AppliedDocument, source: usize) -> pb::AppliedDocument {
    let action = match it.action {
        DocumentAction::Unchanged => Action::Unchanged,
        DocumentAction::Created => Action::Created,
        DocumentAction::Updated => Action::Updated,
    };
    pb::AppliedDocument {
        kind: it.kind.to_string(),
        name: it.name,
        action: action.into(),
        revision: long(it.revision),
        concerns: it.concerns,
        warnings: it.warnings,
        source: int(source),
    }
}
