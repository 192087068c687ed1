//! An engine on a real store with real drivers, without a server: what most engine tests stand on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use vend::document::{File, parse};
use vend::domain::document::{Manifest, OrderManifest};
use vend::domain::limits::Limits;
use vend::domain::name::Name;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::principal::{Principal, Role};
use vend::domain::resource::Resource;
use vend::domain::time::Clock;
use vend::driver::{Runtime, RuntimeConfig};
use vend::engine::{Apply, Delete, Engine};
use vend::secret::Keyring;
use vend::stock::Stock;
use vend::store::sqlite::Sqlite;
use vend::store::{Filter, Paging, Store};

use super::chance::Chance;
use super::clock::Real;
use super::drivers::component;

/// The part of a core behind its API.
pub struct Bench {
    pub dir: tempfile::TempDir,
    pub core: Core,
}

pub struct Core {
    pub store: Arc<dyn Store>,
    pub stock: Arc<Stock>,
    pub engine: Arc<Engine>,
    stop: CancellationToken,
}

pub fn admin() -> Principal {
    Principal { name: "token:admin".into(), roles: vec![Role::Admin] }
}

pub fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub fn manifests(text: &str) -> Vec<Manifest> {
    let file = File { name: "test.yaml", content: text.as_bytes() };
    parse(&file).unwrap_or_else(|errors| panic!("{errors}")).into_iter().map(|it| it.manifest).collect()
}

/// The one order in `text`, in project `default` and environment `dev`.
pub fn order(text: &str) -> OrderManifest {
    match manifests(text).remove(0) {
        Manifest::Order(mut it) => {
            it.project.get_or_insert(name("default"));
            it.environment.get_or_insert(name("dev"));
            it
        }
        other => panic!("no order: {other:?}"),
    }
}

/// SQLite databases in the directory of the connection `files`.
pub const DATABASES: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: sqlite-database
params:
  type: object
  required: [name]
  additionalProperties: false
  properties:
    name: { type: string, minLength: 2 }
    schema: { type: array, items: { type: string } }
outputs: { type: object, required: [name], additionalProperties: false, properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: files
type: sqlite-database
driver: sqlite@^0.1
connections: { server: files }
replace: delete-first
"#;

const PLATFORM: &str = r#"
{ apiVersion: vend/v1, kind: Project, name: default }
---
{ apiVersion: vend/v1, kind: Environment, name: dev, project: default, type: development }
---
apiVersion: vend/v1
kind: Connection
name: files
type: sqlite
endpoint: databases
allow: { databases: ["*"] }
"#;

impl Bench {
    /// With project `default`, environment `dev`, a connection `files` to a directory, and these drivers.
    pub async fn new(drivers: &[&str]) -> Self {
        Self::with_clock(drivers, Arc::new(Real)).await
    }

    pub async fn with_clock(drivers: &[&str], clock: Arc<dyn Clock>) -> Self {
        let private = std::fs::Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().permissions(private).tempdir().expect("a directory");
        let core = Core::start(dir.path(), clock).await;
        for driver in drivers {
            core.stock.install(component(driver), &admin()).await.unwrap_or_else(|error| panic!("{driver}: {error}"));
        }
        let bench = Self { dir, core };
        bench.documents(PLATFORM).await;
        bench
    }

    pub async fn documents(&self, text: &str) {
        let applied = self.core.stock.apply(manifests(text), &admin(), Default::default()).await;
        applied.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Database files there are, by name.
    pub fn databases(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.dir.path().join("databases")) else { return Vec::new() };
        let files = entries.flatten().map(|it| it.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = files.filter_map(|file| Some(file.strip_suffix(".db")?.to_owned())).collect();
        names.sort();
        names
    }

    pub async fn apply(&self, text: &str) -> Result<Operation, vend::engine::Error> {
        Ok(self.core.engine.apply(applying(text)).await?.operation.expect("there is work to do"))
    }

    pub async fn delete(&self, order_name: &str) -> Operation {
        let request = Delete {
            name: vend::domain::name::OrderName {
                project: name("default"),
                environment: name("dev"),
                order: name(order_name),
            },
            principal: admin(),
            etag: None,
            request_id: String::new(),
            allow_missing: false,
            allow_destroy: true,
            trace: String::new(),
        };
        self.core.engine.delete(request).await.unwrap_or_else(|error| panic!("{error}")).expect("there is work to do")
    }

    /// Waits until the operation is done or needs a person.
    pub async fn settled(&self, operation: &Operation) -> Operation {
        self.until(operation, |it| it.state.is_terminal() || it.state == OperationState::NeedsAttention).await
    }

    pub async fn until(&self, operation: &Operation, done: impl Fn(&Operation) -> bool) -> Operation {
        for _ in 0..3_000 {
            let now = self.core.store.operation(&operation.id).await.expect("the store answers").expect("it is kept");
            if done(&now) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let now = self.core.store.operation(&operation.id).await;
        panic!("not after 30 s: {now:?}");
    }

    pub async fn children(&self, operation: &Operation) -> Vec<Operation> {
        let filter = Filter {
            project: Some(operation.order.project.to_string()),
            parent: Some(operation.id.clone()),
            ..Filter::default()
        };
        self.core.store.operations(&filter, &Paging::all()).await.expect("the store answers").items
    }

    pub async fn resources(&self) -> Vec<Resource> {
        let filter = Filter { project: Some("default".into()), ..Filter::default() };
        self.core.store.resources(&filter, &Paging::all()).await.expect("the store answers").items
    }
}

pub fn applying(text: &str) -> Apply {
    Apply {
        manifest: order(text),
        upgrading: Default::default(),
        content: None,
        principal: admin(),
        plan_digest: None,
        allow_destroy: false,
        request_id: String::new(),
        etag: None,
        validate_only: false,
        source: String::new(),
        take_over: false,
        trace: String::new(),
    }
}

impl Core {
    async fn start(dir: &Path, clock: Arc<dyn Clock>) -> Self {
        let entropy = Arc::new(Chance::new(7));
        std::fs::create_dir_all(dir.join("databases")).expect("a directory");
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open(dir, clock.clone(), entropy.clone()).unwrap_or_else(|error| panic!("{error}")));
        let keyring = Keyring::open_or_create(&dir.join("sealing.key"), &*entropy).expect("a key");
        let keyring = Arc::new(keyring);
        let limits = Limits::default();
        let runtime = Runtime::new(RuntimeConfig {
            cache_dir: Some(dir.join("cache")),
            max_instances: 16,
            max_limits: limits.clone(),
            entropy: entropy.clone(),
        });
        let runtime = Arc::new(runtime.unwrap_or_else(|error| panic!("{error}")));
        let stock = Arc::new(Stock::new(
            store.clone(),
            keyring.clone(),
            runtime,
            clock.clone(),
            entropy.clone(),
            dir.to_owned(),
            limits,
        ));
        stock.load().await.expect("the drivers load");
        let engine = Arc::new(Engine::new(store.clone(), stock.clone(), keyring, clock, entropy, 16));
        let stop = CancellationToken::new();
        let running = engine.clone().run(stop.clone());
        tokio::spawn(async move { running.await.expect("the queue ends well") });
        Self { store, stock, engine, stop }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
