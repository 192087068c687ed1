//! Drivers on the real host, without an engine above it: the runtime, a directory of SQLite files, a journal in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use vend::capability::backend::Backend;
use vend::capability::grants::{Grant, Grants};
use vend::capability::journal::memory::MemoryJournal;
use vend::capability::settings::Settings;
use vend::capability::standing::Standing;
use vend::domain::contract::{Call, Input};
use vend::domain::description::Access;
use vend::domain::limits::Limits;
use vend::domain::secret::{Handle, Plain};
use vend::driver::{Attempt, Driver, LoadError, Report, Runtime, RuntimeConfig};

use super::fixture::{Fixture, description};
use crate::support::chance::Chance;
use crate::support::clock::Real;

/// The slot that is granted, and the database that is there.
pub const SLOT: &str = "db";
pub const DATABASE: &str = "t";

pub struct Rig {
    runtime: Runtime,
    folder: TempDir,
}

/// Several attempts of one step: they share a journal, and the secrets in it.
#[derive(Clone)]
pub struct Step {
    pub slots: BTreeMap<String, Grant>,
    pub limits: Limits,
    pub journal: Arc<MemoryJournal>,
    pub secrets: Vec<(Handle, Plain)>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with_maximum(Limits::default())
    }

    /// `maximum`: what the operator gives, whatever is asked.
    pub fn with_maximum(maximum: Limits) -> Self {
        let config = RuntimeConfig {
            cache_dir: None,
            max_instances: 4,
            max_limits: maximum,
            entropy: Arc::new(Chance::new(11)),
        };
        let runtime = Runtime::new(config).expect("an engine starts");
        let folder = tempfile::tempdir().expect("a folder");
        let connection = rusqlite::Connection::open(folder.path().join(format!("{DATABASE}.db"))).expect("a database");
        connection.execute_batch("CREATE TABLE note (text)").expect("a table");
        Self { runtime, folder }
    }

    pub async fn load(&self, fixture: &Fixture) -> Result<Driver, LoadError> {
        self.runtime.load(fixture.build()).await
    }

    pub async fn load_component(&self, bytes: Vec<u8>) -> Result<Driver, LoadError> {
        self.runtime.load(bytes).await
    }

    /// The SQLite files as a backend.
    pub fn files(&self) -> Backend {
        let settings = Settings {
            name: "files".into(),
            kind: "sqlite".into(),
            endpoint: self.folder.path().display().to_string(),
            databases: vec!["*".into()],
            concurrency: 4,
            timeout_ms: 5_000,
            ..Settings::default()
        };
        Backend::open(settings).expect("a directory")
    }

    /// Rows that were written: what reached the backend, as the backend has it.
    pub fn written(&self) -> i64 {
        let path = self.folder.path().join(format!("{DATABASE}.db"));
        let connection = rusqlite::Connection::open(path).expect("the database");
        connection.query_row("SELECT count(*) FROM note", [], |row| row.get(0)).expect("a count")
    }

    pub fn step(&self) -> Step {
        Step {
            slots: BTreeMap::from([(SLOT.to_owned(), grant(self.files(), Access::ReadWrite))]),
            limits: Limits::default(),
            journal: Arc::default(),
            secrets: Vec::new(),
        }
    }
}

pub fn grant(backend: Backend, access: Access) -> Grant {
    Grant {
        access,
        connection: "files".into(),
        backend,
        reads_apart: false,
        asked: Vec::new(),
        standing: Standing::default(),
    }
}

impl Step {
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub fn granted(mut self, slot: &str, backend: Backend, access: Access) -> Self {
        self.slots.insert(slot.into(), grant(backend, access));
        self
    }

    pub fn knowing(mut self, handle: &Handle, value: &str) -> Self {
        self.secrets.push((handle.clone(), Plain::new(value)));
        self
    }

    pub async fn run(&self, driver: &Driver, call: Call) -> Report {
        let record = self.journal.record();
        let made = record.secrets.into_iter().map(|fresh| (fresh.handle, fresh.value));
        let attempt = Attempt {
            call,
            grants: Grants { slots: self.slots.clone() },
            limits: self.limits.clone(),
            past: self.journal.past(),
            trace: String::new(),
            journal: self.journal.clone(),
            secrets: self.secrets.iter().cloned().chain(made).collect(),
            handle_key: [3; 32],
            seed: [4; 32],
            clock: Arc::new(Real),
            entropy: Arc::new(Chance::new(5)),
        };
        driver.run(attempt).await
    }

    pub async fn create(&self, driver: &Driver) -> Report {
        self.run(driver, Call::Create(input(json!({ "name": "x" })))).await
    }
}

pub fn input(params: Value) -> Input {
    Input {
        resource_id: "res_01".into(),
        incarnation: 1,
        resource_type: "thing".into(),
        labels: vec![("vend-resource".into(), "res_01".into())],
        config: json!({}),
        params,
        unknown: Vec::new(),
        prior: None,
        continuation: None,
        context: json!({ "generation": 1 }),
    }
}

/// A driver of the type `thing` whose create is `body`.
pub fn creating(body: impl FnOnce(&mut Fixture) -> String) -> Fixture {
    Fixture::new().describe(&description()).verb("create", body)
}

/// What this process holds in memory, MiB.
pub fn resident_mib() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux says it");
    let pages: i64 = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a number of pages");
    pages * 4096 / (1 << 20)
}
