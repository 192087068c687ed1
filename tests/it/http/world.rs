//! One attempt of a driver with one HTTP connection.

use std::sync::Arc;

use vend::capability::abort::Abort;
use vend::capability::backend::Backend;
use vend::capability::book::Book;
use vend::capability::grants::{Grant, Grants};
use vend::capability::host::{Host, Live};
use vend::capability::http::Http;
use vend::capability::journal::memory::MemoryJournal;
use vend::capability::log::Log;
use vend::capability::reach::Network;
use vend::capability::settings::{Credential, ReadCredential, Requests, Settings};
use vend::capability::standing::Standing;
use vend::capability::tape::{Past, Phase, Tape};
use vend::domain::connection::RequestRule;
use vend::domain::description::Access;
use vend::domain::effect::{Entry, Outcome};
use vend::domain::limits::Limits;
use vend::wit::vend::driver::http_types::{Capture, Header, Request, Response};
use vend::wit::vend::driver::types::{Error, SecretUse, Semantics};
use vend::wit::vend::driver::{http_read, http_write, secrets};

use crate::support::chance::Chance;
use crate::support::clock::Real;

pub struct World {
    pub host: Host,
    pub journal: Arc<MemoryJournal>,
    pub standing: Standing,
}

/// What an attempt may do.
pub struct Terms {
    pub settings: Settings,
    pub access: Access,
    pub asked: Vec<RequestRule>,
    pub limits: Limits,
    /// In the place of the system's.
    pub network: Option<Arc<dyn Network>>,
}

pub fn rules(json: &str) -> Vec<RequestRule> {
    serde_json::from_str(json).expect("rules of the test")
}

impl Terms {
    /// Everything may be read with GET and written otherwise, on loopback.
    pub fn open(endpoint: &str) -> Self {
        let settings = Settings {
            name: "api".into(),
            kind: "http".into(),
            endpoint: endpoint.into(),
            networks: vec!["127.0.0.0/8".into()],
            requests: Requests {
                reads: rules(r#"[{"path":"/**"}]"#),
                writes: rules(r#"[{"path":"/**"}]"#),
                ..Requests::default()
            },
            concurrency: 4,
            timeout_ms: 2_000,
            ..Settings::default()
        };
        Self { settings, access: Access::ReadWrite, asked: Vec::new(), limits: Limits::default(), network: None }
    }

    pub fn credential(mut self, credential: Credential) -> Self {
        self.settings.credential = Some(credential);
        self.settings.read_credential = ReadCredential::Same;
        self
    }

    pub fn world(self) -> World {
        World::of(self.backend(), self.access, self.asked, &self.limits)
    }

    /// For several attempts over one connection.
    pub fn backend(&self) -> Backend {
        Backend::Http(Arc::new(self.http().unwrap_or_else(|error| panic!("{error}"))))
    }

    pub fn http(&self) -> Result<Http, vend::domain::contract::Error> {
        match &self.network {
            Some(network) => Http::on_network(self.settings.clone(), network.clone()),
            None => Http::new(self.settings.clone()),
        }
    }

    pub fn attempt(&self, backend: &Backend) -> World {
        World::of(backend.clone(), self.access, self.asked.clone(), &self.limits)
    }
}

impl World {
    pub fn of(backend: Backend, access: Access, asked: Vec<RequestRule>, limits: &Limits) -> Self {
        let (journal, standing) = (Arc::new(MemoryJournal::new()), Standing::default());
        let tape = Tape::new(&Past::default(), journal.clone(), Arc::new(Real), limits, Phase::default());
        let connection = "api".to_owned();
        let grant = Grant { access, connection, backend, reads_apart: false, asked, standing: standing.clone() };
        let host = Host {
            tape: tape.expect("no doubt is open"),
            book: Book::new("res_test".into(), [7; 32], Vec::new(), Arc::new(Chance::new(7))),
            grants: Grants { slots: [("api".to_owned(), grant)].into() },
            log: Log::new(1 << 20),
            watch: Default::default(),
            status: None,
            denied: 0,
            scope: "0/1".into(),
            trace: String::new(),
        };
        Self { host, journal, standing }
    }

    /// The answer, an error's code, or how the attempt ended.
    pub async fn fetch(&mut self, request: Request) -> Result<Response, String> {
        told(http_read::Host::fetch(&mut Live(&mut self.host), request).await)
    }

    pub async fn send(&mut self, request: Request, semantics: Semantics) -> Result<Response, String> {
        told(http_write::Host::send(&mut Live(&mut self.host), request, semantics).await)
    }

    /// A secret with a value that the test knows.
    pub async fn secret(&mut self, value: &str) -> String {
        let part = secrets::Part::Text(value.to_owned());
        let made = secrets::Host::compose(&mut Live(&mut self.host), vec![part]).await;
        made.expect("the attempt goes on").expect("a handle")
    }

    /// What the journal says of the last write.
    pub fn last_write(&self) -> String {
        match self.journal.record().entries.last() {
            Some(Entry::Outcome { outcome: Outcome::Applied(_), .. }) => "applied".into(),
            Some(Entry::Outcome { outcome: Outcome::Declined(_), .. }) => "declined".into(),
            Some(Entry::Outcome { outcome: Outcome::Refused(error), .. }) => error.code.clone(),
            Some(Entry::Intent { .. }) => "open".into(),
            other => format!("{other:?}"),
        }
    }

    /// All that the journal keeps, and what would go with the next commit.
    pub fn kept(&mut self) -> String {
        let rest = self.host.tape.take_rest();
        format!("{:?} {:?}", self.journal.record().entries, rest.entries)
    }
}

fn told(answered: Result<Result<Response, Error>, impl Into<Ended>>) -> Result<Response, String> {
    match answered {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(error.code),
        Err(ended) => Err(ended.into().0),
    }
}

/// How an attempt ended in the middle of a call.
pub struct Ended(String);

impl<E: std::fmt::Debug + Downcast> From<E> for Ended {
    fn from(error: E) -> Self {
        Self(match error.abort() {
            Some(Abort::InDoubt { .. }) => "IN_DOUBT".to_owned(),
            Some(Abort::Limit { limit, .. }) => format!("LIMIT {limit}"),
            other => format!("{other:?} {error:?}"),
        })
    }
}

pub trait Downcast {
    fn abort(&self) -> Option<&Abort>;
}

impl Downcast for wasmtime::Error {
    fn abort(&self) -> Option<&Abort> {
        self.downcast_ref::<Abort>()
    }
}

pub fn request(method: &str, path: &str) -> Request {
    Request {
        connection: "api".into(),
        method: method.into(),
        path_and_query: path.into(),
        headers: Vec::new(),
        body: Vec::new(),
        secrets: Vec::new(),
        capture: Vec::new(),
        timeout_ms: None,
    }
}

pub fn get(path: &str) -> Request {
    request("GET", path)
}

pub fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into() }
}

pub fn used(handle: &str, encoding: &str) -> SecretUse {
    SecretUse { handle: handle.into(), encoding: encoding.into() }
}

pub fn capture(place: vend::wit::vend::driver::http_types::Place) -> Capture {
    Capture { name: "key".into(), place, encoding: "plain".into() }
}
