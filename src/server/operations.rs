//! Operations: look, wait, cancel, and the story of what was done.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::engine::Resolution;
use crate::pb;
use crate::pb::operation_service_server::OperationService;
use crate::pb::resolve_operation_request::Resolution as Asked;
use crate::store::{Filter, Paging};

use super::caller::Caller;
use super::convert::operation::operation;
use super::core::{BATCH, Core};
use super::{convert, names, request, status};

/// The longest a call waits, and how long it waits if it does not say.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Of the story of an operation with all of its children; that of one child has a bound of its own.
const STORY_BYTES: usize = 32 << 20;

/// A busy store wakes every waiter at every commit; each looks at most so often.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

pub struct Operations(pub Arc<Core>);

#[tonic::async_trait]
impl OperationService for Operations {
    async fn get_operation(
        &self,
        request: Request<pb::GetOperationRequest>,
    ) -> Result<Response<pb::GetOperationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.id)?;
        let found = self.find(&names::operation(&ask.id)?).await?;
        Ok(Response::new(pb::GetOperationResponse { operation: Some(operation(found)) }))
    }

    async fn list_operations(
        &self,
        request: Request<pb::ListOperationsRequest>,
    ) -> Result<Response<pb::ListOperationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let project = names::name("project", &ask.project)?;
        let environment = names::optional("environment", &ask.environment)?;
        let order = names::optional("order", &ask.order)?;
        let parts = [&*ask.project, &ask.environment, &ask.order, &ask.parent, &ask.resource];
        let bound = request::bound("operations", &parts, &Default::default());
        let paging = self.0.pages.read(&bound, ask.page_size, &ask.page_token)?;
        let parent = request::given(ask.parent).map(|id| names::operation(&id)).transpose()?;
        let resource = request::given(ask.resource).map(|id| names::resource_id("resource", &id)).transpose()?;
        self.0.place(&project, environment.as_ref()).await?;
        let filter = Filter {
            project: Some(ask.project),
            environment: environment.map(String::from),
            order: order.map(String::from),
            parent,
            resource,
            ..Filter::default()
        };
        let page = self.0.store.operations(&filter, &paging).await?;
        let next_page_token = self.0.pages.write(&bound, page.next.as_deref());
        let operations = page.items.into_iter().map(operation).collect();
        Ok(Response::new(pb::ListOperationsResponse { operations, next_page_token }))
    }

    async fn wait_operation(
        &self,
        request: Request<pb::WaitOperationRequest>,
    ) -> Result<Response<pb::WaitOperationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.id)?;
        let until = Instant::now() + timeout(ask.timeout)?;
        let found = self.wait(&names::operation(&ask.id)?, until).await?;
        Ok(Response::new(pb::WaitOperationResponse { operation: Some(operation(found)) }))
    }

    async fn cancel_operation(
        &self,
        request: Request<pb::CancelOperationRequest>,
    ) -> Result<Response<pb::CancelOperationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.id)?;
        let cancelled = self.0.engine.cancel(&names::operation(&ask.id)?, &caller.principal).await?;
        Ok(Response::new(pb::CancelOperationResponse { operation: Some(operation(cancelled)) }))
    }

    async fn retry_operation(
        &self,
        request: Request<pb::RetryOperationRequest>,
    ) -> Result<Response<pb::RetryOperationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.id)?;
        let id = names::operation(&ask.id)?;
        let retried = self.0.engine.resolve(&id, &Resolution::GoOn, &caller.principal).await?;
        Ok(Response::new(pb::RetryOperationResponse { operation: Some(operation(retried)) }))
    }

    async fn resolve_operation(
        &self,
        request: Request<pb::ResolveOperationRequest>,
    ) -> Result<Response<pb::ResolveOperationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.id)?;
        let id = names::operation(&ask.id)?;
        let resolution = match ask.resolution {
            Some(Asked::Afresh(())) => Resolution::Afresh { driver: request::given(ask.driver) },
            Some(Asked::Adopt(_)) if !ask.driver.is_empty() => {
                return Err(names::field("driver", "goes with afresh only"));
            }
            Some(Asked::Adopt(id)) => Resolution::Adopt(id),
            None => return Err(names::field("resolution", "is missing: afresh, or adopt with an id")),
        };
        let _turn = self.0.turn().await?;
        let resolved = self.0.engine.resolve(&id, &resolution, &caller.principal).await?;
        Ok(Response::new(pb::ResolveOperationResponse { operation: Some(operation(resolved)) }))
    }

    async fn get_journal(
        &self,
        request: Request<pb::GetJournalRequest>,
    ) -> Result<Response<pb::GetJournalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.id)?;
        let id = names::operation(&ask.id)?;
        let _turn = self.0.turn().await?;
        let found = self.find(&id).await?;
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for told in self.with_journals(found).await? {
            for line in self.0.engine.story(&told).await? {
                let line = convert::journal::line(line);
                bytes += line.encoded_len();
                lines.push(line);
            }
            if bytes > STORY_BYTES {
                let refusal = Refusal::new(Reason::RequestInvalid, "this story is too long to be told at once");
                return Err(refusal.hint("ask for those of its children, one by one").into());
            }
        }
        Ok(Response::new(pb::GetJournalResponse { lines }))
    }
}

