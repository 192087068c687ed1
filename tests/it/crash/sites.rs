//! A crash at every place that commits, before the COMMIT and behind it: the same end is reached, and what was made is counted.
//!
//! The core that dies is this test binary again, running [`child`] alone: a whole core on a store whose hook aborts it. The program that is
//! released has no such place.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use vend::app::{SystemClock, SystemEntropy};
use vend::engine::prune::Pass;
use vend::frontend::cli::context;
use vend::store::Site;
use vend::store::sqlite::{Phase, Sqlite};

use super::count::things;
use super::hand::{Gone, attend, done, run};
use super::world::copy;
use crate::hostile::machine::ledger::is_sound_though_pruned;
use crate::proof::core::Core;
use crate::support::core::settings;
use crate::support::fakecloud::{Cloud, TYPES, order};
use crate::support::replay::everything;

const DATA: &str = "VEND_TEST_CHILD_DATA";
/// `intent before 2`: the second one.
const AT: &str = "VEND_TEST_CHILD_DIES_AT";
/// Where it says that it has.
const DIED: &str = "VEND_TEST_CHILD_DIED";

/// Sites that have many commits in a scenario are crashed at here.
const OFTEN: [u32; 5] = [1, 2, 4, 9, 15];
const SELDOM: [u32; 2] = [1, 2];
/// All that are accepted: three generations of an order, two other orders, and their ends.
const ACCEPTED: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// Scenarios at once: each waits more than it works.
const WORKERS: usize = 6;

/// Another order with one of the things.
const SHARER: &str =
    "{ apiVersion: vend/v1, kind: Order, name: sharer, resources: { it: { type: cloud-named, id: company.named } } }\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Crash {
    site: Site,
    phase: Phase,
    nth: u32,
}

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} {}", self.site, self.phase, self.nth)
    }
}

/// A core that serves the data directory in its environment, and dies where that says.
#[test]
fn child() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let data = Path::new(&data);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let store = Sqlite::open(data, Arc::new(SystemClock), Arc::new(SystemEntropy));
        let store = dying(store.unwrap_or_else(|error| panic!("{error}")));
        let mut settings = settings(data);
        // One step after the other: the same commits in every run.
        settings.engine.concurrency = 1;
        // Events are kept for no time; all else for as long as ever.
        settings.retention.event_days = 0;
        let running = vend::app::start_on(Arc::new(store), settings).await.expect("it starts");
        let url = format!("http://{}", running.address);
        let folder = context::folder_of_process().expect("it is told");
        context::write_local(&folder, &url, &running.token_file, None).expect("written");
        println!("vend ready at {url} (");
        loop {
            running.engine.prune_all(Pass::default()).await.expect("it prunes");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

fn dying(store: Sqlite) -> Sqlite {
    let Ok(at) = std::env::var(AT) else { return store };
    let count = AtomicU32::new(0);
    store.with_hook(Box::new(move |site, phase| {
        let nth = || count.fetch_add(1, Ordering::SeqCst) + 1;
        let is_it = at.starts_with(&format!("{site:?} {phase:?} "));
        if is_it && at.ends_with(&format!(" {}", nth())) {
            std::fs::write(std::env::var_os(DIED).expect("it is told where"), &at).expect("written");
            std::process::abort();
        }
    }))
}

#[test]
fn every_commit_site_is_crashed_at() {
    let mut crashes = Vec::new();
    for site in Site::ALL {
        let nths = match site {
            Site::Accept => ACCEPTED.as_slice(),
            Site::Intent | Site::Outcome | Site::Result => &OFTEN,
            _ => &SELDOM,
        };
        for nth in nths {
            crashes.extend([Phase::Before, Phase::After].map(|phase| Crash { site, phase, nth: *nth }));
        }
    }
    // Compiled once, by a core that lives.
    let mut core = Core::start(&["fakecloud", "probe"]);
    core.kill();
    let cache = core.data().join("cache");
    let (left, hit) = (Mutex::new(crashes), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(crash) = left.lock().expect("no panic holds it").pop() else { return };
                    if survives(crash, &cache) {
                        hit.lock().expect("no panic holds it").push(crash);
                    }
                }
            });
        }
    });
    let hit = hit.into_inner().expect("no panic");
    println!("{} crashes at {} sites", hit.len(), Site::ALL.len());
    for site in Site::ALL {
        for phase in [Phase::Before, Phase::After] {
            assert!(hit.iter().any(|it| (it.site, it.phase) == (site, phase)), "never crashed at {site:?}, {phase:?}");
        }
    }
}

struct Scenario {
    core: Core,
    cloud: Cloud,
}

/// Goes through all of it, with a crash on the way. False if the site has not so many commits.
fn survives(crash: Crash, cache: &Path) -> bool {
    let mut core = Core::idle();
    core.level = "warn";
    copy(cache, &core.data().join("cache"));
    std::fs::set_permissions(core.data(), std::fs::Permissions::from_mode(0o700)).expect("permissions");
    let this = std::env::current_exe().expect("this binary").display().to_string();
    let script = "exec \"$0\" --exact crash::sites::child --nocapture";
    core.through = ["sh", "-c", script, &this].map(str::to_owned).to_vec();
    let died = core.folder().join("died");
    core.environment =
        vec![(DATA, core.data().display().to_string()), (AT, crash.to_string()), (DIED, died.display().to_string())];
    let mut scenario = Scenario { core, cloud: Cloud::start(&["--visible-after-ms", "300"]) };
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scenario.play()));
    if let Err(panic) = told {
        let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        panic!("a crash at {crash}: {words}");
    }
    let has_died = died.exists();
    if scenario.core.is_running() {
        scenario.core.kill();
    }
    is_sound_though_pruned(&scenario.core.data());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(everything(&scenario.core.data()));
    has_died
}

