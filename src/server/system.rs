//! The core itself: how it is, and whom it takes the caller for.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::pb;
use crate::pb::system_service_server::SystemService;

use super::caller::Caller;
use super::convert;
use super::core::Core;

pub struct System(pub Arc<Core>);

#[tonic::async_trait]
impl SystemService for System {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        Caller::of(&request)?.authorize("")?;
        Ok(Response::new(pb::GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            core_id: self.0.store.core_id().to_string(),
            start_time: Some(convert::time(self.0.start_time)),
            drivers: convert::int(self.0.stock.drivers_loaded().await),
            running_operations: convert::int(self.0.engine.running()),
        }))
    }

    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.authorize("")?;
        let roles = caller.principal.roles.iter().map(|role| role.as_str().to_owned()).collect();
        Ok(Response::new(pb::WhoAmIResponse { principal: caller.principal.name, roles }))
    }
}