impl Operations {
    async fn find(&self, id: &OperationId) -> Result<Operation, Status> {
        let found = self.0.store.operation(id).await?;
        found.ok_or_else(|| status::refuse(&self.0.engine.no_operation(id), id.as_str()))
    }

    /// What was done is told by children: a child itself, or all of an order's operation, oldest first.
    async fn with_journals(&self, operation: Operation) -> Result<Vec<Operation>, Status> {
        if operation.resource.is_some() {
            return Ok(vec![operation]);
        }
        let project = Some(operation.order.project.to_string());
        let filter = Filter { project, parent: Some(operation.id), ..Filter::default() };
        let mut paging = Paging { limit: BATCH, after: None };
        let mut children = Vec::new();
        loop {
            let page = self.0.store.operations(&filter, &paging).await?;
            children.extend(page.items);
            match page.next {
                Some(next) => paging.after = Some(next),
                None => break,
            }
        }
        children.reverse();
        Ok(children)
    }

    /// Looks, and looks again whenever the store changed: a wake-up that comes between a look and the sleep is not lost,
    /// since it is marked as seen before the look.
    async fn wait(&self, id: &OperationId, until: Instant) -> Result<Operation, Status> {
        let mut changes = self.0.store.changes();
        loop {
            changes.borrow_and_update();
            let found = self.find(id).await?;
            let settled = found.state.is_terminal() || found.state == OperationState::NeedsAttention;
            if settled || Instant::now() >= until {
                return Ok(found);
            }
            tokio::select! {
                changed = changes.changed() => {
                    changed.map_err(|_| status::unavailable("the core is stopping"))?;
                    tokio::time::sleep_until(until.min(Instant::now() + BETWEEN_LOOKS)).await;
                }
                () = tokio::time::sleep_until(until) => {}
                () = self.0.shutdown.cancelled() => {
                    return Err(status::unavailable("the core is stopping; the operation goes on when it is back"));
                }
            }
        }
    }
}

fn timeout(asked: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let Some(asked) = asked else { return Ok(LONGEST_WAIT) };
    // By hand: the library's conversion overflows where both parts are as low as they go.
    let parts = u64::try_from(asked.seconds).ok().zip(u32::try_from(asked.nanos).ok());
    let parts = parts.filter(|(_, nanos)| *nanos < 1_000_000_000);
    let (seconds, nanos) = parts.ok_or_else(|| names::field("timeout", "is negative or no duration"))?;
    Ok(Duration::new(seconds, nanos).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_a_bound() {
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        assert_eq!(timeout(None).expect("the default"), LONGEST_WAIT);
        assert_eq!(timeout(seconds(3)).expect("a timeout"), Duration::from_secs(3));
        assert_eq!(timeout(seconds(86_400)).expect("a long one"), LONGEST_WAIT);
        for (seconds, nanos) in [(-1, 0), (i64::MIN, i32::MIN), (1, -1), (0, 1_000_000_000), (i64::MAX, i32::MAX)] {
            assert!(timeout(Some(prost_types::Duration { seconds, nanos })).is_err(), "{seconds} {nanos}");
        }
        let longest = prost_types::Duration { seconds: i64::MAX, nanos: 999_999_999 };
        assert_eq!(timeout(Some(longest)).expect("a very long one"), LONGEST_WAIT);
    }
}
