//! What all handlers share, and the few looks into the store that several of them need.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::domain::document::{Document, Kind};
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName, ResourceName};
use crate::domain::order::Order;
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::stock::{Stock, Wanted};
use crate::store::{Paging, Store};

use super::page::Pages;
use super::{names, request, status};

/// How many records are read at a time where all of them are needed.
pub const BATCH: u32 = 500;

/// Handlers only read from the store; what changes something is one call of the stock or the engine.
pub struct Core {
    pub store: Arc<dyn Store>,
    pub stock: Arc<Stock>,
    pub engine: Arc<Engine>,
    pub pages: Pages,
    pub start_time: Timestamp,
    /// Cancelled when the server stops: calls that wait end then.
    pub shutdown: CancellationToken,
    /// Of calls that show records, which may be as large as messages; see [`Core::turn`].
    pub turns: Semaphore,
}

/// How many calls show records at once. It is a matter of milliseconds, and so the others wait.
pub const TURNS: usize = 32;

impl Core {
    /// Room to show records, as soon as there is some.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Status> {
        self.turns.acquire().await.map_err(|_| status::unavailable("the core is stopping"))
    }

    /// NOT_FOUND unless there is such a project.
    pub async fn project(&self, project: &Name) -> Result<Document, Status> {
        let found = self.store.document(Kind::Project, project.as_str(), project.as_str()).await?;
        found.ok_or_else(|| status::not_found(&format!("projects/{project}")))
    }

    /// What a call that names a place, a type and a class would have made there.
    pub async fn wanted(
        &self,
        project: &str,
        environment: &str,
        resource_type: &str,
        class: &str,
    ) -> Result<Wanted, Status> {
        let (project, environment) = (names::name("project", project)?, names::name("environment", environment)?);
        let resource_type = names::name("resource_type", resource_type)?;
        let class = names::optional("class", class)?;
        self.place(&project, Some(&environment)).await?;
        Ok(self.stock.wanted_anyhow(&project, &environment, &resource_type, class.as_ref()).await?)
    }

    /// NOT_FOUND unless there are such a project and, if one is named, such an environment in it.
    pub async fn place(&self, project: &Name, environment: Option<&Name>) -> Result<(), Status> {
        if let Some(environment) = environment
            && self.stock.environment(project, environment).await.is_ok()
        {
            // It lies in its project, which stays as long as it does.
            return Ok(());
        }
        self.project(project).await?;
        let Some(environment) = environment else { return Ok(()) };
        match self.store.document(Kind::Environment, project.as_str(), environment.as_str()).await? {
            Some(_) => Ok(()),
            None => Err(status::not_found(&format!("projects/{project}/environments/{environment}"))),
        }
    }

    pub async fn order(&self, name: &OrderName) -> Result<Order, Status> {
        self.store.order(name).await?.ok_or_else(|| status::not_found(&name.to_string()))
    }

    pub async fn resource(&self, id: &ResourceId) -> Result<Resource, Status> {
        self.store.resource(id).await?.ok_or_else(|| status::not_found(id.as_str()))
    }

    /// Its own, or that of the entry with which it is shared.
    pub async fn resource_named(&self, name: &ResourceName) -> Result<Resource, Status> {
        let all = self.resources_of(&name.order).await?;
        if let Some(own) = all.into_iter().find(|it| it.name.key == name.key) {
            return Ok(own);
        }
        let shared = self.shared_by(&name.order).await?.into_iter().find(|(key, _)| *key == name.key);
        shared.map(|(_, resource)| resource).ok_or_else(|| status::not_found(&name.to_string()))
    }

    /// What entries of an order are that is another entry's resource, by key.
    pub async fn shared_by(&self, order: &OrderName) -> Result<Vec<(Key, Resource)>, Status> {
        let mut shared = Vec::new();
        for alias in self.store.aliases(order).await? {
            if let Some(resource) = self.store.resource(&alias.resource).await? {
                shared.push((alias.name.key, resource));
            }
        }
        Ok(shared)
    }

    /// All resources of an order, by key.
    pub async fn resources_of(&self, order: &OrderName) -> Result<Vec<Resource>, Status> {
        let filter = request::of_order(order);
        let mut paging = Paging { limit: BATCH, after: None };
        let mut all = Vec::new();
        loop {
            let page = self.store.resources(&filter, &paging).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => paging.after = Some(next),
                None => return Ok(all),
            }
        }
    }
}
