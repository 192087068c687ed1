//! The audit log.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::pb;
use crate::pb::audit_service_server::AuditService;

use super::caller::Caller;
use super::core::Core;
use super::{convert, names, request};

pub struct Audits(pub Arc<Core>);

#[tonic::async_trait]
impl AuditService for Audits {
    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, ""))?;
        let project = names::optional("project", &ask.project)?;
        let bound = request::bound("audit", &[&ask.project], &Default::default());
        let paging = self.0.pages.read(&bound, ask.page_size, &ask.page_token)?;
        let page = self.0.store.audit(project.as_ref().map(|it| it.as_str()), &paging).await?;
        Ok(Response::new(pb::ListAuditEntriesResponse {
            next_page_token: self.0.pages.write(&bound, page.next.as_deref()),
            entries: page.items.into_iter().map(convert::audit::entry).collect(),
        }))
    }
}
