//! What a cycle happens in: the cloud, a database server if there is one, and a core on a data directory of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vend::app::SystemClock;
use vend::domain::time::Clock as _;

use super::count::Rows;
use super::door::Door;
use super::script::Class;
use crate::proof::core::Core;
use crate::support::core::caller;
use crate::support::fakecloud::Cloud;
use crate::support::postgres::{self, PASSWORD, SUPERUSER, Server};

/// Lists lag behind by that, which is less than the driver's settle time less the longest delay.
const VISIBLE_AFTER_MS: &str = "1000";
/// A COMMIT takes so long, so that a kill has a chance to fall into one.
const COMMIT_S: &str = "0.06";

/// What is made once for all cycles.
pub struct Ground {
    template: TempDir,
    pub runtime: Runtime,
    rows: Option<(Server, tokio_postgres::Client)>,
}

pub struct World<'a> {
    pub ground: &'a Ground,
    pub cloud: Cloud,
    pub core: Core,
    pub door: Door,
    /// When the core was killed, milliseconds since 1970.
    pub kills: Vec<u64>,
    /// How long it took each time until it was ready again.
    pub restarts: Vec<Duration>,
}

impl Ground {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let rows = postgres_is_here().then(|| {
            let server = Server::start();
            let client = runtime.block_on(server.admin("postgres"));
            let schema = format!(
                "CREATE TABLE made (name text, what text);
                 CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN PERFORM pg_sleep({COMMIT_S}); RETURN NULL; END $$;
                 CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON made DEFERRABLE INITIALLY DEFERRED
                   FOR EACH ROW EXECUTE FUNCTION slow();"
            );
            runtime.block_on(client.batch_execute(&schema)).expect("a table that counts");
            (server, client)
        });
        // Drivers are compiled once: later cycles take them over, compiled, with the data directory.
        let mut core = Core::idle();
        core.restart();
        core.install(&["fakecloud", "probe"]);
        core.secret("rows", PASSWORD);
        core.kill();
        let template = tempfile::tempdir().expect("a folder");
        copy(&core.data(), template.path());
        Self { template, runtime, rows }
    }

    pub fn classes(&self) -> &'static [Class] {
        if self.rows.is_some() { &Class::ALL } else { &Class::ALL[..4] }
    }

    /// The rows that transactions have written, counted; they are gone behind it.
    pub fn take_rows(&self) -> Rows {
        let Some((_, client)) = &self.rows else { return Rows::new() };
        let counted = "SELECT name, what, count(*) FROM made GROUP BY name, what ORDER BY 1, 2";
        let rows = self.runtime.block_on(client.query(counted, &[])).expect("counted");
        self.runtime.block_on(client.batch_execute("TRUNCATE made")).expect("emptied");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// Somebody's COMMIT is under way.
    pub fn commits(&self) -> bool {
        let Some((_, client)) = &self.rows else { return false };
        let asked = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'COMMIT' LIMIT 1";
        !self.runtime.block_on(client.query(asked, &[])).expect("asked").is_empty()
    }

    fn platform(&self) -> String {
        let Some((server, _)) = &self.rows else { return String::new() };
        format!(
            r#"---
apiVersion: vend/v1
kind: Connection
name: rows
type: postgres
endpoint: postgres://127.0.0.1:{}
read-credential: same
credential: {{ username: {SUPERUSER}, password: {{ secret: rows }} }}
allow: {{ databases: ["*"], networks: ["127.0.0.0/8"] }}
limits: {{ concurrency: 8 }}
---
apiVersion: vend/v1
kind: ResourceType
name: probe
params: {{ type: object, required: [name], properties: {{ name: {{ type: string }} }} }}
outputs: {{ type: object, required: [name], properties: {{ name: {{ type: string }} }} }}
---
apiVersion: vend/v1
kind: Recipe
name: probe
type: probe
driver: probe@^0.1
connections: {{ server: rows }}
"#,
            server.port
        )
    }

    /// A new core with the drivers, and a new cloud on offer in it.
    pub fn world(&self) -> World<'_> {
        let mut core = Core::idle();
        core.level = "warn";
        copy(self.template.path(), &core.data());
        let cloud = Cloud::start(&["--visible-after-ms", VISIBLE_AFTER_MS]);
        let mut world =
            World { ground: self, cloud, core, door: Door::shut(), kills: Vec::new(), restarts: Vec::new() };
        world.start();
        let platform = world.cloud.platform() + &self.platform();
        self.runtime.block_on(async {
            let caller = world.door.caller().await;
            caller.apply(&platform).await.unwrap_or_else(|status| panic!("the platform: {status:?}"));
        });
        world
    }
}

impl World<'_> {
    /// Starts the core, and opens the door.
    pub fn start(&mut self) {
        let begun = Instant::now();
        self.core.restart();
        let (url, token) = (self.core.url(), self.core.token());
        let caller = self.ground.runtime.block_on(caller(&url, &token)).expect("connected");
        if !self.kills.is_empty() {
            self.restarts.push(begun.elapsed());
        }
        self.door.set(Some(caller));
    }

    pub fn kill(&mut self) {
        self.core.kill();
        self.door.set(None);
        self.kills.push(SystemClock.now().ms());
    }

    pub fn ledger(&self) -> Vec<Value> {
        self.cloud.ledger()
    }
}

fn postgres_is_here() -> bool {
    std::panic::catch_unwind(|| postgres::binary("postgres")).is_ok()
}

/// A folder and all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    std::fs::set_permissions(to, std::fs::metadata(from).expect("a folder").permissions()).expect("permissions");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let (from, to): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("copied");
        }
    }
}
