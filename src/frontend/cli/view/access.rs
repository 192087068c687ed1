//! Secrets (never their values) and the audit log.

use serde_json::{Value, json};

use super::{count, object, time};
use crate::pb;

pub fn secret(secret: &pb::Secret) -> Value {
    object([
        ("name", json!(secret.name)),
        ("revision", count(secret.revision)),
        ("principal", json!(secret.principal)),
        ("create-time", time(&secret.create_time)),
        ("update-time", time(&secret.update_time)),
    ])
}

pub fn audit_entry(entry: &pb::AuditEntry) -> Value {
    object([
        ("id", json!(entry.id)),
        ("time", time(&entry.time)),
        ("principal", json!(entry.principal)),
        ("action", json!(entry.action)),
        ("decision", json!(entry.decision)),
        ("reason", json!(entry.reason)),
        ("name", json!(entry.name)),
        ("project", json!(entry.project)),
    ])
}
