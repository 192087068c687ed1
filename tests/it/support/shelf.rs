//! The backend of the driver `shelf`, in this process: things in memory, what was done to them in its order, and refusals as they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What is done to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Put,
    Delete,
}

#[derive(Default)]
struct State {
    things: BTreeMap<String, Value>,
    /// By what stands before the third part of a name: `g7-a`.
    refused: BTreeSet<(Verb, String)>,
    /// What has come about, by what stands before the second part: `g7`.
    done: BTreeMap<String, Vec<(Verb, String)>>,
    /// What went while another thing was named after it, likewise: which, and after what.
    torn: BTreeMap<String, Vec<(String, String)>>,
    /// What changes something is not answered.
    stalled: bool,
}

#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<State>>);

impl Shelf {
    /// Serves until its runtime ends; the port.
    pub async fn serve(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shelf = self.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let _ = stream.set_nodelay(true);
                let shelf = shelf.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| shelf.clone().answer(request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        port
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics with it")
    }

    /// From now on, of the things of one order: `g7`.
    pub fn refuse(&self, order: &str, refused: impl IntoIterator<Item = (Verb, char)>) {
        let mut state = self.state();
        let own = format!("{order}-");
        state.refused.retain(|(_, prefix)| !prefix.starts_with(&own));
        state.refused.extend(refused.into_iter().map(|(verb, key)| (verb, format!("{order}-{key}"))));
    }

    /// Names and sizes of the things of one order.
    pub fn things(&self, order: &str) -> BTreeMap<String, u64> {
        let state = self.state();
        let own = format!("{order}-");
        let own = state.things.iter().filter(|(name, _)| name.starts_with(&own));
        own.map(|(name, thing)| (name.clone(), thing["size"].as_u64().unwrap_or_default())).collect()
    }

    /// What has come about of one order since it was asked last.
    pub fn done(&self, order: &str) -> Vec<(Verb, String)> {
        self.state().done.remove(order).unwrap_or_default()
    }

    /// What went of one order while another thing was named after it, since it was asked last.
    pub fn torn(&self, order: &str) -> Vec<(String, String)> {
        self.state().torn.remove(order).unwrap_or_default()
    }

    /// From now on, what changes something is answered when this is lifted.
    pub fn stall(&self, stalled: bool) {
        self.state().stalled = stalled;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|it| it.to_bytes()).unwrap_or_default();
        while head.method != Method::GET && self.state().stalled {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (status, answer) = self.answered(&head.method, head.uri.path(), &body);
        let mut response = Response::new(Full::new(answer.to_string().into()));
        *response.status_mut() = status.try_into().expect("a status");
        response.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
        Ok(response)
    }

    fn answered(&self, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
        let mut state = self.state();
        let Some(name) = path.strip_prefix("/things/") else { return (200, json!({ "left": 1_000_000 })) };
        let verb = match *method {
            Method::PUT => Verb::Put,
            Method::DELETE => Verb::Delete,
            _ => return state.things.get(name).map_or((404, json!({})), |thing| (200, thing.clone())),
        };
        let mut parts = name.splitn(3, '-');
        let (order, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if state.refused.contains(&(verb, format!("{order}-{key}"))) {
            return (422, json!({ "message": "not today" }));
        }
        state.done.entry(order.to_owned()).or_default().push((verb, name.to_owned()));
        if verb == Verb::Delete {
            let gone = state.things.remove(name).is_some();
            let (own, after) = (format!("{order}-"), format!("-{name}"));
            let named = state.things.keys().filter(|it| it.starts_with(&own) && it.ends_with(&after));
            let torn: Vec<_> = named.map(|it| (it.clone(), name.to_owned())).collect();
            if !torn.is_empty() {
                state.torn.entry(order.to_owned()).or_default().extend(torn);
            }
            return (if gone { 200 } else { 404 }, json!({}));
        }
        let mut thing: Value = serde_json::from_slice(body).unwrap_or_default();
        let tag = tag(thing["size"].as_u64().unwrap_or_default());
        thing["tag"] = json!(tag);
        state.things.insert(name.to_owned(), thing);
        (200, json!({ "tag": tag }))
    }
}

/// What the shelf sticks on a thing.
pub fn tag(size: u64) -> String {
    format!("t{}", size % 3)
}

/// A connection to it, a type and a recipe.
pub fn platform(port: u16, limit: u32) -> String {
    format!("{}---\n{STOCK}", connection(port, limit))
}

pub fn connection(port: u16, limit: u32) -> String {
    format!(
        r#"apiVersion: vend/v1
kind: Connection
name: shelf
type: http
endpoint: http://127.0.0.1:{port}
allow:
  networks: ["127.0.0.0/8"]
  reads: [{{ path: "/**" }}]
  writes: [{{ path: "/**" }}]
limits: {{ concurrency: {limit} }}
"#
    )
}

pub const STOCK: &str = r#"apiVersion: vend/v1
kind: ResourceType
name: thing
params:
  type: object
  required: [name]
  additionalProperties: false
  properties:
    name: { type: string }
    size: { type: integer, minimum: 0 }
    of: { type: array, items: { type: string } }
    rack: { type: string }
    wait-ms: { type: integer }
outputs:
  type: object
  required: [name, size, tag]
  properties: { name: { type: string }, size: { type: integer }, tag: { type: string } }
---
apiVersion: vend/v1
kind: Recipe
name: thing
type: thing
driver: shelf-000@^0.1
connections: { shelf: shelf }
replace: delete-first
"#;