impl Scenario {
    /// Does it until it is done: whoever was not answered asks again.
    fn step<T>(&mut self, what: &str, act: impl Fn(&mut Core, &Cloud) -> Result<T, Gone>) -> T {
        for _ in 0..4 {
            while !self.core.is_running() {
                if self.core.try_restart().is_err() {
                    // It died on its way up, which it does once.
                    self.core.environment.retain(|(name, _)| *name != AT);
                }
            }
            match act(&mut self.core, &self.cloud) {
                Ok(done) => return done,
                Err(Gone) => self.core.environment.retain(|(name, _)| *name != AT),
            }
        }
        panic!("{what}: it dies again and again");
    }

    fn apply(&mut self, name: &str, text: &str) {
        self.step(name, |core, cloud| {
            let file = core.file("order.yaml", text);
            run(core, &["apply", "-f", &file, "--allow-destroy"])?;
            attend(core, cloud, name)
        });
    }

    fn play(&mut self) {
        for driver in ["fakecloud", "probe"] {
            let path = crate::support::drivers::path(driver).display().to_string();
            self.step("install", |core, _| run(core, &["driver", "install", &path]));
        }
        self.step("secret", |core, _| {
            let ran = core.with_input(&["secret", "set", "unused"], "hunter2");
            done(core, "secret set", ran)
        });
        self.step("documents", |core, cloud| {
            // A new object works, and what refers to it has moved, before the former goes.
            let first = "name: cloud-named\ntype: cloud-named\n";
            let platform = cloud.platform();
            assert_eq!(platform.matches(first).count(), 1, "{platform}");
            let file = core.file("platform.yaml", &platform.replace(first, &format!("{first}replace: create-first\n")));
            run(core, &["apply", "-f", &file])
        });
        self.step("pause", |core, _| run(core, &["pause", "connection", "cloud"]));
        self.step("resume", |core, _| run(core, &["resume", "connection", "cloud"]));
        // A row of references, and one that stands apart.
        let sized = |name: &'static str, size: u32| {
            order("all", &TYPES, move |it| {
                let size = match it {
                    "keyed" => "\"${resources.named.outputs.size}\"".to_owned(),
                    "labelled" => "\"${resources.keyed.outputs.size}\"".to_owned(),
                    _ => size.to_string(),
                };
                format!("name: {name}-{it}, size: {size}, parts: 1, posts: 1")
            })
            .replace("type: cloud-named", "type: cloud-named, id: company.named")
        };
        self.apply("all", &sized("one", 1));
        self.apply("all", &sized("one", 2));
        self.apply("all", &sized("two", 3));
        self.step("outputs", |core, _| run(core, &["outputs", "all/named", "--reveal"]));
        self.lose();
        self.step("share", |core, _| {
            let file = core.file("order.yaml", SHARER);
            run(core, &["apply", "-f", &file])
        });
        self.check();
        // What is shared goes on under the other entry, and goes with that.
        for name in ["all", "sharer", "lost"] {
            self.step("delete", |core, cloud| {
                let known = run(core, &["get", "orders"])?.contains(name);
                if known {
                    let ran = core.try_run(&["delete", "order", name, "--allow-destroy"]);
                    // A deletion that was accepted before the crash may have come to its end since it was listed.
                    if !ran.stderr.contains("(NOT_FOUND)") {
                        done(core, "delete", ran)?;
                        attend(core, cloud, name)?;
                    }
                }
                Ok(())
            });
        }
        self.step("probe", |core, _| {
            let listed = run(core, &["get", "drivers"])?;
            if listed.contains("probe") { run(core, &["driver", "uninstall", "probe"]) } else { Ok(listed) }
        });
        assert!(self.cloud.objects().is_empty(), "{:?}", self.cloud.objects());
        self.once();
    }

    /// A doubt that a person settles.
    fn lose(&mut self) {
        let lost = json!({ "rules": [{ "method": "POST", "path-prefix": "/v1/blind", "fault": "drop-after" }] });
        self.cloud.set_faults(&lost);
        self.apply("lost", &order("lost", &TYPES[3..], |_| "name: lost, size: 1".to_owned()));
        self.cloud.set_faults(&json!({}));
    }

    fn check(&mut self) {
        let all = things(&self.cloud.ledger());
        let live: BTreeSet<_> =
            all.iter().filter(|it| it.gone.is_none()).map(|it| (it.name.as_str(), it.size)).collect();
        let named = TYPES.map(|(_, collection)| format!("two-{collection}"));
        let mut expected: BTreeSet<_> = named.iter().map(|name| (name.as_str(), 3)).collect();
        expected.insert(("lost", 1));
        assert_eq!(live, expected);
        let parts = ["part-0", "post-0"].map(|part| (part.to_owned(), 1)).into();
        for thing in all.iter().filter(|it| it.first_name != "lost") {
            assert_eq!(thing.parts, parts, "{thing:?}");
        }
        let listed = self.step("resources", |core, _| super::hand::json(core, &["get", "resources", "-A"]));
        assert!(listed.as_array().is_some_and(|all| all.len() == 5 && all.iter().all(|it| it["state"] == "ready")));
    }

    /// Everything was made once.
    fn once(&self) {
        let mut made: Vec<_> = things(&self.cloud.ledger()).into_iter().map(|it| it.first_name).collect();
        made.sort();
        let mut expected = vec!["lost".to_owned()];
        for name in ["one", "two"] {
            expected.extend(TYPES.map(|(_, collection)| format!("{name}-{collection}")));
        }
        expected.sort();
        assert_eq!(made, expected);
    }
}
