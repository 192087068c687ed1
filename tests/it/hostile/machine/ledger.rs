//! Orders placed until the core takes no more, and what must be true of them afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use vend::pb;

use crate::proof::core::{Core, demo_platform, until};
use crate::support::core::{Caller, caller, source};

const CALLERS: usize = 8;
/// So many orders are enough to fill what these tests give.
const MOST: usize = 400;
const SOME: usize = 30;

/// Orders as their callers know them.
#[derive(Default)]
pub struct Ledger {
    /// Order → operation.
    accepted: BTreeMap<String, String>,
    refused: BTreeMap<String, Status>,
    /// Where the databases lie: not on the disk that fails.
    databases: PathBuf,
}

impl Ledger {
    /// Brings drivers and stock into a core; every order makes a database in a directory beside the core's data.
    pub fn stock(core: &Core) -> Ledger {
        core.install(&["slow"]);
        let databases = core.folder().join("databases");
        std::fs::create_dir_all(&databases).expect("a directory");
        let platform = demo_platform("slow");
        let here = format!("endpoint: {}", databases.display());
        assert!(platform.contains("endpoint: databases"));
        core.apply(&platform.replace("endpoint: databases", &here));
        Ledger { databases, ..Ledger::default() }
    }

    /// Places orders from several callers until each of them is refused; when some are accepted, lets something happen.
    pub fn fill(&mut self, core: &Core, happens: impl FnOnce()) {
        let runtime = runtime();
        let (url, token) = (core.url(), core.token());
        let count = Arc::new(AtomicUsize::new(0));
        let told = runtime.block_on(async {
            let mut callers = Vec::new();
            for number in 0..CALLERS {
                let caller = caller(&url, &token).await.expect("connected");
                let count = Arc::clone(&count);
                callers.push(tokio::spawn(async move {
                    let mut accepted = Vec::new();
                    for i in 0..MOST {
                        let name = format!("order-{number}-{i}");
                        match place(&caller, &name).await {
                            Ok(operation) => {
                                accepted.push((name, operation));
                                count.fetch_add(1, Ordering::SeqCst);
                            }
                            Err(status) => return (accepted, Some((name, status))),
                        }
                    }
                    (accepted, None)
                }));
            }
            while count.load(Ordering::SeqCst) < SOME && callers.iter().any(|it| !it.is_finished()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            happens();
            let mut told = Vec::new();
            for caller in callers {
                told.push(caller.await.expect("no caller panics"));
            }
            told
        });
        for (accepted, refused) in told {
            for (name, operation) in accepted {
                self.refused.remove(&name);
                self.accepted.insert(name, operation);
            }
            self.refused.extend(refused);
        }
    }

    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// All callers were refused with a status that says why and what to do; one of them at least names the cause.
    #[track_caller]
    pub fn refusals_say(&self, cause: &str) -> String {
        assert_eq!(self.refused.len(), CALLERS, "each caller was refused once");
        for (name, status) in &self.refused {
            assert_eq!(status.code(), Code::Unavailable, "{name}: {status:?}");
            let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
            assert_eq!(reason.as_deref(), Some("UNAVAILABLE"), "{name}: {status:?}");
        }
        let told = self.refused.values().find(|status| status.message().contains(cause));
        let told = told.unwrap_or_else(|| panic!("nobody was told `{cause}`: {:?}", self.refused));
        let hint = told.get_error_details().error_info().and_then(|info| info.metadata.get("hint").cloned());
        assert!(hint.is_some_and(|hint| hint.contains("same request id")), "{told:?}");
        told.message().to_owned()
    }

    /// Against a core that is well again: what was accepted is there and was made once, what was refused is there whole or
    /// not at all, and asked again with the same request id it is done once.
    pub fn holds(&mut self, core: &Core) {
        for (order, operation) in self.place_again(core) {
            self.accepted.insert(order, operation);
        }
        let orders = core.json(&["get", "orders"]);
        let there: BTreeSet<&str> =
            orders.as_array().expect("a list").iter().map(|it| it["name"].as_str().expect("a name")).collect();
        let lost: Vec<_> = self.accepted.keys().filter(|name| !there.contains(name.as_str())).collect();
        assert!(lost.is_empty(), "accepted and lost: {lost:?}");
        assert_eq!(there.len(), self.accepted.len(), "orders that nobody placed");
        self.all_settled(core);
        let mut made = 0;
        for name in self.accepted.keys() {
            let count = self.made(name).unwrap_or(0);
            assert!(count <= 1, "{name} was made {count} times");
            made += count;
        }
        assert!(made > 0, "nothing was made");
    }

    pub fn made_once(&self, name: &str) {
        assert_eq!(self.made(name), Some(1), "{name}");
    }

    /// How often the database so named was made; nothing where there is no file, or only the beginning of one.
    fn made(&self, name: &str) -> Option<i64> {
        let path = self.databases.join(format!("{name}.db"));
        let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        file.query_row("SELECT count(*) FROM created", [], |row| row.get(0)).ok()
    }

    fn place_again(&self, core: &Core) -> Vec<(String, String)> {
        let (url, token) = (core.url(), core.token());
        runtime().block_on(async {
            let caller = caller(&url, &token).await.expect("connected");
            let mut placed = Vec::new();
            for name in self.refused.keys() {
                let first = place(&caller, name).await.unwrap_or_else(|status| panic!("{name}: {status:?}"));
                let again = place(&caller, name).await.unwrap_or_else(|status| panic!("{name}: {status:?}"));
                assert_eq!(first, again, "{name}: the same request is the same operation");
                placed.push((name.clone(), first));
            }
            placed
        })
    }

    /// Everything ends: done, or waiting for a person because the outcome of a write was lost with the disk.
    fn all_settled(&self, core: &Core) {
        let (url, token) = (core.url(), core.token());
        let runtime = runtime();
        let caller = runtime.block_on(caller(&url, &token)).expect("connected");
        let mut left: BTreeMap<&String, &String> = self.accepted.iter().collect();
        until("all orders are settled", || {
            let id = match left.first_key_value() {
                Some((_, id)) => (*id).clone(),
                None => return true,
            };
            let request = pb::GetOperationRequest { id };
            let found = runtime.block_on(caller.operations().get_operation(request)).expect("it is kept");
            let found = found.into_inner().operation.expect("an operation");
            use pb::operation::State;
            match found.state() {
                State::Succeeded => {}
                State::NeedsAttention => {
                    let parked = children(&runtime, &caller, &found.id);
                    let known = |it: &pb::Operation| {
                        it.state() != State::NeedsAttention || it.reason.ends_with("OUTCOME_UNKNOWN")
                    };
                    assert!(parked.iter().all(known), "{parked:?}");
                }
                State::Queued | State::Running | State::Waiting => return false,
                other => panic!("{other:?}: {:?}", children(&runtime, &caller, &found.id)),
            }
            left.pop_first();
            left.is_empty()
        });
    }
}

fn children(runtime: &tokio::runtime::Runtime, caller: &Caller, parent: &str) -> Vec<pb::Operation> {
    let request = pb::ListOperationsRequest { parent: parent.into(), project: "default".into(), ..Default::default() };
    runtime.block_on(caller.operations().list_operations(request)).expect("listed").into_inner().operations
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The operation's id. An order's name is its request id too.
pub async fn place(caller: &Caller, name: &str) -> Result<String, Status> {
    place_slow(caller, name, 0).await
}

pub async fn place_slow(caller: &Caller, name: &str, seconds: u32) -> Result<String, Status> {
    let text = format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ db: {{ type: slow-database, \
         params: {{ name: {name}, seconds: {seconds} }} }} }} }}"
    );
    let request = pb::ApplyOrderRequest {
        source: Some(source("order.yaml", &text)),
        project: "default".into(),
        environment: "dev".into(),
        request_id: name.into(),
        ..Default::default()
    };
    let answer = caller.orders().apply_order(request).await?.into_inner();
    Ok(answer.operation.expect("there is work to do").id)
}

