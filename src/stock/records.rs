//! Documents applied and deleted: all of one call, or none.

use std::collections::BTreeMap;

use crate::domain::connection::{Connection, ReadCredential};
use crate::domain::contract::Violation;
use crate::domain::document::{Document, Environment, Kind, Manifest, Recipe, ResourceType};
use crate::domain::event::Audit;
use crate::domain::id::DocumentId;
use crate::domain::name::Name;
use crate::domain::placeholder;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::reference::Named;
use crate::domain::refusal::Refusal;
use crate::domain::secret::{Plain, SecretRecord};
use crate::domain::time::Timestamp;
use crate::secret::Place;
use crate::store::{self, Commit, Filter, Paging, Site, Write};

use super::fit::{Fit, fit, written};
use super::interval::interval_ms;
use super::matching::ties;
use super::{Error, Stock, composite, facts};
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

/// What exists of a type is looked at as the type says from now on.
fn rescheduled(existing: Option<&Document>, manifest: &Manifest, now: Timestamp) -> Option<Write> {
    let (Manifest::ResourceType(old), Manifest::ResourceType(new)) = (&existing?.manifest, manifest) else {
        return None;
    };
    let interval = interval_ms(new);
    let write = Write::ScheduleObservations { resource_type: new.meta.name.clone(), time: now, interval_ms: interval };
    (interval != interval_ms(old)).then_some(write)
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
        commit.writes.extend(rescheduled(existing.as_ref(), &manifest, now));
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

    /// Whether what the document refers to is there, and fits. Answers with warnings.
    async fn check(&self, manifest: &Manifest, view: &View) -> Result<Vec<String>, Error> {
        match manifest {
            Manifest::Project(_) | Manifest::ResourceType(_) => Ok(Vec::new()),
            Manifest::Environment(it) => self.check_environment(it, view).await,
            Manifest::Connection(it) => {
                self.check_facts(it, view).await?;
                self.check_secrets(it, view).await
            }
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

    async fn check_secrets(&self, it: &Connection, view: &View) -> Result<Vec<String>, Error> {
        let offered = self.offered_secrets(view).await?;
        let named = secrets_of(it);
        for (pointer, secret) in &named {
            if it.filled_from.as_ref().is_some_and(|from| from.secrets.contains_key(*secret)) {
                continue;
            }
            if let Some(recipe) = offered.get(*secret) {
                let message = format!(
                    "connection `{}` cannot be opened by the secret `{secret}`: recipe `{recipe}` offers it as an output",
                    it.meta.name
                );
                return Err(unresolved(message, pointer).hint("set another secret for the connection").into());
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

    /// Secrets that recipes offer as outputs.
    async fn offered_secrets(&self, view: &View) -> Result<BTreeMap<Name, Name>, Error> {
        let stored = self.recipes().await?;
        let mut offered = BTreeMap::new();
        for manifest in stored.iter().map(|it| &it.manifest).chain(view.pending.values()) {
            let Manifest::Recipe(Recipe { meta, outputs: Some(outputs), .. }) = manifest else { continue };
            for (_, reference) in placeholder::references(outputs).unwrap_or_default() {
                offered.extend(Named::secret(&reference).map(|secret| (secret, meta.name.clone())));
            }
        }
        Ok(offered)
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
        if it.is_composite() {
            self.check_composite(it, &resource_type, view).await?;
        } else {
            self.check_fit(it, &resource_type, view).await?;
        }
        self.check_ties(it, view).await
    }

    async fn check_fit(&self, it: &Recipe, resource_type: &ResourceType, view: &View) -> Result<(), Error> {
        let name = &it.meta.name;
        let driver = self.required(it.driver.as_deref().unwrap_or_default()).await?;
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
        let held = Fit { recipe: it, resource_type, driver: &driver.description, connections: &connections };
        let violations = fit(&held, &self.schemas);
        if !violations.is_empty() {
            let message = format!(
                "recipe `{name}` does not fit: driver `{}@{}` cannot serve it like this",
                driver.description.name, driver.description.version
            );
            return Err(Refusal::new(Reason::RecipeUnfit, message).violations(violations).into());
        }
        Ok(())
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
        let stored = self.store.documents(Kind::Connection, None, &Paging::all()).await?.items;
        let stored = stored.into_iter().map(|it| it.manifest);
        let mut credentials = BTreeMap::new();
        for manifest in stored.chain(view.pending.values().cloned()) {
            if let Manifest::Connection(found) = manifest {
                let secrets = secrets_of(&found).into_iter().map(|(_, name)| name.clone()).collect();
                credentials.insert(found.meta.name.clone(), secrets);
            }
        }
        let made = composite::Made { recipe: it, resource_type, types: &types, credentials: &credentials };
        let mut violations = composite::fit(&made);
        violations.extend(written(it, resource_type));
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

    /// Facts that change stay good for the recipes that take them; those of this call are held against them by themselves.
    async fn check_facts(&self, it: &Connection, view: &View) -> Result<(), Error> {
        let name = &it.meta.name;
        let existing = self.store.document(Kind::Connection, "", name.as_str()).await?;
        let Some(Document { manifest: Manifest::Connection(existing), .. }) = existing else { return Ok(()) };
        if existing.facts == it.facts {
            return Ok(());
        }
        let recipes = self.recipes().await?;
        for document in recipes.iter().filter(|it| !view.pending.contains_key(&key(&it.manifest))) {
            let Manifest::Recipe(recipe) = &document.manifest else { continue };
            if !facts::takes(recipe, name) {
                continue;
            }
            let found = self.look(view, Kind::ResourceType, "", recipe.resource_type.as_str()).await?;
            let Some(Manifest::ResourceType(resource_type)) = found else { continue };
            match self.check_fit(recipe, &resource_type, view).await {
                Err(Error::Refused(refusal)) if refusal.reason == Reason::RecipeUnfit => {
                    // What else does not fit any more is not of the facts' doing.
                    if let Some(why) = refusal.violations.iter().find(|it| it.pointer.starts_with("/config")) {
                        let whose = format!("recipe `{}`", recipe.meta.name);
                        return Err(facts_in_use(name, &whose, &why.message).into());
                    }
                }
                Err(Error::Refused(_)) | Ok(()) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
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

/// The secrets that a connection names, with where it does.
fn secrets_of(it: &Connection) -> Vec<(String, &Name)> {
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
    named
}

/// How many resources need something, as the beginning of a sentence.
pub(super) fn counted(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 resource {one}") } else { format!("{count} resources {several}") }
}

pub(super) fn facts_in_use(connection: &Name, whose: &str, why: &str) -> Refusal {
    let message = format!("connection `{connection}` would no longer have the facts that {whose} takes: {why}");
    let violation = Violation { pointer: "/facts".to_owned(), message: why.to_owned() };
    Refusal::new(Reason::InUse, message)
        .hint("keep the fact, or apply the recipe without it first")
        .violations(vec![violation])
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
