//! Who calls a core: clients of all services for one token. Benchmarks call like this as well.

use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use vend::pb;

/// Puts a token, and what else a test wants, beside each call.
#[derive(Clone)]
pub struct Bearer(pub Option<String>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            let value = format!("Bearer {token}").parse().expect("a header");
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

pub type Connection = InterceptedService<Channel, Bearer>;

/// A caller of a core anywhere.
pub async fn caller(url: &str, token: &str) -> Result<Caller, tonic::transport::Error> {
    let channel = Endpoint::from_shared(url.to_owned())?.connect().await?;
    Ok(Caller { connection: InterceptedService::new(channel, Bearer(Some(token.to_owned()))) })
}

/// Clients of all services for one token.
#[derive(Clone)]
pub struct Caller {
    pub connection: Connection,
}

macro_rules! clients {
    ($($name:ident: $module:ident::$client:ident;)+) => {
        impl Caller {
            $(pub fn $name(&self) -> pb::$module::$client<Connection> {
                let most = vend::server::ANSWER_BYTES;
                pb::$module::$client::new(self.connection.clone()).max_decoding_message_size(most)
            })+
        }
    };
}

clients! {
    orders: order_service_client::OrderServiceClient;
    resources: resource_service_client::ResourceServiceClient;
    operations: operation_service_client::OperationServiceClient;
    watches: watch_service_client::WatchServiceClient;
    documents: document_service_client::DocumentServiceClient;
    drivers: driver_service_client::DriverServiceClient;
    secrets: secret_service_client::SecretServiceClient;
    audit: audit_service_client::AuditServiceClient;
    catalog: catalog_service_client::CatalogServiceClient;
    system: system_service_client::SystemServiceClient;
}

impl Caller {
    pub async fn apply(&self, text: &str) -> Result<Vec<pb::AppliedDocument>, Status> {
        let request = pb::ApplyDocumentsRequest { sources: vec![source("test.yaml", text)], ..Default::default() };
        Ok(self.documents().apply_documents(request).await?.into_inner().documents)
    }
}

pub fn source(file_name: &str, text: &str) -> pb::Source {
    pb::Source { file_name: file_name.into(), content: text.into() }
}
