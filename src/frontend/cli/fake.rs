//! A core for tests: one order, one operation, and faults on demand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::connect::Session;
use super::settings::Settings;
use super::terminal::Terminal;
use crate::pb::{self, operation::State, operation_service_server as operations, order_service_server as orders};

pub const ORDER: &str = "projects/shop/environments/dev/orders/checkout";
pub const OPERATION: &str = "op_01";

/// What the fake was asked, and how it is to answer. Outlives restarts.
#[derive(Debug, Default)]
pub struct Book {
    pub applied: Vec<pb::ApplyOrderRequest>,
    /// So many calls of ApplyOrder are answered UNAVAILABLE first.
    pub unavailable: usize,
    /// The order destroys: it needs a digest or a permission.
    pub destroys: bool,
    /// The operation's states, one per look; the last one stays.
    pub states: Vec<State>,
    pub looks: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Core {
    pub book: Arc<Mutex<Book>>,
}

impl Core {
    pub fn new(book: Book) -> Self {
        Core { book: Arc::new(Mutex::new(book)) }
    }

    pub fn read<T>(&self, read: impl FnOnce(&mut Book) -> T) -> T {
        read(&mut self.book.lock().expect("no test has panicked while holding it"))
    }

    /// Listens on an address; port 0 takes a free one.
    pub fn listen(&self, address: &str) -> Running {
        let listener = std::net::TcpListener::bind(address).expect("binds");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let server = tonic::transport::Server::builder()
            .add_service(orders::OrderServiceServer::new(self.clone()))
            .add_service(operations::OperationServiceServer::new(self.clone()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("serves");
        });
        Running { address, runtime: Some(runtime) }
    }
}

/// A core at work, in a runtime of its own: dropping it kills it with all its connections.
pub struct Running {
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub fn session(address: SocketAddr) -> Session {
    let settings = Settings {
        server: format!("http://{address}"),
        origin: "a test".to_owned(),
        token: Some("token".to_owned()),
        project: "shop".to_owned(),
        environment: "dev".to_owned(),
        ..Settings::default()
    };
    Session::new(settings, Terminal::of_tests()).expect("a session")
}

pub fn operation(state: State) -> pb::Operation {
    pb::Operation {
        id: OPERATION.to_owned(),
        order: ORDER.to_owned(),
        state: state.into(),
        done: matches!(state, State::Succeeded | State::Failed | State::Cancelled | State::Superseded),
        ..pb::Operation::default()
    }
}

fn refusal(code: Code, reason: &str) -> Status {
    Status::with_error_details(code, "refused", ErrorDetails::with_error_info(reason, "vend", []))
}

fn unused<T>() -> Result<T, Status> {
    Err(Status::unimplemented("no test asks for this"))
}

#[tonic::async_trait]
impl orders::OrderService for Core {
    async fn plan_order(&self, _: Request<pb::PlanOrderRequest>) -> Result<Response<pb::PlanOrderResponse>, Status> {
        let plan = pb::Plan { order: ORDER.to_owned(), digest: "d1".to_owned(), destroys: true, ..pb::Plan::default() };
        Ok(Response::new(pb::PlanOrderResponse { plan: Some(plan) }))
    }

    async fn apply_order(
        &self,
        request: Request<pb::ApplyOrderRequest>,
    ) -> Result<Response<pb::ApplyOrderResponse>, Status> {
        let sent = request.metadata().get("authorization").and_then(|it| it.to_str().ok()).map(str::to_owned);
        if sent.as_deref() != Some("Bearer token") || request.metadata().get("grpc-timeout").is_none() {
            return Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED"));
        }
        let request = request.into_inner();
        self.read(|book| {
            let agreed = request.allow_destroy || request.plan_digest == "d1";
            book.applied.push(request);
            if book.applied.len() <= book.unavailable {
                return Err(Status::unavailable("restarting"));
            }
            if book.destroys && !agreed {
                return Err(refusal(Code::FailedPrecondition, "PLAN_REQUIRED"));
            }
            let operation = Some(operation(State::Queued));
            Ok(Response::new(pb::ApplyOrderResponse { operation, ..pb::ApplyOrderResponse::default() }))
        })
    }

    async fn get_order(&self, _: Request<pb::GetOrderRequest>) -> Result<Response<pb::GetOrderResponse>, Status> {
        unused()
    }

    async fn list_orders(&self, _: Request<pb::ListOrdersRequest>) -> Result<Response<pb::ListOrdersResponse>, Status> {
        unused()
    }

    async fn upgrade_order(
        &self,
        _: Request<pb::UpgradeOrderRequest>,
    ) -> Result<Response<pb::UpgradeOrderResponse>, Status> {
        unused()
    }

    async fn list_order_generations(
        &self,
        _: Request<pb::ListOrderGenerationsRequest>,
    ) -> Result<Response<pb::ListOrderGenerationsResponse>, Status> {
        unused()
    }

    async fn get_order_generation(
        &self,
        _: Request<pb::GetOrderGenerationRequest>,
    ) -> Result<Response<pb::GetOrderGenerationResponse>, Status> {
        unused()
    }

    async fn pause_order(&self, _: Request<pb::PauseOrderRequest>) -> Result<Response<pb::PauseOrderResponse>, Status> {
        unused()
    }

    async fn resume_order(
        &self,
        _: Request<pb::ResumeOrderRequest>,
    ) -> Result<Response<pb::ResumeOrderResponse>, Status> {
        unused()
    }

    async fn delete_order(
        &self,
        _: Request<pb::DeleteOrderRequest>,
    ) -> Result<Response<pb::DeleteOrderResponse>, Status> {
        unused()
    }
}

#[tonic::async_trait]
impl operations::OperationService for Core {
    async fn get_operation(
        &self,
        _: Request<pb::GetOperationRequest>,
    ) -> Result<Response<pb::GetOperationResponse>, Status> {
        let state = self.read(|book| {
            let state = book.states[book.looks.min(book.states.len() - 1)];
            book.looks += 1;
            state
        });
        Ok(Response::new(pb::GetOperationResponse { operation: Some(operation(state)) }))
    }

    async fn list_operations(
        &self,
        _: Request<pb::ListOperationsRequest>,
    ) -> Result<Response<pb::ListOperationsResponse>, Status> {
        Ok(Response::new(pb::ListOperationsResponse::default()))
    }

    async fn wait_operation(
        &self,
        _: Request<pb::WaitOperationRequest>,
    ) -> Result<Response<pb::WaitOperationResponse>, Status> {
        unused()
    }

    async fn cancel_operation(
        &self,
        _: Request<pb::CancelOperationRequest>,
    ) -> Result<Response<pb::CancelOperationResponse>, Status> {
        unused()
    }

    async fn retry_operation(
        &self,
        _: Request<pb::RetryOperationRequest>,
    ) -> Result<Response<pb::RetryOperationResponse>, Status> {
        unused()
    }

    async fn resolve_operation(
        &self,
        _: Request<pb::ResolveOperationRequest>,
    ) -> Result<Response<pb::ResolveOperationResponse>, Status> {
        unused()
    }

    async fn get_journal(&self, _: Request<pb::GetJournalRequest>) -> Result<Response<pb::GetJournalResponse>, Status> {
        unused()
    }
}
