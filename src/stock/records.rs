//! Documents applied and deleted: all of one call, or none.

use std::collections::BTreeMap;

use crate::domain::document::{Document, Kind, Manifest};
use crate::domain::event::Audit;
use crate::domain::id::DocumentId;
use crate::domain::name::Name;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::secret::{Plain, SecretRecord};
use crate::domain::time::Timestamp;
use crate::secret::Place;
use crate::store::{self, Commit, Filter, Paging, Site, Write};

use super::check::{View, key};
use super::interval::interval_ms;
use super::{Error, Stock};
use crate::document::refusal::words;

#[derive(Debug, Clone, PartialEq)]
pub struct AppliedDocument {
    pub kind: Kind,
    /// Full resource name.
    pub name: String,
    pub action: DocumentAction,
    pub revision: u64,
    /// What it concerns, in a line; may be empty.
    pub concerns: String,
    pub warnings: Vec<String>,
}

/// How documents are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// Check everything, change nothing.
    pub validate_only: bool,
    /// Where a connection's endpoint changes under live resources, these have moved there with their backend.
    pub moved: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentAction {
    Unchanged,
    Created,
    Updated,
}

/// What exists of a type is looked at as the type says from now on.
fn rescheduled(existing: Option<&Document>, manifest: &Manifest, now: Timestamp) -> Option<Write> {
    let (Manifest::ResourceType(old), Manifest::ResourceType(new)) = (&existing?.manifest, manifest) else {
        return None;
    };
    let interval = interval_ms(new);
    let write = Write::ScheduleObservations { resource_type: new.meta.name.clone(), time: now, interval_ms: interval };
    (interval != interval_ms(old)).then_some(write)
}

/// What is made with a connection that leads elsewhere from now on is to be looked at there.
fn doubted(existing: Option<&Document>, manifest: &Manifest, now: Timestamp) -> Option<Write> {
    let (Manifest::Connection(old), Manifest::Connection(new)) = (&existing?.manifest, manifest) else { return None };
    let message = format!(
        "connection `{}` leads to {} since {now}, and nobody has looked there yet",
        new.meta.name, new.endpoint
    );
    let write = Write::DoubtObservations {
        connection: new.meta.name.clone(),
        reason: Reason::ConnectionMoved,
        message,
        time: now,
    };
    (old.endpoint != new.endpoint).then_some(write)
}

impl Stock {
    /// In the order given; orders must be left out. Refused as a whole if anything refers to what is not there.
    pub async fn apply(
        &self,
        documents: Vec<Manifest>,
        principal: &Principal,
        manner: Manner,
    ) -> Result<Vec<AppliedDocument>, Error> {
        let mut view = View { pending: BTreeMap::new() };
        for manifest in &documents {
            if view.pending.insert(key(manifest), manifest.clone()).is_some() {
                let message = format!("{} stands twice in this call", manifest.resource_name());
                return Err(Refusal::new(Reason::DocumentInvalid, message).into());
            }
        }
        let mut commit = Commit::new(Site::Documents);
        let mut applied = Vec::new();
        for manifest in documents {
            let warnings = self.check(&manifest, &view).await?;
            applied.push(self.put(manifest, warnings, principal, manner, &mut commit).await?);
        }
        if manner.validate_only || commit.writes.is_empty() {
            return Ok(applied);
        }
        self.store.commit(commit).await.map_err(busy)?;
        self.forget_backends().await;
        Ok(applied)
    }

    async fn put(
        &self,
        manifest: Manifest,
        warnings: Vec<String>,
        principal: &Principal,
        manner: Manner,
        commit: &mut Commit,
    ) -> Result<AppliedDocument, Error> {
        let (kind, project, name) = key(&manifest);
        let existing = self.store.document(kind, &project, &name).await?;
        let full = manifest.resource_name();
        let mut applied = AppliedDocument {
            kind,
            name: full.clone(),
            action: DocumentAction::Created,
            revision: 1,
            concerns: String::new(),
            warnings,
        };
        let now = self.clock.now();
        let id = match &existing {
            Some(existing) if existing.manifest == manifest => {
                applied.action = DocumentAction::Unchanged;
                applied.revision = existing.version;
                return Ok(applied);
            }
            Some(existing) => {
                applied.action = DocumentAction::Updated;
                applied.revision = existing.version + 1;
                applied.concerns = self.concerns(existing, &manifest, manner.moved).await?;
                existing.id.clone()
            }
            None => DocumentId::new(now, &*self.entropy),
        };
        commit.writes.extend(rescheduled(existing.as_ref(), &manifest, now));
        commit.writes.extend(doubted(existing.as_ref(), &manifest, now));
        commit.writes.push(Write::Document(Box::new(Document {
            id,
            project,
            manifest,
            version: applied.revision,
            principal: principal.name.clone(),
            create_time: existing.map_or(now, |existing| existing.create_time),
            update_time: now,
        })));
        commit.audit.push(self.audit(principal, "", "documents.apply", &full));
        Ok(applied)
    }