/// Of a store that nobody serves: SQLite finds nothing wrong, and the events of each shard are all there.
pub fn is_sound(data: &Path) {
    is_sound_with(data, "count(e.place) <> s.rev OR coalesce(max(e.place % 281474976710656), 0) <> s.rev");
}

/// The same where old events have been let go of: those that are left have no gap, and end with the latest.
pub fn is_sound_though_pruned(data: &Path) {
    is_sound_with(
        data,
        "count(e.place) > 0 AND (max(e.place) - min(e.place) + 1 <> count(e.place)
            OR max(e.place % 281474976710656) <> s.rev)",
    );
}

fn is_sound_with(data: &Path, broken_if: &str) {
    let store = Connection::open(data.join("store.db")).expect("the store");
    let found: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(found, "ok");
    let broken = store.prepare("PRAGMA foreign_key_check").and_then(|mut it| it.exists([])).expect("checked");
    assert!(!broken, "rows that belong to nothing");
    let sql = format!(
        "SELECT s.id FROM shard AS s LEFT JOIN event AS e ON e.place / 281474976710656 = s.id
         GROUP BY s.id HAVING {broken_if}"
    );
    let mut gaps = store.prepare(&sql).expect("a query");
    let gaps: Vec<i64> = gaps.query_map([], |row| row.get(0)).expect("asked").collect::<Result<_, _>>().expect("read");
    assert!(gaps.is_empty(), "revisions with gaps in shards {gaps:?}");
}
