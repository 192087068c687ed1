//! Resources: look, outputs, and the one call that shows secrets.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::domain::name::Key;
use crate::domain::resource::Resource;
use crate::pb;
use crate::pb::resource_service_server::ResourceService;
use crate::store::Filter;

use super::caller::Caller;
use super::convert;
use super::core::Core;
use super::gather::Gathering;
use super::names::{self, Target};
use super::request;

/// Entries that are told of one resource.
const SHOWN: u32 = 100;

pub struct Resources(pub Arc<Core>);

#[tonic::async_trait]
impl ResourceService for Resources {
    async fn get_resource(
        &self,
        request: Request<pb::GetResourceRequest>,
    ) -> Result<Response<pb::GetResourceResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let _turn = self.0.turn().await?;
        let resource = self.one(&ask.name).await?;
        let recipe_criteria = self.0.stock.served_by(&resource).await?;
        let resource = pb::Resource { recipe_criteria, ..self.show(resource).await? };
        Ok(Response::new(pb::GetResourceResponse { resource: Some(resource) }))
    }

    async fn list_resources(
        &self,
        request: Request<pb::ListResourcesRequest>,
    ) -> Result<Response<pb::ListResourcesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let project = names::name("project", &ask.project)?;
        let environment = names::optional("environment", &ask.environment)?;
        let order = names::optional("order", &ask.order)?;
        let labels = request::labels(ask.labels)?;
        let bound = request::bound("resources", &[&ask.project, &ask.environment, &ask.order], &labels);
        let paging = self.0.pages.read(&bound, ask.page_size, &ask.page_token)?;
        self.0.place(&project, environment.as_ref()).await?;
        let filter = Filter {
            project: Some(ask.project),
            environment: environment.map(String::from),
            order: order.map(String::from),
            labels,
            ..Filter::default()
        };
        let _turn = self.0.turn().await?;
        let mut page = Gathering::new(paging);
        while let Some(paging) = page.wants() {
            let read = self.0.store.resources(&filter, paging).await?;
            for resource in read.items {
                page.add(self.show(resource).await?);
            }
            page.goes_on_at(read.next);
        }
        let next_page_token = self.0.pages.write(&bound, page.next());
        Ok(Response::new(pb::ListResourcesResponse { resources: page.items, next_page_token }))
    }

    async fn refresh_resource(
        &self,
        request: Request<pb::RefreshResourceRequest>,
    ) -> Result<Response<pb::RefreshResourceResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let refreshed = self.0.engine.refresh(&self.one(&ask.name).await?).await?;
        Ok(Response::new(convert::resource::refreshed(&refreshed, self.0.engine.now())))
    }

    async fn release_resource(
        &self,
        request: Request<pb::ReleaseResourceRequest>,
    ) -> Result<Response<pb::ReleaseResourceResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let etag = request::etag(&ask.etag)?;
        let resource = self.one(&ask.name).await?;
        let released = self.0.engine.let_go(&resource.id, etag, &caller.principal).await?;
        Ok(Response::new(pb::ReleaseResourceResponse { resource: Some(self.show(released).await?) }))
    }

    async fn discover_objects(
        &self,
        request: Request<pb::DiscoverObjectsRequest>,
    ) -> Result<Response<pb::DiscoverObjectsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let connection = names::optional("connection", &ask.connection)?;
        let narrowed = [&ask.project, &ask.environment, &ask.resource_type, &ask.class, &ask.connection];
        let bound = request::bound("objects", &narrowed.map(String::as_str), &Default::default());
        let paging = self.0.pages.read(&bound, 0, &ask.page_token)?;
        let wanted = self.0.wanted(&ask.project, &ask.environment, &ask.resource_type, &ask.class).await?;
        let found = self.0.engine.discover(&wanted, connection.as_ref(), paging.after).await?;
        let next_page_token = self.0.pages.write(&bound, found.next.as_deref());
        Ok(Response::new(convert::resource::discovered(found, next_page_token)))
    }

    async fn get_outputs(
        &self,
        request: Request<pb::GetOutputsRequest>,
    ) -> Result<Response<pb::GetOutputsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let _turn = self.0.turn().await?;
        let mut outputs = Vec::new();
        for (key, resource) in self.targets(&ask.name).await? {
            outputs.push((key, self.0.engine.view(&resource)?.outputs));
        }
        Ok(Response::new(pb::GetOutputsResponse { outputs_json: texts(outputs) }))
    }

    async fn reveal_outputs(
        &self,
        request: Request<pb::RevealOutputsRequest>,
    ) -> Result<Response<pb::RevealOutputsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let _turn = self.0.turn().await?;
        let resources = self.targets(&ask.name).await?;
        let outputs = self.0.engine.reveal(&resources, &ask.name, &caller.principal).await?;
        Ok(Response::new(pb::RevealOutputsResponse { outputs_json: texts(outputs) }))
    }
}

impl Resources {
    /// The resources that a name stands for, by key: one, or all of an order, those among them that it shares.
    async fn targets(&self, name: &str) -> Result<Vec<(Key, Resource)>, Status> {
        match names::target(name)? {
            Target::Id(id) => {
                let resource = self.0.resource(&id).await?;
                Ok(vec![(resource.name.key.clone(), resource)])
            }
            Target::Resource(name) => Ok(vec![(name.key.clone(), self.0.resource_named(&name).await?)]),
            Target::Order(name) => {
                self.0.order(&name).await?;
                let own = self.0.resources_of(&name).await?.into_iter().map(|it| (it.name.key.clone(), it));
                Ok(own.chain(self.0.shared_by(&name).await?).collect())
            }
        }
    }

    async fn one(&self, name: &str) -> Result<Resource, Status> {
        match names::resource(name)? {
            Target::Resource(name) => self.0.resource_named(&name).await,
            Target::Id(id) => self.0.resource(&id).await,
            Target::Order(_) => Err(names::field("name", "names an order")),
        }
    }

    async fn show(&self, resource: Resource) -> Result<pb::Resource, Status> {
        let mut view = self.0.engine.view(&resource)?;
        self.0.engine.observed(&resource, &mut view).await?;
        self.0.engine.maintained(&resource, &mut view).await?;
        view.conditions.extend(self.0.engine.held_resource(&resource.name.order, &resource.pin).await?);
        let aliases = match &resource.shared {
            Some(_) => self.0.store.aliases_of(&resource.id, SHOWN).await?,
            None => Vec::new(),
        };
        Ok(convert::resource::resource(resource, view, aliases))
    }
}

fn texts(outputs: Vec<(Key, Value)>) -> HashMap<String, String> {
    outputs.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}
