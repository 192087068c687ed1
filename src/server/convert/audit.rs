//! Entries of the audit log, and secrets as far as they are shown.

use crate::domain::event::Audit;
use crate::domain::secret::SecretRecord;
use crate::pb;

use super::{long, time};

pub fn entry(it: Audit) -> pb::AuditEntry {
    pb::AuditEntry {
        id: it.id.to_string(),
        project: it.project,
        principal: it.principal,
        action: it.action,
        name: it.name,
        decision: it.decision,
        reason: it.reason,
        time: Some(time(it.time)),
    }
}

/// Everything of a secret but its value.
pub fn secret(it: SecretRecord) -> pb::Secret {
    pb::Secret {
        name: it.key,
        revision: long(it.version),
        principal: it.principal,
        create_time: Some(time(it.create_time)),
        update_time: Some(time(it.update_time)),
    }
}
