//! The catalog: what can be ordered here.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::name::{Key, SharedId};
use crate::pb;
use crate::pb::catalog_service_server::CatalogService;
use crate::stock::Wanted;

use super::caller::Caller;
use super::core::Core;
use super::{convert, names, request};

pub struct Catalog(pub Arc<Core>);

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn list_catalog_entries(
        &self,
        request: Request<pb::ListCatalogEntriesRequest>,
    ) -> Result<Response<pb::ListCatalogEntriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let project = names::name("project", &ask.project)?;
        let environment = names::name("environment", &ask.environment)?;
        self.0.place(&project, Some(&environment)).await?;
        let entries = self.0.stock.catalog(&project, &environment).await?;
        let entries = entries.iter().map(convert::catalog::entry).collect();
        Ok(Response::new(pb::ListCatalogEntriesResponse { entries }))
    }

    async fn get_catalog_entry(
        &self,
        request: Request<pb::GetCatalogEntryRequest>,
    ) -> Result<Response<pb::GetCatalogEntryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let wanted = self.0.wanted(&ask.project, &ask.environment, &ask.resource_type, &ask.class).await?;
        let entry = self.0.stock.catalog_entry(&wanted).await?;
        Ok(Response::new(pb::GetCatalogEntryResponse { entry: Some(convert::catalog::entry(&entry)) }))
    }

    async fn match_recipe(
        &self,
        request: Request<pb::MatchRecipeRequest>,
    ) -> Result<Response<pb::MatchRecipeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let order = names::optional("order", &ask.order)?;
        let key = match ask.key.as_str() {
            "" => None,
            text => Some(Key::parse(text).map_err(|error| names::field("key", error.to_string()))?),
        };
        let id = match ask.id.as_str() {
            "" => None,
            text => Some(SharedId::new(text).map_err(|error| names::field("id", error.to_string()))?),
        };
        let wanted = self.0.wanted(&ask.project, &ask.environment, &ask.resource_type, &ask.class).await?;
        let serving = self.0.stock.serving(&Wanted { order, key, id, ..wanted }).await?;
        Ok(Response::new(convert::catalog::serving(&serving)))
    }
}
