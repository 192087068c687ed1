//! Orders: plan, apply, look, delete.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::hold::Target;
use crate::domain::name::OrderName;
use crate::domain::operation::OperationState;
use crate::domain::order::Order;
use crate::engine;
use crate::pb;
use crate::pb::order_service_server::OrderService;
use crate::store::Filter;

use super::caller::Caller;
use super::convert;
use super::convert::order::Count;
use super::core::Core;
use super::gather::Gathering;
use super::source::{self, Load, Ordered};
use super::{names, request};

pub struct Orders(pub Arc<Core>);

#[tonic::async_trait]
impl OrderService for Orders {
    async fn plan_order(
        &self,
        request: Request<pb::PlanOrderRequest>,
    ) -> Result<Response<pb::PlanOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let (order, _load) = self.ordered(ask.source, &ask.order, &ask.project, &ask.environment).await?;
        let planned = self.0.engine.plan(order.manifest, &caller.principal).await;
        let plan = planned.map_err(|error| order.written.place(error))?;
        let plan = convert::plan::plan(self.0.engine.mask_plan(plan));
        Ok(Response::new(pb::PlanOrderResponse { plan: Some(plan) }))
    }

    async fn apply_order(
        &self,
        request: Request<pb::ApplyOrderRequest>,
    ) -> Result<Response<pb::ApplyOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let request_id = request::id(ask.request_id)?;
        let (order, _load) = self.ordered(ask.source, &ask.order, &ask.project, &ask.environment).await?;
        let applied = self
            .0
            .engine
            .apply(engine::Apply {
                manifest: order.manifest,
                upgrading: engine::Upgrading::default(),
                content: None,
                principal: caller.principal,
                plan_digest: request::given(ask.plan_digest),
                allow_destroy: ask.allow_destroy,
                request_id,
                etag: request::etag(&ask.etag)?,
                validate_only: ask.validate_only,
                source: request::source(ask.order_source)?,
                take_over: ask.take_over,
                trace: caller.trace,
            })
            .await
            .map_err(|error| order.written.place(error))?;
        let (operation, plan, order) = self.applied(applied).await?;
        Ok(Response::new(pb::ApplyOrderResponse { operation, plan, order }))
    }

    async fn upgrade_order(
        &self,
        request: Request<pb::UpgradeOrderRequest>,
    ) -> Result<Response<pb::UpgradeOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let name = names::order(&ask.name)?;
        let upgrading = request::upgrading(ask.resources, &ask.to)?;
        let applied = self
            .0
            .engine
            .upgrade(engine::Upgrade {
                name,
                upgrading,
                principal: caller.principal,
                plan_digest: request::given(ask.plan_digest),
                allow_destroy: ask.allow_destroy,
                request_id: request::id(ask.request_id)?,
                validate_only: ask.validate_only,
                trace: caller.trace,
            })
            .await?;
        let (operation, plan, order) = self.applied(applied).await?;
        Ok(Response::new(pb::UpgradeOrderResponse { operation, plan, order }))
    }

    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Result<Response<pb::GetOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let name = names::order(&ask.name)?;
        let _turn = self.0.turn().await?;
        let order = self.0.order(&name).await?;
        Ok(Response::new(pb::GetOrderResponse { order: Some(self.show(order).await?) }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let project = names::name("project", &ask.project)?;
        let environment = names::optional("environment", &ask.environment)?;
        let labels = request::labels(ask.labels)?;
        let bound = request::bound("orders", &[&ask.project, &ask.environment], &labels);
        let paging = self.0.pages.read(&bound, ask.page_size, &ask.page_token)?;
        self.0.place(&project, environment.as_ref()).await?;
        let filter = Filter {
            project: Some(ask.project),
            environment: environment.map(String::from),
            labels,
            ..Filter::default()
        };
        let _turn = self.0.turn().await?;
        let mut page = Gathering::new(paging);
        while let Some(paging) = page.wants() {
            let read = self.0.store.orders(&filter, paging).await?;
            for order in read.items {
                page.add(self.show(order).await?);
            }
            page.goes_on_at(read.next);
        }
        let next_page_token = self.0.pages.write(&bound, page.next());
        Ok(Response::new(pb::ListOrdersResponse { orders: page.items, next_page_token }))
    }

    async fn list_order_generations(
        &self,
        request: Request<pb::ListOrderGenerationsRequest>,
    ) -> Result<Response<pb::ListOrderGenerationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let name = names::order(&ask.name)?;
        let _turn = self.0.turn().await?;
        self.0.order(&name).await?;
        let found = self.0.engine.generations(&name).await?;
        let generations = found.into_iter().map(convert::order::generation).collect();
        Ok(Response::new(pb::ListOrderGenerationsResponse { generations }))
    }

    async fn get_order_generation(
        &self,
        request: Request<pb::GetOrderGenerationRequest>,
    ) -> Result<Response<pb::GetOrderGenerationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let name = names::order(&ask.name)?;
        let wanted = u64::try_from(ask.generation).map_err(|_| names::field("generation", "is at least 1"))?;
        let _turn = self.0.turn().await?;
        self.0.order(&name).await?;
        let mut found = self.0.engine.generation(&name, wanted).await?;
        found.plan = found.plan.take().map(|plan| self.0.engine.mask_plan(plan));
        Ok(Response::new(pb::GetOrderGenerationResponse { generation: Some(convert::order::generation(found)) }))
    }

    async fn delete_order(
        &self,
        request: Request<pb::DeleteOrderRequest>,
    ) -> Result<Response<pb::DeleteOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let operation = self
            .0
            .engine
            .delete(engine::Delete {
                name: names::order(&ask.name)?,
                principal: caller.principal,
                etag: request::etag(&ask.etag)?,
                request_id: request::id(ask.request_id)?,
                allow_missing: ask.allow_missing,
                allow_destroy: ask.allow_destroy,
                trace: caller.trace,
            })
            .await?;
        Ok(Response::new(pb::DeleteOrderResponse { operation: operation.map(convert::operation::operation) }))
    }

    async fn pause_order(
        &self,
        request: Request<pb::PauseOrderRequest>,
    ) -> Result<Response<pb::PauseOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let target = Target::Order(names::order(&ask.name)?);
        let (hold, unchanged) = self.0.pause(target, &ask.message, &caller).await?;
        Ok(Response::new(pb::PauseOrderResponse { hold: Some(hold), unchanged }))
    }

    async fn resume_order(
        &self,
        request: Request<pb::ResumeOrderRequest>,
    ) -> Result<Response<pb::ResumeOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let target = Target::Order(names::order(&ask.name)?);
        let unchanged = self.0.resume(&target, &caller).await?;
        Ok(Response::new(pb::ResumeOrderResponse { unchanged }))
    }
}