    /// Refused while something needs it. `etag`: its revision as last seen.
    pub async fn delete(
        &self,
        kind: Kind,
        project: &str,
        name: &str,
        etag: Option<u64>,
        principal: &Principal,
    ) -> Result<(), Error> {
        let Some(document) = self.store.document(kind, project, name).await? else {
            return Err(Refusal::new(Reason::NotFound, format!("there is no {} `{name}`", words(kind))).into());
        };
        let full = document.manifest.resource_name();
        if etag.is_some_and(|etag| etag != document.version) {
            let message = format!("{full} is at revision {}, not {}", document.version, etag.unwrap_or_default());
            return Err(Refusal::new(Reason::EtagMismatch, message).hint("get it again and decide anew").into());
        }
        self.check_unused(&document).await?;
        let mut commit = Commit::new(Site::Documents);
        commit.writes.push(Write::DeleteDocument {
            kind,
            project: project.to_owned(),
            name: name.to_owned(),
            version: document.version,
            time: self.clock.now(),
        });
        commit.audit.push(self.audit(principal, project, "documents.delete", &full));
        self.store.commit(commit).await.map_err(busy)?;
        self.forget_backends().await;
        Ok(())
    }

    async fn check_unused(&self, document: &Document) -> Result<(), Error> {
        let name = document.manifest.name().as_str();
        let one = Paging { limit: 1, after: None };
        match &document.manifest {
            Manifest::Project(_) => {
                let page = self.store.documents(Kind::Environment, Some(name), &one).await?;
                if let Some(first) = page.items.first() {
                    let message =
                        format!("project `{name}` still has environments, `{}` among them", first.manifest.name());
                    return Err(Refusal::new(Reason::NotEmpty, message)
                        .hint("delete those first, or all of it with `vend delete project NAME --cascade`")
                        .into());
                }
            }
            Manifest::Environment(it) => {
                let filter = Filter {
                    project: Some(it.project.to_string()),
                    environment: Some(name.to_owned()),
                    ..Filter::default()
                };
                if let Some(first) = self.store.orders(&filter, &one).await?.items.first() {
                    let message = format!("environment `{name}` still has orders, `{}` among them", first.name.order);
                    return Err(Refusal::new(Reason::NotEmpty, message)
                        .hint("delete those first, or all of it with `vend delete environment NAME --cascade`")
                        .into());
                }
            }
            other => {
                let (count, names) = self.store.users(other.kind(), name).await?;
                if count > 0 {
                    let need = counted(count, "needs", "need");
                    let message = format!("{need} {} `{name}`: {}", words(other.kind()), names.join(", "));
                    return Err(Refusal::new(Reason::InUse, message).hint("delete those orders first").into());
                }
                let recipes = self.recipes().await?;
                let recipe = recipes.iter().find(|it| match (&it.manifest, other) {
                    (Manifest::Recipe(it), Manifest::ResourceType(_)) => {
                        let parts = it.resources.values().map(|part| &part.resource_type);
                        parts.chain([&it.resource_type]).any(|it| it.as_str() == name)
                    }
                    (Manifest::Recipe(it), Manifest::Connection(_)) => {
                        it.connections.values().any(|it| it.as_str() == name)
                    }
                    _ => false,
                });
                if let Some(recipe) = recipe {
                    let message = format!("recipe `{}` needs {} `{name}`", recipe.manifest.name(), words(other.kind()));
                    return Err(Refusal::new(Reason::InUse, message).hint("delete the recipe first").into());
                }
            }
        }
        Ok(())
    }

    /// Sets a secret that connections refer to by name.
    pub async fn set_secret(&self, name: &Name, value: Plain, principal: &Principal) -> Result<SecretRecord, Error> {
        let now = self.clock.now();
        let existing = self.store.secret(name.as_str()).await?;
        let place = Place { project: "", record: name.as_str(), field: "value" };
        let record = SecretRecord {
            key: name.to_string(),
            project: String::new(),
            resource: None,
            name: name.to_string(),
            value: self.keyring.seal(place, value.reveal().as_bytes(), &*self.entropy),
            principal: principal.name.clone(),
            version: existing.as_ref().map_or(1, |existing| existing.version + 1),
            create_time: existing.map_or(now, |existing| existing.create_time),
            update_time: now,
        };
        let mut commit = Commit::new(Site::Secret);
        commit.writes.push(Write::Secret(Box::new(record.clone())));
        commit.audit.push(self.audit(principal, "", "secrets.set", &format!("secrets/{name}")));
        self.store.commit(commit).await.map_err(busy)?;
        self.forget_backends().await;
        Ok(record)
    }

    pub(super) fn audit(&self, principal: &Principal, project: &str, action: &str, name: &str) -> Audit {
        let now: Timestamp = self.clock.now();
        Audit::allowed(principal, project, action, name, now, &*self.entropy)
    }
}

/// How many resources need something, as the beginning of a sentence.
pub(super) fn counted(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 resource {one}") } else { format!("{count} resources {several}") }
}

/// Two callers changed the same record: the later one may try again.
fn busy(error: store::Error) -> Error {
    match error {
        store::Error::Conflict { record } => {
            Refusal::new(Reason::ConcurrentOperation, format!("{record} was changed meanwhile: try again")).into()
        }
        other => other.into(),
    }
}
