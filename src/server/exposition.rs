//! `/metrics` for Prometheus, on a listener of its own: HTTP/1.1, TLS if the API has it, without a caller. Names of drivers and connections
//! stand in it, and numbers; no orders, no persons, no secrets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;

use crate::engine::Engine;
use crate::stock::Stock;
use crate::store::{self, Store};
use crate::telemetry::metrics::{Snapshot, metrics};

use super::core::Core;
use super::listen;
use super::tls::Tls;

/// Scrapers at once.
const CONNECTIONS: usize = 16;
/// For the head of a request, and then for the next.
const PATIENCE: Duration = Duration::from_secs(90);
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves until `core.shutdown` is cancelled.
pub(super) async fn run(core: Arc<Core>, listener: TcpListener, tls: Option<Arc<Tls>>) {
    let mut incoming = listen::incoming(listener, tls, CONNECTIONS);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let socket = tokio::select! {
            socket = incoming.next() => socket,
            () = core.shutdown.cancelled() => return,
        };
        let Some(socket) = socket else { return };
        let Ok(socket) = socket else { continue };
        let core = Arc::clone(&core);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let core = Arc::clone(&core);
                async move { Ok::<_, Infallible>(answer(&core, &request).await) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(16 << 10);
            if let Err(error) = http.serve_connection(TokioIo::new(socket), service).await {
                tracing::debug!(%error, "a scrape broke off");
            }
        });
    }
}

async fn answer(core: &Core, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let text = |status: StatusCode, text: &str| {
        let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
        *response.status_mut() = status;
        response
    };
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {}
        (_, "/metrics") => return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here"),
        _ => return text(StatusCode::NOT_FOUND, "there is nothing but /metrics here"),
    }
    let now = match snapshot(&*core.store, &core.stock, &core.engine).await {
        Ok(now) => now,
        Err(error) => return text(StatusCode::SERVICE_UNAVAILABLE, &format!("the store does not answer: {error}")),
    };
    let Ok(page) = metrics().page(&now) else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "the numbers cannot be written down");
    };
    let mut response = Response::new(Full::new(Bytes::from(page)));
    response.headers_mut().insert("content-type", FORMAT.parse().expect("a header"));
    response
}

/// How all stands now.
pub(super) async fn snapshot(store: &dyn Store, stock: &Stock, engine: &Engine) -> Result<Snapshot, store::Error> {
    let standing = store.standing().await?;
    let (attempts, most_attempts) = stock.attempts();
    let late_ms = standing.due.map_or(0, |due| engine.now().since_ms(due));
    let holds = engine.holds();
    let by_cause = |cause| holds.iter().filter(|hold| hold.cause == cause).count() as u64;
    use crate::domain::hold::Cause;
    use crate::domain::operation::OperationState;
    let open = OperationState::ALL.into_iter().filter(|state| !state.is_terminal());
    let count = |state| standing.by_state.iter().find(|it| it.0 == state).map_or(0, |it| it.1);
    Ok(Snapshot {
        operations: open.map(|state| (state.as_str(), count(state))).collect(),
        in_doubt: standing.in_doubt,
        held: standing.held,
        queue_age: Duration::from_millis(late_ms),
        attempts,
        most_attempts,
        holds: vec![("pause", by_cause(Cause::Pause)), ("breaker", by_cause(Cause::Breaker))],
    })
}