impl Orders {
    /// The order that a call brings, for a place that exists.
    async fn ordered(
        &self,
        source: Option<pb::Source>,
        which: &str,
        project: &str,
        environment: &str,
    ) -> Result<(Ordered, Load), Status> {
        let (sourced, load) = source::order(source, which).await?;
        let order = source::fill(sourced, project, environment)?;
        self.0.place(&order.project, Some(&order.environment)).await?;
        Ok((order, load))
    }

    async fn applied(
        &self,
        applied: engine::Applied,
    ) -> Result<(Option<pb::Operation>, Option<pb::Plan>, Option<pb::Order>), Status> {
        let order = match (applied.order, &applied.operation) {
            // A new one: all that it has is what the plan makes, and none of it was made yet.
            (Some(order), Some(operation)) if order.version == 1 && !applied.plan.resources.is_empty() => {
                let count = Count { all: applied.plan.resources.len(), ..Count::default() };
                Some(self.shown(order, Some(operation.state), count).await?)
            }
            (Some(order), _) => Some(self.show(order).await?),
            (None, _) => None,
        };
        let plan = convert::plan::plan(self.0.engine.mask_plan(applied.plan));
        Ok((applied.operation.map(convert::operation::operation), Some(plan), order))
    }

    async fn show(&self, order: Order) -> Result<pb::Order, Status> {
        let operation = self.0.store.operation(&order.operation).await?.map(|it| it.state);
        let count = self.count(&order.name).await?;
        self.shown(order, operation, count).await
    }

    async fn shown(&self, order: Order, operation: Option<OperationState>, count: Count) -> Result<pb::Order, Status> {
        let mut shared = Vec::new();
        for (key, resource) in self.0.shared_by(&order.name).await? {
            shared.push(pb::SharedEntry {
                key: key.to_string(),
                resource: resource.name.to_string(),
                resource_id: resource.id.to_string(),
            });
        }
        // Opened, a manifest takes many times as much: last, and for no longer than it is written down.
        let manifest = self.0.engine.open_manifest(&order)?;
        let held = self.0.engine.held_conditions(&Target::Order(order.name.clone()));
        Ok(convert::order::order(order, manifest, operation, count, held, shared))
    }

    async fn count(&self, order: &OrderName) -> Result<Count, Status> {
        let mut count = Count::default();
        for (state, resources) in self.0.store.count_resources(order).await? {
            count.add(state, usize::try_from(resources).unwrap_or(usize::MAX));
        }
        Ok(count)
    }
}
