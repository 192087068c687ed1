//! The wire: one lazily connected channel, a deadline on every call, and repetition of what may safely be repeated.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::error::Failure;
use super::settings::Settings;
use super::terminal::Terminal;
use super::{address, unreachable};
use crate::pb::{
    audit_service_client::AuditServiceClient, backup_service_client::BackupServiceClient,
    catalog_service_client::CatalogServiceClient, document_service_client::DocumentServiceClient,
    driver_service_client::DriverServiceClient, operation_service_client::OperationServiceClient,
    order_service_client::OrderServiceClient, resource_service_client::ResourceServiceClient,
    secret_service_client::SecretServiceClient, system_service_client::SystemServiceClient,
    watch_service_client::WatchServiceClient,
};

/// Largest message to the core and from it, bytes; the core has the same limits.
const MESSAGE_LIMIT: usize = 16 << 20;
const ANSWER_LIMIT: usize = 64 << 20;
/// For calls that set none of their own.
const CALL_DEADLINE: Duration = Duration::from_secs(60);
/// For calls that ask backends or compile: the core itself gives them as much.
pub const LONG_DEADLINE: Duration = Duration::from_secs(600);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How often a call that carries a request id is sent at most.
const TRIES: u32 = 6;

pub type Wire = InterceptedService<Channel, Caller>;

/// One run of one command: where it talks to, and whom it shows things.
#[derive(Clone)]
pub struct Session {
    pub settings: Settings,
    pub terminal: Terminal,
    wire: Wire,
}

macro_rules! clients {
    ($($name:ident: $client:ident),+ $(,)?) => {
        impl Session {
            $(pub fn $name(&self) -> $client<Wire> {
                $client::new(self.wire.clone())
                    .max_decoding_message_size(ANSWER_LIMIT)
                    .max_encoding_message_size(MESSAGE_LIMIT)
            })+
        }
    };
}

clients! {
    audit: AuditServiceClient,
    backups: BackupServiceClient,
    catalog: CatalogServiceClient,
    documents: DocumentServiceClient,
    drivers: DriverServiceClient,
    operations: OperationServiceClient,
    orders: OrderServiceClient,
    resources: ResourceServiceClient,
    secrets: SecretServiceClient,
    system: SystemServiceClient,
    watch: WatchServiceClient,
}

impl Session {
    /// Connects at the first call, and again whenever the connection was lost.
    pub fn new(settings: Settings, terminal: Terminal) -> anyhow::Result<Self> {
        let endpoint = address::endpoint(&settings)?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_DEADLINE)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10));
        let caller = Caller::new(settings.token.as_deref())?;
        terminal.detail(&format!("calling {} (from {})", settings.server, settings.origin));
        let wire = InterceptedService::new(endpoint.connect_lazy(), caller);
        Ok(Session { settings, terminal, wire })
    }
}

/// Puts token and deadline on every call.
#[derive(Debug, Clone)]
pub struct Caller {
    authorization: Option<MetadataValue<Ascii>>,
}

impl Caller {
    fn new(token: Option<&str>) -> Result<Self, Failure> {
        let Some(token) = token else { return Ok(Caller { authorization: None }) };
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
            .parse()
            .map_err(|_| Failure::usage("the token holds characters that no token has"))?;
        value.set_sensitive(true);
        Ok(Caller { authorization: Some(value) })
    }
}

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if request.metadata().get("grpc-timeout").is_none() {
            request.set_timeout(CALL_DEADLINE);
        }
        Ok(request)
    }
}

/// A request with a deadline of its own.
pub fn within<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

/// A fresh AIP-155 request id: 128 random bits, hex.
pub fn request_id() -> anyhow::Result<String> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether the same call may succeed later: the core is away, or asks to come back.
pub fn is_transient(status: &Status) -> bool {
    match status.code() {
        _ if unreachable::is_for_good(status) => false,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => true,
        // A connection that breaks in the middle of an answer shows as one of these.
        Code::Unknown | Code::Internal => std::error::Error::source(status).is_some(),
        // Another call was faster, or there were too many: whoever says when to come back means it.
        _ => status.get_details_retry_info().is_some(),
    }
}

/// Sends a call until it is answered; only for calls that carry a request id, which makes repeating them safe.
pub async fn repeat<T, F>(session: &Session, mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut tried = 1;
    loop {
        let status = match call().await {
            Ok(answer) => return Ok(answer),
            Err(status) => status,
        };
        let is_hopeless = tried == 1 && unreachable::is_asked_in_the_clear(&status, &session.settings);
        if tried >= TRIES || !is_transient(&status) || is_hopeless {
            return Err(status);
        }
        let pause = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay)
            .unwrap_or(Duration::from_millis(200) * 2u32.pow(tried));
        session.terminal.detail(&format!("{}; asking again", status.message()));
        tokio::time::sleep(pause.min(Duration::from_secs(10))).await;
        tried += 1;
    }
}
