//! Secrets that operators set: in they go, by name; no call gives them out.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::secret::Plain;
use crate::pb;
use crate::pb::secret_service_server::SecretService;

use super::caller::Caller;
use super::core::Core;
use super::{convert, names};

const VALUE_BYTES: usize = 64 << 10;

pub struct Secrets(pub Arc<Core>);

#[tonic::async_trait]
impl SecretService for Secrets {
    async fn set_secret(
        &self,
        request: Request<pb::SetSecretRequest>,
    ) -> Result<Response<pb::SetSecretResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        let value = Plain::new(ask.value);
        caller.authorize(&ask.name)?;
        let name = names::name("name", &ask.name)?;
        if value.reveal().is_empty() || value.reveal().len() > VALUE_BYTES {
            return Err(names::field("value", format!("must have 1 to {VALUE_BYTES} bytes")));
        }
        let secret = self.0.stock.set_secret(&name, value, &caller.principal).await?;
        Ok(Response::new(pb::SetSecretResponse { secret: Some(convert::audit::secret(secret)) }))
    }

    async fn list_secrets(
        &self,
        request: Request<pb::ListSecretsRequest>,
    ) -> Result<Response<pb::ListSecretsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize("")?;
        let bound = ["secrets".to_owned()];
        let paging = self.0.pages.read(&bound, ask.page_size, &ask.page_token)?;
        let page = self.0.store.named_secrets(&paging).await?;
        Ok(Response::new(pb::ListSecretsResponse {
            next_page_token: self.0.pages.write(&bound, page.next.as_deref()),
            secrets: page.items.into_iter().map(convert::audit::secret).collect(),
        }))
    }
}
