//! What every call passes before its handler: is there room, who is calling, what does the call ask, how long may it take.
//!
//! And on the way back: a panic becomes INTERNAL, and what the transport itself refused gets a reason.

use std::any::Any;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::identity::Identity;
use crate::policy::Action;
use crate::telemetry::metrics::metrics;
use crate::telemetry::trace::Span;

use super::caller::{Caller, traceparent};
use super::intake::Intake;
use super::outgoing::Outgoing;
use super::peers::Peer;
use super::{Limits, deadline, status};

/// Health checks and reflection at once: they are nobody's work, and one may last as long as its connection.
const LOOKS: usize = 256;

/// A tower layer around all services.
#[derive(Clone)]
pub struct Gate {
    state: Arc<State>,
}

struct State {
    identity: Identity,
    /// Room for calls that work, and for those that mostly wait.
    calls: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    /// Room for what is around the API, kept until the last word of the answer.
    looks: Arc<Semaphore>,
    intake: Intake,
    outgoing: Outgoing,
}

impl Gate {
    pub fn new(identity: Identity, limits: Limits) -> Self {
        let room = |count| Arc::new(Semaphore::new(count));
        let (calls, waits, looks) = (room(limits.calls), room(limits.waits), room(LOOKS));
        let (intake, outgoing) = (Intake::new(), Outgoing::new());
        Self { state: Arc::new(State { identity, calls, waits, looks, intake, outgoing }) }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, state: Arc::clone(&self.state) }
    }
}

#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    state: Arc<State>,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The one that was polled ready is used up; its clone waits for the next call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let slot = match state.admit(&mut request, &path).await {
                Ok(slot) => slot,
                Err(refused) => return Ok(refused.into_http()),
            };
            let time = deadline::of(&path, request.headers());
            let call = Call::begin(&path, &mut request);
            if is_look(&path) {
                let answer = guarded(&path, time, inner.call(request)).await;
                return answer.map(|response| response.map(|body| held(body, slot)));
            }
            let peer = request.extensions().get::<Peer>().cloned();
            let (parts, body) = request.into_parts();
            let (body, held) = state.intake.take_in(&path, body);
            let request = Request::from_parts(parts, body);
            let kept = Arc::clone(&slot);
            let work = async move {
                let answer = inner.call(request).await;
                drop((slot, held));
                answer
            };
            let answer = match Action::of_method(&path).is_some_and(Action::changes) {
                true => guarded(&path, time, carried_through(work)).await,
                false => guarded(&path, time, work).await,
            };
            if deadline::is_endless(&path) {
                return answer;
            }
            call.end(&answer);
            answer.map(|response| response.map(|body| state.outgoing.let_out(body, peer, kept)))
        })
    }
}

impl State {
    /// Lets a call in, with its caller beside it; a health check comes in without.
    async fn admit(&self, request: &mut Request<Body>, path: &str) -> Result<Arc<OwnedSemaphorePermit>, Status> {
        let room = match path {
            _ if is_look(path) => &self.looks,
            _ if deadline::mostly_waits(path) => &self.waits,
            _ => &self.calls,
        };
        let slot = Arc::clone(room).try_acquire_owned().map_err(|_| {
            let refusal = Refusal::new(Reason::RateLimited, "the core has as many calls at once as it takes");
            Status::from(refusal.hint("try again in a moment"))
        })?;
        let slot = Arc::new(slot);
        if path.starts_with(HEALTH) {
            return Ok(slot);
        }
        let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap_or_default());
        let principal = self.identity.authenticate(authorization).await?;
        if let Some(peer) = request.extensions().get::<Peer>() {
            peer.becomes_known();
        }
        if path.starts_with(REFLECTION) {
            return Ok(slot);
        }
        let action = Action::of_method(path).ok_or_else(|| unsupported(path))?;
        let trace = request.headers().get("traceparent").and_then(|value| traceparent(value.to_str().ok()?));
        let trace = trace.unwrap_or_default().to_owned();
        tracing::debug!(%principal, %action, trace, "call");
        let caller = Caller { principal, action, trace, slot: Arc::clone(&slot) };
        request.extensions_mut().insert(caller);
        Ok(slot)
    }
}

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.";

fn is_look(path: &str) -> bool {
    path.starts_with(HEALTH) || path.starts_with(REFLECTION)
}

/// A call that is counted, and has a place in a trace if it changes something.
struct Call {
    method: Option<&'static str>,
    begun: Instant,
    span: Option<Span>,
}

impl Call {
    fn begin(path: &str, request: &mut Request<Body>) -> Self {
        let action = Action::of_method(path);
        let caller = request.extensions_mut().get_mut::<Caller>();
        let span = match (caller, action) {
            (Some(caller), Some(action)) if action.changes() => {
                let span = Span::begin(&caller.trace).with("vend.principal", caller.principal.name.as_str());
                span.context().clone_into(&mut caller.trace);
                Some(span)
            }
            _ => None,
        };
        Self { method: action.map(Action::as_str), begun: Instant::now(), span }
    }

    fn end<E>(self, answer: &Result<Response<Body>, E>) {
        let Some(method) = self.method else { return };
        let code = answer.as_ref().map_or(Code::Unknown, |response| {
            Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
        });
        let code = format!("{code:?}");
        metrics().call(method, &code, self.begun.elapsed());
        if let Some(span) = self.span {
            span.end(method, (code != "Ok").then_some(code.as_str()));
        }
    }
}

/// The same body, which keeps a place until it is through.
fn held(body: Body, slot: Arc<OwnedSemaphorePermit>) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &slot;
        frame
    }))
}

