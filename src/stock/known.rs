//! Documents and drivers as they were last read, kept until one of them changes: an order of 10,000 resources reads its type once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::connection::Connection;
use crate::domain::document::{Document, Environment, Kind, Manifest, Recipe, ResourceType};
use crate::domain::driver::DriverRecord;
use crate::domain::name::Name;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::store::Paging;

use super::{Error, Stock};

/// Of each sort; more begin anew.
const MOST: usize = 4_096;

/// What was read while the catalog was at `version`.
#[derive(Default)]
pub struct Known {
    version: u64,
    environments: Kept<(Name, Name), Environment>,
    types: Kept<Name, ResourceType>,
    connections: Kept<Name, Connection>,
    /// By name and revision.
    recipes: Kept<(Name, u64), Recipe>,
    all_recipes: Kept<(), Vec<Document>>,
    drivers: Kept<(), Vec<DriverRecord>>,
    /// By what recipes require.
    required: Kept<String, DriverRecord>,
}

struct Kept<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V> Kept<K, V> {
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, value.clone());
        value
    }
}

impl Stock {
    /// What holds now. The version is asked for before anything is read for it, so nothing in it is older.
    async fn known(&self) -> Result<Arc<Known>, Error> {
        let version = self.store.catalog_version().await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.version != version {
            *known = Arc::new(Known { version, ..Known::default() });
        }
        Ok(known.clone())
    }

    pub async fn environment(&self, project: &Name, environment: &Name) -> Result<Arc<Environment>, Error> {
        let known = self.known().await?;
        let key = (project.clone(), environment.clone());
        if let Some(found) = known.environments.get(&key) {
            return Ok(found);
        }
        match self.store.document(Kind::Environment, project.as_str(), environment.as_str()).await? {
            Some(Document { manifest: Manifest::Environment(it), .. }) => Ok(known.environments.put(key, it)),
            _ => Err(Refusal::new(
                Reason::NotFound,
                format!("there is no environment `{environment}` in project `{project}`"),
            )
            .hint("`vend get environments` lists them; a document of kind Environment makes one")
            .into()),
        }
    }

    pub(super) async fn known_type(&self, name: &Name) -> Result<Arc<ResourceType>, Error> {
        let known = self.known().await?;
        if let Some(found) = known.types.get(name) {
            return Ok(found);
        }
        if let Some(document) = self.store.document(Kind::ResourceType, "", name.as_str()).await?
            && let Manifest::ResourceType(it) = document.manifest
        {
            return Ok(known.types.put(name.clone(), it));
        }
        let others = self.store.documents(Kind::ResourceType, None, &Paging::all()).await?.items;
        let names: Vec<_> = others.iter().map(|it| it.manifest.name().as_str()).collect();
        let message = format!("there is no resource type `{name}`");
        let hint = match names.is_empty() {
            true => "no resource type is defined yet: apply one with `vend apply -f FILE`".to_owned(),
            false => format!("known: {}; `vend catalog` tells what can be ordered here", names.join(", ")),
        };
        Err(Refusal::new(Reason::ResourceTypeUnknown, message).hint(hint).into())
    }

    pub(super) async fn known_connection(&self, name: &Name) -> Result<Arc<Connection>, Error> {
        let known = self.known().await?;
        if let Some(found) = known.connections.get(name) {
            return Ok(found);
        }
        match self.store.document(Kind::Connection, "", name.as_str()).await? {
            Some(Document { manifest: Manifest::Connection(it), .. }) => Ok(known.connections.put(name.clone(), *it)),
            _ => Err(Refusal::new(Reason::UnresolvedReference, format!("there is no connection `{name}`")).into()),
        }
    }

    pub(super) async fn recipes(&self) -> Result<Arc<Vec<Document>>, Error> {
        let known = self.known().await?;
        match known.all_recipes.get(&()) {
            Some(found) => Ok(found),
            None => {
                let read = self.store.documents(Kind::Recipe, None, &Paging::all()).await?.items;
                Ok(known.all_recipes.put((), read))
            }
        }
    }

    /// As it was at `revision`.
    pub(super) async fn recipe_at(&self, name: &Name, revision: u64) -> Result<Arc<Recipe>, Error> {
        let known = self.known().await?;
        let key = (name.clone(), revision);
        if let Some(found) = known.recipes.get(&key) {
            return Ok(found);
        }
        match self.store.document_at(Kind::Recipe, "", name.as_str(), revision).await? {
            Some(Document { manifest: Manifest::Recipe(it), .. }) => Ok(known.recipes.put(key, it)),
            _ => {
                let message = format!("recipe `{name}` is not kept at revision {revision}");
                Err(Refusal::new(Reason::Internal, message).into())
            }
        }
    }

    /// The newest installed driver that fulfils a recipe's requirement.
    pub(super) async fn required(&self, requirement: &str) -> Result<Arc<DriverRecord>, Error> {
        let known = self.known().await?;
        let key = requirement.to_owned();
        match known.required.get(&key) {
            Some(found) => Ok(found),
            None => Ok(known.required.put(key, self.find_required(requirement).await?)),
        }
    }

    pub(super) async fn installed(&self) -> Result<Arc<Vec<DriverRecord>>, Error> {
        let known = self.known().await?;
        match known.drivers.get(&()) {
            Some(found) => Ok(found),
            None => Ok(known.drivers.put((), self.store.drivers().await?)),
        }
    }
}
