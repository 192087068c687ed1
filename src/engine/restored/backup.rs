//! A backup of everything, taken while work goes on.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::domain::event::Audit;
use crate::domain::id::AuditId;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::store::backup::Manifest;
use crate::store::{Commit, Site};

use crate::engine::{Engine, Error};

/// What is to be handed out: the manifest's head, then the file.
pub struct Backup {
    pub manifest: Manifest,
    /// The database; it has no name, and is gone once this is dropped.
    pub file: File,
    /// Without this file nobody can read it.
    pub key_path: Option<PathBuf>,
    _turn: OwnedMutexGuard<()>,
}

impl Engine {
    /// One at a time: each takes as much room on the disk as the store.
    pub async fn backup(&self, principal: &Principal) -> Result<Backup, Error> {
        let turn = Arc::clone(&self.backing_up).try_lock_owned().map_err(|_| {
            let refusal = Refusal::new(Reason::ConcurrentOperation, "another backup is being taken");
            refusal.hint("try again when it is done")
        })?;
        let now = self.clock.now();
        let mut commit = Commit::new(Site::Audit);
        commit.audit.push(Audit {
            id: AuditId::new(now, &*self.entropy),
            project: String::new(),
            principal: principal.name.clone(),
            action: "backups.create".into(),
            name: self.store.core_id().to_string(),
            decision: "allowed".into(),
            reason: String::new(),
            time: now,
        });
        self.put(commit).await?;
        // Nothing that is in the copy was done after this time: what may have been is looked for from here on.
        let time = self.clock.now();
        let copy = self.store.copy().await?;
        let manifest = Manifest {
            vend: env!("CARGO_PKG_VERSION").into(),
            core_id: self.store.core_id().clone(),
            incarnation: self.store.restored().map_or(1, |it| it.incarnation),
            time,
            schema: copy.schema,
            revisions: copy.revisions,
            size: copy.size,
            sha256: copy.sha256,
            key_check: self.keyring.check(),
        };
        tracing::info!(%principal, bytes = manifest.size, "a backup is taken");
        let key_path = self.keyring.path().map(ToOwned::to_owned);
        Ok(Backup { manifest, file: copy.file, key_path, _turn: turn })
    }
}
