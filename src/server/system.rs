//! The core itself: how it is, and whom it takes the caller for.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::hold::Target;
use crate::pb;
use crate::pb::system_service_server::SystemService;
use crate::telemetry::metrics;

use super::caller::Caller;
use super::core::Core;
use super::{convert, exposition};

/// Holds that the status shows.
const SHOWN: usize = 100;

pub struct System(pub Arc<Core>);

#[tonic::async_trait]
impl SystemService for System {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        Caller::of(&request)?.authorize("")?;
        let now = exposition::snapshot(&*self.0.store, &self.0.stock, &self.0.engine).await?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Response::new(pb::GetStatusResponse {
            operations: now.operations.iter().map(|(state, count)| ((*state).to_owned(), number(*count))).collect(),
            operations_in_doubt: number(now.in_doubt),
            operations_held: number(now.held),
            queue_age: Some(convert::duration(now.queue_age)),
            resident_bytes: number(metrics::resident_bytes()),
            version: env!("CARGO_PKG_VERSION").into(),
            core_id: self.0.store.core_id().to_string(),
            start_time: Some(convert::time(self.0.start_time)),
            drivers: convert::int(self.0.stock.drivers_loaded().await),
            running_operations: convert::int(self.0.engine.running()),
            store: self.0.store.kind().to_owned(),
            holds: self.0.engine.holds().into_iter().take(SHOWN).map(convert::hold::hold).collect(),
        }))
    }

    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.authorize("")?;
        let roles = caller.principal.roles.iter().map(|role| role.as_str().to_owned()).collect();
        Ok(Response::new(pb::WhoAmIResponse { principal: caller.principal.name, roles }))
    }
    async fn pause_core(
        &self,
        request: Request<pb::PauseCoreRequest>,
    ) -> Result<Response<pb::PauseCoreResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize("")?;
        let (hold, unchanged) = self.0.pause(Target::Core, &ask.message, &caller).await?;
        Ok(Response::new(pb::PauseCoreResponse { hold: Some(hold), unchanged }))
    }

    async fn resume_core(
        &self,
        request: Request<pb::ResumeCoreRequest>,
    ) -> Result<Response<pb::ResumeCoreResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.authorize("")?;
        let unchanged = self.0.resume(&Target::Core, &caller).await?;
        Ok(Response::new(pb::ResumeCoreResponse { unchanged }))
    }
}
