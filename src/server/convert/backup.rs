//! Backups, and what became of what one brought.

use crate::domain::name::Name;
use crate::domain::suspect::Finding;
use crate::engine::{Backup, Orphan, Seen, SeenResource, Unlisted};
use crate::pb;
use crate::pb::verified_resource as wire;

use super::{int, long, time};

/// `before`: bytes of the file before its database.
pub fn head(it: &Backup, before: usize) -> pb::BackupHead {
    let manifest = &it.manifest;
    pb::BackupHead {
        core_id: manifest.core_id.to_string(),
        incarnation: int(manifest.incarnation),
        time: Some(time(manifest.time)),
        schema: int(manifest.schema),
        size_bytes: long(manifest.size + before as u64),
        database_sha256: manifest.sha256.clone(),
        key_file: it.key_path.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    }
}

pub fn seen(it: Seen) -> pb::VerifyRestoredResponse {
    use pb::verify_restored_response::Seen as One;

    let one = match it {
        Seen::Resource(it) => One::Resource(resource(it)),
        Seen::Orphan(it) => One::Orphan(orphan(it)),
        Seen::Unlisted(it) => One::Unlisted(unlisted(it)),
    };
    pb::VerifyRestoredResponse { seen: Some(one) }
}

fn resource(it: SeenResource) -> pb::VerifiedResource {
    let finding = match it.finding {
        Finding::Confirmed => wire::Finding::Confirmed,
        Finding::Changed => wire::Finding::Changed,
        Finding::Gone => wire::Finding::Gone,
        Finding::Unknown => wire::Finding::Unknown,
    };
    pb::VerifiedResource {
        name: it.name.to_string(),
        id: it.id.to_string(),
        resource_type: it.resource_type.to_string(),
        external_id: it.external_id.unwrap_or_default(),
        finding: finding.into(),
        suspect: it.open,
        detail: it.detail,
    }
}

fn orphan(it: Orphan) -> pb::Orphan {
    pb::Orphan {
        resource_type: it.resource_type.to_string(),
        connections: connections(it.connections),
        external_id: it.external_id,
        resource_id: it.resource.unwrap_or_default(),
        summary: it.summary,
    }
}

fn unlisted(it: Unlisted) -> pb::UnlistedType {
    pb::UnlistedType {
        resource_type: it.resource_type.to_string(),
        driver: it.driver,
        connections: connections(it.connections),
        failed: it.failed,
        detail: it.detail,
    }
}

fn connections(names: Vec<Name>) -> Vec<String> {
    names.into_iter().map(|name| format!("connections/{name}")).collect()
}
