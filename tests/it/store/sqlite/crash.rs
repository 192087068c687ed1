//! Processes that die: what was acknowledged is there, what was not may be, and nothing is half there.
//!
//! The child is this test binary again, running [`child`] alone with a directory in its environment.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use vend::domain::time::Timestamp;
use vend::store::sqlite::{EXIT_STATUS, Phase, Sqlite};
use vend::store::{Commit, Filter, Paging, Site, Store};

use super::{Directory, open};
use crate::store::conformance::{Scene, operation, order, resource, scene};
use crate::support::records::{Records, order_name};

const DIRECTORY: &str = "VEND_TEST_CHILD_DIRECTORY";
const DIE_AT: &str = "VEND_TEST_CHILD_DIES";
const THIS: &str = "store::sqlite::crash::child";

const SIGKILL: i32 = 9;
const SIGABRT: i32 = 6;

fn command(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.env(DIRECTORY, directory).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn start(directory: &Path, die: &str) -> Child {
    let this = std::env::current_exe().expect("this binary");
    let mut command = command(&this.display().to_string(), directory);
    command.env(DIE_AT, die).args(["--exact", THIS, "--nocapture"]).spawn().expect("the child starts")
}

/// The names of the orders that the child was told are safe.
fn acknowledged(line: &str) -> Option<String> {
    line.strip_prefix("ack ").map(str::to_owned)
}

/// Commits orders, many at once, and says which are acknowledged, until it is ended.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let store = match open(Path::new(&directory)) {
        Ok(store) => Arc::new(dying(store)),
        Err(error) => return println!("refused {error}"),
    };
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for task in 0..16 {
            let (store, records) = (Arc::clone(&store), Records::new(task));
            tasks.push(tokio::spawn(async move {
                for i in 0..10_000 {
                    let name = order_name("shop", "dev", &format!("order-{task}-{i}"));
                    let it = records.order(&name);
                    let parent = records.operation(&it, 1);
                    let db = records.resource(&it, "db");
                    let child = records.child(&parent, &db);
                    let writes = vec![order(&it), operation(&parent), resource(&db), operation(&child)];
                    if store.commit(Commit { writes, ..Commit::new(Site::Accept) }).await.is_err() {
                        return;
                    }
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "ack {}", name.order).expect("the parent listens");
                }
            }));
        }
        for task in tasks {
            task.await.expect("no task panics");
        }
    });
}

/// A store that aborts at its 20th COMMIT, on the side that the environment says.
fn dying(store: Sqlite) -> Sqlite {
    let wanted = match std::env::var(DIE_AT).as_deref() {
        Ok("before") => Phase::Before,
        Ok("after") => Phase::After,
        _ => return store,
    };
    let count = std::sync::atomic::AtomicU32::new(0);
    store.with_hook(Box::new(move |_, phase| {
        if phase == wanted && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 19 {
            // What was acknowledged before gets out.
            std::thread::sleep(std::time::Duration::from_millis(300));
            std::process::abort();
        }
    }))
}

/// Opens what the dead child left: every acknowledged order whole, others whole or absent, no gap in the events.
async fn inspect(directory: &Directory, acknowledged: &BTreeSet<String>) -> usize {
    let store = directory.open();
    let orders = store.orders(&Filter::default(), &Paging::all()).await.expect("list").items;
    let there: BTreeSet<String> = orders.iter().map(|it| it.name.order.to_string()).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let resources = store.resources(&Filter::default(), &Paging::all()).await.expect("list").items;
    let operations = store.operations(&Filter::default(), &Paging::all()).await.expect("list").items;
    assert_eq!((resources.len(), operations.len()), (orders.len(), orders.len() * 2));
    assert_eq!(store.due(Timestamp::from_ms(u64::MAX), 100_000).await.expect("due").len(), orders.len());
    let (events, until) = store.events("shop", 0, 1_000_000).await.expect("events");
    assert!(events.iter().map(|it| it.revision).eq(1..=until), "revisions have no gaps");
    assert_eq!(until as usize, orders.len() * 4);
    // And it goes on.
    let Scene { order, .. } = scene(&store, &Records::new(99), "after-the-crash", &["db"]).await;
    assert!(store.order(&order.name).await.expect("read").is_some());
    orders.len()
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).lines().map_while(Result::ok)
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let directory = Directory::new();
    let _first = directory.open();
    let mut child = start(directory.path(), "never");
    let said: Vec<String> = lines(&mut child).collect();
    assert!(child.wait().expect("ended").success());
    let refused = format!("refused data directory `{}` is in use by another process", directory.path().display());
    assert!(said.iter().any(|line| line.contains(&refused)), "{said:?}");
}

#[tokio::test]
async fn kill_in_mid_load_loses_nothing_acknowledged() {
    let directory = Directory::new();
    let mut child = start(directory.path(), "never");
    let (mut told, mut killed) = (BTreeSet::new(), false);
    for line in lines(&mut child) {
        told.extend(acknowledged(&line));
        if told.len() >= 500 && !killed {
            child.kill().expect("SIGKILL");
            killed = true;
        }
    }
    assert_eq!(child.wait().expect("ended").signal(), Some(SIGKILL));
    assert!(inspect(&directory, &told).await >= told.len());
}

#[tokio::test]
async fn dying_around_a_commit_loses_nothing_acknowledged() {
    for die in ["before", "after"] {
        let directory = Directory::new();
        let mut child = start(directory.path(), die);
        let told: BTreeSet<String> = lines(&mut child).filter_map(|line| acknowledged(&line)).collect();
        assert_eq!(child.wait().expect("ended").signal(), Some(SIGABRT), "{die}");
        let there = inspect(&directory, &told).await;
        match die {
            "before" => assert_eq!(there, told.len(), "the batch was not durable"),
            _ => assert!(there > told.len(), "the batch was durable, and nobody told"),
        }
    }
}

/// A disk that takes no more writes: COMMIT fails, the process ends, and what it said before is true.
#[tokio::test]
async fn a_failed_commit_ends_the_process() {
    let directory = Directory::new();
    let this = std::env::current_exe().expect("this binary").display().to_string();
    let mut command = command("sh", directory.path());
    // No file may grow beyond 1 MiB (blocks of 512 bytes); without the signal the write itself fails.
    command.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact \"$1\" --nocapture", &this, THIS]);
    let mut child = command.spawn().expect("the child starts");
    let told: BTreeSet<String> = lines(&mut child).filter_map(|line| acknowledged(&line)).collect();
    assert_eq!(child.wait().expect("ended").code(), Some(EXIT_STATUS));
    assert!(!told.is_empty());
    inspect(&directory, &told).await;
}
