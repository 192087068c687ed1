//! Documents applied and deleted: all of one call, or none.

use std::collections::BTreeMap;

use crate::domain::connection::{Connection, ReadCredential};
use crate::domain::contract::Violation;
use crate::domain::document::{Document, Environment, Kind, Manifest, Recipe, ResourceType};
use crate::domain::event::Audit;
use crate::domain::id::DocumentId;
use crate::domain::name::Name;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Desired;
use crate::domain::secret::{Plain, SecretRecord};
use crate::domain::time::Timestamp;
use crate::secret::{Place, Sealer};
use crate::store::{self, Commit, Filter, Paging, Site, Write};

use super::compatible::{Live, compatible};
use super::fit::{Fit, fit};
use super::matching::ties;
use super::{Error, Stock, composite};
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentAction {
    Unchanged,
    Created,
    Updated,
}

/// The stored documents with those of this call laid over them.
struct View {
    pending: BTreeMap<(Kind, String, String), Manifest>,
}

fn key(manifest: &Manifest) -> (Kind, String, String) {
    (manifest.kind(), manifest.project().to_owned(), manifest.name().to_string())
}

impl Stock {
    /// In the order given; orders must be left out. Refused as a whole if anything refers to what is not there.
    pub async fn apply(
        &self,
        documents: Vec<Manifest>,
        principal: &Principal,
        validate_only: bool,
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
            applied.push(self.put(manifest, warnings, principal, &mut commit).await?);
        }
        if validate_only || commit.writes.is_empty() {
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
                applied.concerns = self.concerns(existing, &manifest).await?;
                existing.id.clone()
            }
            None => DocumentId::new(now, &*self.entropy),
        };
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

    /// What an update leaves as it is, or changes at once.
    async fn concerns(&self, existing: &Document, new: &Manifest) -> Result<String, Error> {
        let kind = new.kind();
        let name = match new {
            Manifest::Environment(it) => format!("{}/{}", it.project, it.meta.name),
            other => other.name().to_string(),
        };
        let (count, names) = self.store.users(kind, &name).await?;
        if count == 0 {
            return Ok(String::new());
        }
        let resources = if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") };
        match (&existing.manifest, new) {
            (Manifest::Connection(old), Manifest::Connection(new)) if old.endpoint != new.endpoint => {
                let message = format!(
                    "connection `{}` leads {resources} to `{}` (among them {}): its endpoint cannot change under them",
                    new.meta.name,
                    old.endpoint,
                    names.join(", ")
                );
                Err(Refusal::new(Reason::InUse, message)
                    .hint("make a new connection, and a recipe that uses it")
                    .into())
            }
            (Manifest::Connection(_), _) => Ok(format!("credentials and limits apply to {resources} at once")),
            (Manifest::ResourceType(old), Manifest::ResourceType(new)) => {
                let narrowed = self.narrowed(old, new).await?;
                if narrowed.is_empty() {
                    return Ok(format!("{resources} stay as they are"));
                }
                let message = format!(
                    "resource type `{}` would be narrowed under {resources}: {}",
                    new.meta.name,
                    narrowed.join("; ")
                );
                Err(Refusal::new(Reason::InUse, message).hint("make a new type, or only add to this one").into())
            }
            (Manifest::Environment(old), Manifest::Environment(new))
                if old.environment_type != new.environment_type =>
            {
                Ok(format!(
                    "{resources} stay with the recipes they were made with: what is ordered from now on is matched by `{}`",
                    new.environment_type
                ))
            }
            (Manifest::Recipe(_), _) => Ok(format!("{resources} stay pinned to the revisions they were made with")),
            _ => Ok(String::new()),
        }
    }

    /// How the new type narrows what live resources were ordered by.
    async fn narrowed(&self, old: &ResourceType, new: &ResourceType) -> Result<Vec<String>, Error> {
        let filter = Filter { resource_type: Some(new.meta.name.to_string()), ..Filter::default() };
        let mut live = Vec::new();
        for resource in self.store.resources(&filter, &Paging::all()).await?.items {
            let project = resource.name.order.project.as_str();
            let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project };
            let desired: Desired = sealer.open_desired(&resource.id, &resource.desired)?;
            live.push((resource.name.to_string(), resource.class.clone(), desired.params));
        }
        let live: Vec<_> =
            live.iter().map(|(name, class, params)| Live { name, class: class.as_ref(), params }).collect();
        Ok(compatible(old, new, &live, &self.schemas))
    }

    /// Whether what the document refers to is there, and fits. Answers with warnings.
    async fn check(&self, manifest: &Manifest, view: &View) -> Result<Vec<String>, Error> {
        match manifest {
            Manifest::Project(_) | Manifest::ResourceType(_) => Ok(Vec::new()),
            Manifest::Environment(it) => self.check_environment(it, view).await,
            Manifest::Connection(it) => self.check_secrets(it).await,
            Manifest::Recipe(it) => self.check_recipe(it, view).await,
            Manifest::Order(it) => {
                let message = format!("order `{}` is applied by itself", it.meta.name);
                Err(Refusal::new(Reason::RequestInvalid, message).into())
            }
        }
    }

    async fn check_environment(&self, it: &Environment, view: &View) -> Result<Vec<String>, Error> {
        let project = it.project.as_str();
        if self.look(view, Kind::Project, project, project).await?.is_none() {
            let message = format!("environment `{}` is in project `{project}`, which does not exist", it.meta.name);
            return Err(unresolved(message, "/project").into());
        }
        Ok(Vec::new())
    }

    async fn check_secrets(&self, it: &Connection) -> Result<Vec<String>, Error> {
        let read = match &it.read_credential {
            Some(ReadCredential::Own(credential)) => Some(&**credential),
            _ => None,
        };
        let mut named = Vec::new();
        for (place, credential) in [("/credential", it.credential.as_ref()), ("/read-credential", read)] {
            let secrets = credential.map(|credential| credential.secrets()).unwrap_or_default();
            named.extend(secrets.into_iter().map(|(pointer, secret)| (format!("{place}{pointer}"), secret)));
        }
        let key = it.tls.as_ref().and_then(|tls| tls.key.as_ref());
        named.extend(key.map(|key| ("/tls/key/secret".to_owned(), &key.secret)));
        for (pointer, secret) in &named {
            if it.filled_from.as_ref().is_some_and(|from| from.secrets.contains_key(*secret)) {
                continue;
            }
            let secret = secret.as_str();
            if self.store.secret(secret).await?.is_none() {
                let message = format!("connection `{}` needs the secret `{secret}`, which is not set", it.meta.name);
                return Err(unresolved(message, pointer)
                    .hint(format!("set it with `vend secret set {secret}`, the value on standard input"))
                    .into());
            }
        }
        let same = matches!(it.read_credential, Some(ReadCredential::Same(_)));
        Ok(if same {
            vec![format!(
                "connection `{}` reads with its writing credential: the backend does not hold plans to reading",
                it.meta.name
            )]
        } else {
            Vec::new()
        })
    }

    async fn check_recipe(&self, it: &Recipe, view: &View) -> Result<Vec<String>, Error> {
        let name = &it.meta.name;
        let resource_type = match self.look(view, Kind::ResourceType, "", it.resource_type.as_str()).await? {
            Some(Manifest::ResourceType(found)) => found,
            _ => {
                let message = format!("recipe `{name}` makes `{}`, which is no resource type", it.resource_type);
                return Err(unresolved(message, "/type").into());
            }
        };
        let Some(requirement) = &it.driver else {
            self.check_composite(it, &resource_type, view).await?;
            return self.check_ties(it, view).await;
        };
        let driver = self.required(requirement).await?;
        let mut connections = BTreeMap::new();
        for (slot, connection) in &it.connections {
            match self.look(view, Kind::Connection, "", connection.as_str()).await? {
                Some(Manifest::Connection(found)) => connections.insert(connection.clone(), *found),
                _ => {
                    let message = format!(
                        "recipe `{name}` binds slot `{slot}` to connection `{connection}`, which does not exist"
                    );
                    return Err(unresolved(message, &format!("/connections/{slot}")).into());
                }
            };
        }
        let held =
            Fit { recipe: it, resource_type: &resource_type, driver: &driver.description, connections: &connections };
        let violations = fit(&held, &self.schemas);
        if !violations.is_empty() {
            let message = format!(
                "recipe `{name}` does not fit: driver `{}@{}` cannot serve it like this",
                driver.description.name, driver.description.version
            );
            return Err(Refusal::new(Reason::RecipeUnfit, message).violations(violations).into());
        }
        self.check_ties(it, view).await
    }

    async fn check_composite(&self, it: &Recipe, resource_type: &ResourceType, view: &View) -> Result<(), Error> {
        let stored = self.store.documents(Kind::ResourceType, None, &Paging::all()).await?.items;
        let stored = stored.into_iter().map(|it| it.manifest);
        let mut types = BTreeMap::new();
        for manifest in stored.chain(view.pending.values().cloned()) {
            if let Manifest::ResourceType(found) = manifest {
                types.insert(found.meta.name.clone(), found);
            }
        }
        let violations = composite::fit(&composite::Made { recipe: it, resource_type, types: &types });
        if violations.is_empty() {
            return Ok(());
        }
        let message = format!("recipe `{}` does not fit: it cannot be made of these parts like this", it.meta.name);
        Err(Refusal::new(Reason::RecipeUnfit, message).violations(violations).into())
    }

    async fn check_ties(&self, it: &Recipe, view: &View) -> Result<Vec<String>, Error> {
        let stored = self.recipes().await?;
        let stored = stored.iter().map(|it| &it.manifest);
        let others = stored.filter(|other| !view.pending.contains_key(&key(other))).chain(view.pending.values());
        let tied = ties(it, others);
        match tied.first() {
            Some(first) => Err(Refusal::new(Reason::AmbiguousRecipe, first.message.clone()).violations(tied).into()),
            None => Ok(Vec::new()),
        }
    }

    async fn look(&self, view: &View, kind: Kind, project: &str, name: &str) -> Result<Option<Manifest>, Error> {
        if let Some(pending) = view.pending.get(&(kind, project.to_owned(), name.to_owned())) {
            return Ok(Some(pending.clone()));
        }
        Ok(self.store.document(kind, project, name).await?.map(|it| it.manifest))
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

fn unresolved(message: String, pointer: &str) -> Refusal {
    let violation = Violation { pointer: pointer.to_owned(), message: message.clone() };
    Refusal::new(Reason::UnresolvedReference, message)
        .hint("apply what it names first, or in the same call")
        .violations(vec![violation])
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
