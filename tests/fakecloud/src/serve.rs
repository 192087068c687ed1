//! Connections and requests: a fault is chosen, the request applied and recorded, and then answered or not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::admin;
use crate::clock::machine_ms;
use crate::cloud::{self, Cloud};
use crate::fault::{Fault, Faults};
use crate::ledger::Ledger;
use crate::reply::{Answer, Cut, Reply};
use crate::route::Call;

const LONGEST_BODY: usize = 64 * 1024;
const MOST_CONNECTIONS: usize = 4_096;
/// More than connections: a client may have gone while its request is still delayed.
const MOST_REQUESTS: usize = 8_192;

pub struct Server {
    cloud: Mutex<Cloud>,
    ledger: Ledger,
    faults: Mutex<Faults>,
    /// What reads are answered with, if not with what is asked.
    reads: Mutex<Option<u16>>,
    requests: Arc<Semaphore>,
}

/// Serves until the process ends.
pub async fn run(listener: TcpListener, server: Arc<Server>) {
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let permit = Arc::clone(&connections).acquire_owned().await.expect("nobody closes it");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("fakecloud: cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Answers are small, and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(Arc::clone(&server), request));
            // How a connection ends is the client's business, or a fault's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

/// What was begun is carried through, whether or not the client stays.
async fn serve(server: Arc<Server>, request: Request<Incoming>) -> Result<Response<Answer>, Cut> {
    let permit = Arc::clone(&server.requests).acquire_owned().await.expect("nobody closes it");
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("a body has at most {LONGEST_BODY} bytes");
            return Ok(Reply::refusal(413, "BODY_TOO_LARGE", message).whole());
        }
        Err(_) => return Err(Cut),
    };
    let work = tokio::spawn(async move {
        let _permit = permit;
        server.answer(&parts, body).await
    });
    work.await.unwrap_or(Err(Cut))
}

impl Server {
    pub fn new(cloud: Cloud, ledger: Ledger) -> Self {
        let (cloud, faults) = (Mutex::new(cloud), Mutex::new(Faults::none()));
        Self { cloud, ledger, faults, reads: Mutex::new(None), requests: Arc::new(Semaphore::new(MOST_REQUESTS)) }
    }

    async fn answer(&self, parts: &Parts, body: Bytes) -> Result<Response<Answer>, Cut> {
        if parts.uri.path().starts_with("/admin/") {
            return Ok(admin::answer(self, parts, &body).await.whole());
        }
        let call = match Call::of(parts) {
            Ok(call) => call,
            Err(reply) => return Ok(reply.whole()),
        };
        let (method, path) = (parts.method.as_str().to_owned(), parts.uri.path().to_owned());
        let fault = self.faults().choose(&method, &path);
        if let Some(Fault::DelayBeforeMs(ms)) = fault {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let request = cloud::Request { method, path, answer: fault.map_or("sent", Fault::name) };
        let (reply, seq) = self.perform(&call, &body, &request, fault);
        // No answer tells of what a crash could still undo, one to a read neither.
        self.ledger.durable(seq).await;
        match fault {
            None | Some(Fault::DelayBeforeMs(_) | Fault::TooMany | Fault::ErrorBefore) => Ok(reply.whole()),
            Some(Fault::DropBefore | Fault::DropAfter) => Err(Cut),
            Some(Fault::HalfAnswer) => Ok(reply.half()),
            Some(Fault::DelayAfterMs(ms)) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(reply.whole())
            }
            Some(Fault::ErrorAfter) => Ok(Reply::refusal(500, "BROKEN", "something went wrong").whole()),
            Some(Fault::TimeoutAfter) => Ok(Reply::refusal(504, "TIMEOUT", "it took too long").whole()),
        }
    }

    /// The answer, and the last record that it rests on.
    fn perform(&self, call: &Call, body: &[u8], request: &cloud::Request, fault: Option<Fault>) -> (Reply, u64) {
        let kept_away = fault.filter(|fault| fault.is_before()).map(|fault| match fault {
            Fault::TooMany => Reply::refusal(429, "TOO_MANY", "too many requests"),
            _ => Reply::refusal(500, "BROKEN", "something went wrong"),
        });
        let failing = *self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cloud = self.cloud();
        let now_ms = cloud.now_ms(machine_ms());
        let (reply, record) = match kept_away {
            Some(reply) if call.is_read() => return (reply, cloud.seq()),
            Some(reply) => (reply.clone(), cloud.refuse(call, reply, now_ms, request)),
            None if call.is_read() => {
                let reply = match failing {
                    Some(status) => Reply::refusal(status, "READS_FAIL", "reads are not answered now"),
                    None => cloud.read(call, now_ms),
                };
                return (reply, cloud.seq());
            }
            None => cloud.write(call, body, now_ms, request),
        };
        // Under the lock: the order of the ledger is that of the state.
        self.ledger.append(&record);
        (reply, record.seq)
    }

    pub async fn advance(&self, advance_ms: u64) -> Reply {
        let (method, path) = ("POST".to_owned(), "/admin/clock".to_owned());
        let request = cloud::Request { method, path, answer: "sent" };
        let (reply, seq) = {
            let mut cloud = self.cloud();
            let now_ms = cloud.now_ms(machine_ms());
            let (reply, record) = cloud.advance(advance_ms, now_ms, &request);
            self.ledger.append(&record);
            (reply, record.seq)
        };
        self.ledger.durable(seq).await;
        reply
    }

    pub async fn objects(&self) -> Reply {
        let (live, seq) = {
            let cloud = self.cloud();
            (cloud.live(cloud.now_ms(machine_ms())), cloud.seq())
        };
        self.ledger.durable(seq).await;
        Reply::new(200, live)
    }

    pub fn now_ms(&self) -> u64 {
        self.cloud().now_ms(machine_ms())
    }

    pub fn fail_reads(&self, status: Option<u16>) {
        *self.reads.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().expect("the state is whole: nobody panics with it")
    }
}
