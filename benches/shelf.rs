//! The shelf: the backend of the driver `shelf`, a process of its own on TCP that keeps things in memory and counts requests.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

/// The first argument of a process that is the shelf.
pub const COMMAND: &str = "shelf";

/// Requests answered so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub reads: u64,
    pub writes: u64,
}

#[derive(Default)]
struct Things {
    named: HashMap<String, Bytes>,
    count: Count,
}

/// Runs until it is dropped.
pub struct Shelf {
    pub port: u16,
    process: Child,
}

impl Shelf {
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut process =
            Command::new(program).arg(COMMAND).stdout(Stdio::piped()).spawn().expect("the shelf is started");
        let mut line = String::new();
        let said = process.stdout.take().expect("a pipe");
        BufReader::new(said).read_line(&mut line).expect("it says its port");
        Self { port: line.trim().parse().expect("a port"), process }
    }

    pub async fn count(&self) -> Count {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected");
        stream.write_all(b"GET /count HTTP/1.1\r\nhost: shelf\r\nconnection: close\r\n\r\n").await.expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        let body = answer.split("\r\n\r\n").nth(1).expect("a body");
        let count: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let number = |name: &str| count[name].as_u64().expect("a number");
        Count { reads: number("reads"), writes: number("writes") }
    }

    /// What there is to be for the driver: a connection, a type and a recipe, for the driver with this name.
    pub fn platform(&self, driver: &str) -> String {
        format!(
            r#"apiVersion: vend/v1
kind: Connection
name: shelf
type: http
endpoint: http://127.0.0.1:{}
allow:
  networks: ["127.0.0.0/8"]
  reads: [{{ path: "/**" }}]
  writes: [{{ path: "/**" }}]
limits: {{ concurrency: 64 }}
---
apiVersion: vend/v1
kind: ResourceType
name: thing
params:
  type: object
  required: [name]
  additionalProperties: false
  properties:
    name: {{ type: string }}
    size: {{ type: integer, minimum: 0 }}
    wait-ms: {{ type: integer, minimum: 0 }}
    rounds: {{ type: integer, minimum: 0 }}
    of: {{ type: array, items: {{ type: string }} }}
outputs:
  type: object
  required: [name]
  properties: {{ name: {{ type: string }}, size: {{ type: integer }}, tag: {{ type: string }} }}
---
apiVersion: vend/v1
kind: Recipe
name: thing
type: thing
driver: {driver}@^0.1
connections: {{ shelf: shelf }}
"#,
            self.port
        )
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = (self.process.kill(), self.process.wait());
    }
}

/// The process itself: says its port, and answers until it is killed.
pub fn serve(port: u16) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        let things = Arc::new(Mutex::new(Things::default()));
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let things = Arc::clone(&things);
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&things), request));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(things: Arc<Mutex<Things>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|it| it.to_bytes()).unwrap_or_default();
    let mut things = things.lock().expect("nobody panics with it");
    let path = head.uri.path();
    if path == "/count" {
        let Count { reads, writes } = things.count;
        return Ok(said(StatusCode::OK, json!({ "reads": reads, "writes": writes }).to_string()));
    }
    match head.method {
        Method::GET => things.count.reads += 1,
        _ => things.count.writes += 1,
    }
    Ok(match (&head.method, path.strip_prefix("/things/")) {
        (&Method::GET, None) => said(StatusCode::OK, r#"{"left":1000000000}"#),
        (&Method::GET, Some(name)) => match things.named.get(name) {
            Some(thing) => said(StatusCode::OK, thing.clone()),
            None => said(StatusCode::NOT_FOUND, "{}"),
        },
        (&Method::PUT, Some(name)) => {
            things.named.insert(name.to_owned(), body);
            said(StatusCode::OK, "{}")
        }
        (&Method::DELETE, Some(name)) => {
            things.named.remove(name);
            said(StatusCode::OK, "{}")
        }
        _ => said(StatusCode::METHOD_NOT_ALLOWED, "{}"),
    })
}

fn said(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
    response
}
