//! Whether what a document refers to is there, and fits.

use std::collections::BTreeMap;

use crate::domain::connection::{Connection, ReadCredential};
use crate::domain::contract::Violation;
use crate::domain::document::{Document, Environment, Kind, Manifest, Recipe, ResourceType};
use crate::domain::name::Name;
use crate::domain::placeholder;
use crate::domain::reason::Reason;
use crate::domain::reference::Named;
use crate::domain::refusal::Refusal;
use crate::store::Paging;

use super::fit::{Fit, fit, written};
use super::matching::ties;
use super::{Error, Stock, composite, facts};

/// The stored documents with those of this call laid over them.
pub(super) struct View {
    pub pending: BTreeMap<(Kind, String, String), Manifest>,
}

pub(super) fn key(manifest: &Manifest) -> (Kind, String, String) {
    (manifest.kind(), manifest.project().to_owned(), manifest.name().to_string())
}

impl Stock {
    /// Whether what the document refers to is there, and fits. Answers with warnings.
    pub(super) async fn check(&self, manifest: &Manifest, view: &View) -> Result<Vec<String>, Error> {
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
