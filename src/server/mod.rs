//! gRPC: a handler parses, asks `policy` once, makes one call, converts.
//!
//! Each service has its file. Reads the store and changes nothing in it: what changes something is a call of the stock or
//! the engine. Must never know wasmtime or SQL.

pub mod tls;
mod listen;
mod peers;
mod socket;
mod gate;
mod exposition;
mod deadline;
mod intake;
mod outgoing;
mod pace;
mod caller;
mod core;
mod request;
mod names;
pub mod page;
mod gather;
mod source;
mod holds;
pub mod status;
mod orders;
mod resources;
mod operations;
pub mod watch;
mod catalog;
mod documents;
mod drivers;
mod secrets;
mod audit;
mod system;
mod backups;
mod convert;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::identity::Identity;
use crate::pb;

use gate::Gate;
use tls::Tls;

pub use self::core::{Core, TURNS};
pub use page::Pages;

/// Of one message to the core: an order of 10,000 resources passes.
pub const MESSAGE_BYTES: usize = 16 << 20;

/// Of one answer: of the largest order it shows the document, and the plan beside it.
pub const ANSWER_BYTES: usize = 64 << 20;

const STREAMS_PER_CONNECTION: u32 = 1_024;
const HEADER_BYTES: u32 = 32 << 10;
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Streams that a peer reset before a handler saw them, on one connection: with more, the connection is ended.
const RESET_BY_PEER: usize = 20;

/// Streams that had to be reset for what a peer did wrong, on one connection: with more, the connection is ended.
const RESET_BY_US: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot describe the API to clients")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("cannot serve")]
    Serve(#[from] tonic::transport::Error),
}

/// How many calls are let in at once; what is beyond is refused with RATE_LIMITED, never queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls that work.
    pub calls: usize,
    /// Watches, and calls that wait for an operation.
    pub waits: usize,
    /// Connections, whoever they are from.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 512, waits: 4_096, connections: 512 }
    }
}

/// Where calls come in.
pub struct Listeners {
    pub api: TcpListener,
    /// For Prometheus.
    pub metrics: Option<TcpListener>,
}

/// Serves the API on its listener, over TLS if there is a certificate, until `core.shutdown` is cancelled and every open call
/// has ended; those that only wait are ended. How long that may take is for the caller to bound.
pub async fn run(
    core: Core,
    identity: Identity,
    limits: Limits,
    listeners: Listeners,
    tls: Option<Arc<Tls>>,
) -> Result<(), Error> {
    let shutdown = core.shutdown.clone();
    let core = Arc::new(core);
    // Ends with this.
    let mut beside = JoinSet::new();
    if let Some(listener) = listeners.metrics {
        beside.spawn(exposition::run(Arc::clone(&core), listener, tls.clone()));
    }
    let health = HealthReporter::new();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut builder = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_max_pending_accept_reset_streams(Some(RESET_BY_PEER))
        .http2_max_local_error_reset_streams(Some(RESET_BY_US))
        .layer(Gate::new(identity, limits));

    /// One service with the limits that all have.
    macro_rules! limited {
        ($service:expr) => {
            $service.max_decoding_message_size(MESSAGE_BYTES).max_encoding_message_size(ANSWER_BYTES)
        };
    }
    use pb::{
        audit_service_server as audit_pb, backup_service_server as backup_pb, catalog_service_server as catalog_pb,
        document_service_server as document_pb, driver_service_server as driver_pb,
        operation_service_server as operation_pb, order_service_server as order_pb,
        resource_service_server as resource_pb, secret_service_server as secret_pb, system_service_server as system_pb,
        watch_service_server as watch_pb,
    };
    let shared = || Arc::clone(&core);
    let router = builder
        .add_service(tonic_health::pb::health_server::HealthServer::new(
            tonic_health::server::HealthService::from_health_reporter(health.clone()),
        ))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(limited!(order_pb::OrderServiceServer::new(orders::Orders(shared()))))
        .add_service(limited!(resource_pb::ResourceServiceServer::new(resources::Resources(shared()))))
        .add_service(limited!(operation_pb::OperationServiceServer::new(operations::Operations(shared()))))
        .add_service(limited!(watch_pb::WatchServiceServer::new(watch::Watches(shared()))))
        .add_service(limited!(catalog_pb::CatalogServiceServer::new(catalog::Catalog(shared()))))
        .add_service(limited!(document_pb::DocumentServiceServer::new(documents::Documents(shared()))))
        .add_service(limited!(driver_pb::DriverServiceServer::new(drivers::Drivers(shared()))))
        .add_service(limited!(secret_pb::SecretServiceServer::new(secrets::Secrets(shared()))))
        .add_service(limited!(audit_pb::AuditServiceServer::new(audit::Audits(shared()))))
        .add_service(limited!(backup_pb::BackupServiceServer::new(backups::Backups(shared()))))
        .add_service(limited!(system_pb::SystemServiceServer::new(system::System(shared()))));

    report(&health, ServingStatus::Serving).await;
    let stopped = async move {
        shutdown.cancelled().await;
        report(&health, ServingStatus::NotServing).await;
    };
    let incoming = listen::incoming(listeners.api, tls, limits.connections);
    Ok(router.serve_with_incoming_shutdown(incoming, stopped).await?)
}

/// Says of the core as a whole (the empty name) and of each of its services how it is.
async fn report(health: &HealthReporter, status: ServingStatus) {
    health.set_service_status("", status).await;
    for service in SERVICES {
        health.set_service_status(*service, status).await;
    }
}

const SERVICES: &[&str] = &[
    "vend.v1.OrderService",
    "vend.v1.ResourceService",
    "vend.v1.OperationService",
    "vend.v1.WatchService",
    "vend.v1.CatalogService",
    "vend.v1.DocumentService",
    "vend.v1.DriverService",
    "vend.v1.SecretService",
    "vend.v1.AuditService",
    "vend.v1.BackupService",
    "vend.v1.SystemService",
];