/// The answer of `call`, whatever becomes of it: a panic ends this call alone, and time that is up ends it unfinished.
async fn guarded<E>(
    path: &str,
    time: Duration,
    call: impl Future<Output = Result<Response<Body>, E>>,
) -> Result<Response<Body>, E> {
    match tokio::time::timeout(time, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => answer.map(|response| with_reason(response, path)),
        Ok(Err(panic)) => Ok(status::internal_text(&format!("{path} panicked: {}", text(&*panic))).into_http()),
        Err(_) => Ok(deadline::passed(path, time).into_http()),
    }
}

/// Goes on with `work` also if nobody waits for it any more: a caller that hangs up, or whose time is up, never leaves a
/// change half made.
async fn carried_through<E: Send + 'static>(
    work: impl Future<Output = Result<Response<Body>, E>> + Send + 'static,
) -> Result<Response<Body>, E> {
    match tokio::spawn(work).await.map_err(JoinError::try_into_panic) {
        Ok(answer) => answer,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => Ok(status::unavailable("the core is stopping").into_http()),
    }
}

fn unsupported(path: &str) -> Status {
    let shown: String = path.chars().take(200).collect();
    let refusal = Refusal::new(Reason::VerbUnsupported, format!("this vend has no call `{shown}`"));
    refusal.hint("`vend version` tells the version; reflection lists the calls it has").into()
}

/// Handlers always give a reason. A status without one comes from the transport: the message could not be read.
fn with_reason(response: Response<Body>, path: &str) -> Response<Body> {
    match reason_for(response.headers(), path) {
        Some(status) => status.into_http(),
        None => response,
    }
}

fn reason_for(headers: &HeaderMap, path: &str) -> Option<Status> {
    if !path.starts_with("/vend.") || headers.contains_key("grpc-status-details-bin") {
        return None;
    }
    let found = Status::from_header_map(headers)?;
    match found.code() {
        Code::Internal | Code::OutOfRange => {
            Some(status::invalid(format!("the message cannot be read: {}", found.message())))
        }
        Code::Unimplemented => {
            let refusal = Refusal::new(Reason::VerbUnsupported, format!("{path}: {}", found.message()));
            Some(refusal.into())
        }
        _ => None,
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    panic.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(code: Code, message: &str) -> HeaderMap {
        Status::new(code, message).into_http::<Body>().headers().clone()
    }

    #[test]
    fn what_the_transport_refused_gets_a_reason() {
        let code = |code, path| reason_for(&headers(code, "failed to decode"), path).map(|status| status.code());
        let path = "/vend.v1.OrderService/GetOrder";
        assert_eq!(code(Code::Internal, path), Some(Code::InvalidArgument));
        assert_eq!(code(Code::OutOfRange, path), Some(Code::InvalidArgument));
        assert_eq!(code(Code::Unimplemented, path), Some(Code::Unimplemented));
        assert_eq!(code(Code::Cancelled, path), None);
        assert_eq!(code(Code::Internal, "/grpc.health.v1.Health/Check"), None);
        let ours = status::not_found("x").into_http::<Body>().headers().clone();
        assert!(reason_for(&ours, path).is_none());
        assert!(reason_for(&HeaderMap::new(), path).is_none());
    }

    #[tokio::test]
    async fn a_panic_and_a_deadline_end_one_call_with_a_reason() {
        let path = "/vend.v1.OrderService/GetOrder";
        let found = |response: Result<Response<Body>, ()>| {
            use tonic_types::StatusExt;
            let status = Status::from_header_map(response.expect("an answer").headers()).expect("a status");
            let info = status.get_error_details().error_info().cloned().expect("an ErrorInfo");
            (status.code(), info.reason, status.message().to_owned())
        };
        let panicking = guarded(path, Duration::from_secs(9), async { panic!("hunter2") });
        let (code, reason, message) = found(panicking.await);
        assert_eq!((code, reason.as_str()), (Code::Internal, "INTERNAL"));
        assert!(message.contains("log-") && !message.contains("hunter2"), "{message}");
        let (code, reason, _) = found(guarded(path, Duration::ZERO, std::future::pending()).await);
        assert_eq!((code, reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    }

    #[tokio::test]
    async fn a_change_is_carried_through_when_its_caller_is_gone() {
        let (begun, wait) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (done, told) = tokio::sync::oneshot::channel();
        let work = {
            let (begun, wait) = (Arc::clone(&begun), Arc::clone(&wait));
            async move {
                begun.add_permits(1);
                let _ = wait.acquire().await;
                let _ = done.send(());
                Ok::<_, ()>(Response::new(Body::empty()))
            }
        };
        let caller = tokio::spawn(carried_through(work));
        let _ = begun.acquire().await.expect("it begins");
        caller.abort();
        assert!(caller.await.expect_err("gone").is_cancelled());
        wait.add_permits(1);
        told.await.expect("the work is done all the same");
    }

    #[tokio::test]
    async fn a_panic_in_what_is_carried_through_is_a_panic() {
        let work = carried_through::<()>(async { panic!("inside") });
        let status = guarded("/x", Duration::from_secs(9), work).await.expect("an answer");
        assert_eq!(Status::from_header_map(status.headers()).expect("a status").code(), Code::Internal);
    }

    #[test]
    fn a_panic_has_a_text() {
        let panic = std::panic::catch_unwind(|| panic!("at {}", 7)).expect_err("a panic");
        assert_eq!(text(&*panic), "at 7");
        let panic = std::panic::catch_unwind(|| std::panic::panic_any(7)).expect_err("a panic");
        assert_eq!(text(&*panic), "without a message");
    }
}
