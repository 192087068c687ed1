//! Every request that a driver sends goes wrong once, in every way, for each verb and each identity class: in the end all is as it was asked
//! for, and made once. The driver returns early on every error, and does nothing else about it.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::count::things;
use super::hand::attend;
use crate::hostile::machine::clock::Time;
use crate::proof::core::{Core, until};
use crate::proof::fakecloud::replays;
use crate::support::fakecloud::{Cloud, TYPES, order};

/// Not so many requests are sent by any verb of the driver.
const REQUESTS: u64 = 8;
const WORKERS: usize = 6;
/// How an answer is lost, or is a failure. The second half applies nothing.
const FAULTS: [&str; 7] = ["drop-after", "half-answer", "504-after", "500-after", "drop-before", "429", "500-before"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
    Replace,
    Delete,
}

#[derive(Debug, Clone, Copy)]
struct Job {
    verb: Verb,
    fault: &'static str,
    /// So many requests pass before.
    skip: u64,
}

impl Job {
    fn name(self) -> String {
        format!("{:?}-{}-{}", self.verb, self.fault, self.skip).to_lowercase()
    }

    fn order(self, name: &str, size: u32) -> String {
        order(&self.name(), &TYPES, |collection| format!("name: {name}-{collection}, size: {size}, parts: 1, posts: 2"))
    }
}

fn stocked() -> (Cloud, Core) {
    let cloud = Cloud::start(&["--visible-after-ms", "1000"]);
    let mut core = Core::idle();
    core.level = "warn";
    core.restart();
    core.install(&["fakecloud"]);
    core.apply(&cloud.platform());
    (cloud, core)
}

/// All of them, from several threads, each with a core and a cloud of its own.
fn all(jobs: Vec<Job>) {
    let left = Mutex::new(jobs);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let (cloud, mut core) = stocked();
                loop {
                    let job = left.lock().expect("no panic holds it").pop();
                    match job {
                        Some(job) => survives(job, &mut core, &cloud),
                        None => return replays(core),
                    }
                }
            });
        }
    });
}

fn jobs(verb: Verb) -> Vec<Job> {
    let all = FAULTS.into_iter().flat_map(|fault| (0..REQUESTS).map(move |skip| Job { verb, fault, skip }));
    all.collect()
}

fn survives(job: Job, core: &mut Core, cloud: &Cloud) {
    let name = job.name();
    let old = format!("{name}-old");
    if job.verb != Verb::Create {
        applied(core, cloud, &name, &job.order(&old, 1));
    }
    let rules = TYPES.map(
        |(_, collection)| json!({ "path-prefix": format!("/v1/{collection}"), "skip": job.skip, "fault": job.fault }),
    );
    cloud.set_faults(&json!({ "rules": rules }));
    let (wanted, size) = match job.verb {
        Verb::Create => (old, 1),
        Verb::Update => (old, 2),
        Verb::Replace => (format!("{name}-new"), 2),
        Verb::Delete => (String::new(), 0),
    };
    match job.verb {
        Verb::Delete => {
            // What cannot be read cannot be planned: asked again.
            until("it is deleted", || core.try_run(&["delete", "order", &name, "--allow-destroy"]).status == 0);
            attend(core, cloud, &name).expect("it lives");
        }
        _ => applied(core, cloud, &name, &job.order(&wanted, size)),
    }
    cloud.set_faults(&json!({}));
    let its: Vec<_> = things(&cloud.ledger()).into_iter().filter(|it| it.first_name.starts_with(&name)).collect();
    let live: Vec<_> = its.iter().filter(|it| it.gone.is_none()).collect();
    for thing in &its {
        assert!(thing.parts.values().all(|times| *times == 1), "{name}: {thing:#?}");
    }
    for (_, collection) in TYPES {
        let made = |what: &str| its.iter().filter(|it| it.first_name == format!("{name}-{what}-{collection}")).count();
        let new = usize::from(job.verb == Verb::Replace);
        assert_eq!((made("old"), made("new")), (1, new), "{name} {collection}: {its:#?}");
        let live: Vec<_> = live.iter().filter(|it| it.collection == collection).collect();
        if job.verb == Verb::Delete {
            assert!(live.is_empty(), "{name}: {live:#?}");
            continue;
        }
        let as_asked = |live: &[&&&super::count::Thing]| {
            live.len() == 1
                && live[0].name == format!("{wanted}-{collection}")
                && live[0].size == u64::from(size)
                && live[0].parts.len() == 3
        };
        assert!(as_asked(&live.iter().collect::<Vec<_>>()), "{name} {collection}: {live:#?}");
        let outputs = core.json(&["outputs", &format!("{name}/{collection}"), "--reveal"]);
        let told = cloud.ledger().into_iter().rfind(|it| it["id"] == *live[0].id && it["password"].is_string());
        assert_eq!(outputs["password"], told.expect("it has a password")["password"], "{name} {collection}");
        assert_eq!((&outputs["id"], &outputs["size"]), (&json!(live[0].id), &json!(size)), "{name} {collection}");
    }
}

/// Until it is done. A plan that meets a fault is asked again; a person settles what stops.
fn applied(core: &mut Core, cloud: &Cloud, name: &str, text: &str) {
    let file = core.file(&format!("{name}.yaml"), text);
    until("it is accepted", || core.try_run(&["apply", "-f", &file, "--allow-destroy"]).status == 0);
    attend(core, cloud, name).expect("it lives");
    let order = core.json(&["get", "orders"]);
    let state = order.as_array().into_iter().flatten().find(|it| it["name"] == name).cloned().unwrap_or_default();
    assert_eq!(
        state["status"]["state"],
        "ready",
        "{name}: {state} {}",
        core.json(&["get", "operations", "--order", name])
    );
}

#[test]
fn of_a_create() {
    all(jobs(Verb::Create));
}

#[test]
fn of_an_update() {
    all(jobs(Verb::Update));
}

#[test]
fn of_a_replacement() {
    all(jobs(Verb::Replace));
}

#[test]
fn of_a_delete() {
    all(jobs(Verb::Delete));
}

/// A key is good for as long as the backend remembers it. Days later it would make another object: it is not sent again.
#[test]
fn days_later_a_key_is_not_sent_again_faketime() {
    const DAYS_S: i64 = 2 * 86_400;
    let cloud = Cloud::start(&[]);
    let mut core = Core::idle();
    let time = Time::of(&mut core);
    core.restart();
    core.install(&["fakecloud"]);
    core.apply(&cloud.platform());
    // Made, and the core is killed before it hears of it.
    cloud.set_faults(&json!({ "rules": [{ "method": "POST", "fault": { "delay-after-ms": 3_000 } }, { "method": "PUT", "fault": { "delay-after-ms": 3_000 } }] }));
    let one = |it: &'static (&'static str, &'static str)| {
        order(&format!("late-{}", it.1), std::slice::from_ref(it), |collection| {
            format!("name: late-{collection}, size: 1")
        })
    };
    for kind in &TYPES[..2] {
        core.apply(&one(kind));
    }
    until("both are made", || cloud.objects().len() == 2);
    core.kill();
    time.set(DAYS_S);
    cloud.advance_ms(u64::try_from(DAYS_S).expect("a number") * 1_000);
    cloud.set_faults(&json!({}));
    core.restart();
    // A name is as good as ever.
    core.ready("late-named");
    let parked = core.until("late-keyed", "needs-attention");
    assert_eq!(parked["reason"], "CREATE_OUTCOME_UNKNOWN", "{parked}");
    assert_eq!((cloud.events("make", "late-keyed").len(), cloud.objects().len()), (1, 2));
    let id = cloud.events("make", "late-keyed")[0]["id"].as_str().expect("an id").to_owned();
    core.run(&["resolve", parked["id"].as_str().expect("an id"), "--adopt", &id]);
    core.ready("late-keyed");
    assert_eq!((cloud.events("make", "late-keyed").len(), cloud.events("make", "late-named").len()), (1, 1));
    assert_eq!(cloud.objects().len(), 2);
}

/// Another name is asked while the first object is being made: that one is removed, and the other is made once.
#[test]
fn another_name_is_asked_while_it_is_being_made() {
    let (cloud, core) = stocked();
    let named = |name: &str| {
        order("turn", &TYPES, |collection| format!("name: {name}-{collection}, size: 1, provision-ms: 3600000"))
    };
    core.apply(&named("first"));
    until("all are being made", || cloud.objects().len() == 4);
    core.run(&["apply", "-f", &core.file("second.yaml", &named("second")), "--allow-destroy"]);
    let live = |name: &str| {
        let is_it = |it: &Value| it["name"].as_str().is_some_and(|it| it.starts_with(name));
        cloud.objects().iter().filter(|it| is_it(it)).count()
    };
    until("the others are", || (live("first"), live("second")) == (0, 4));
    // Further steps come to nothing new.
    std::thread::sleep(std::time::Duration::from_secs(2));
    cloud.advance_ms(3_600_000);
    core.ready("turn");
    for (_, collection) in TYPES {
        let made = |name: &str| cloud.events("make", &format!("{name}-{collection}")).len();
        assert_eq!((made("first"), made("second")), (1, 1), "{collection}");
    }
    assert_eq!((live("first"), live("second")), (0, 4));
}

/// The same, where nobody has heard of the first object: it was found by its name, and there is no claim to it.
#[test]
fn another_name_is_asked_for_what_was_found() {
    let (cloud, core) = stocked();
    cloud.set_faults(&json!({ "rules": [{ "method": "PUT", "path-prefix": "/v1/named", "fault": "drop-after" }] }));
    let named = |name: &str| order("found", &TYPES[..1], |_| format!("name: {name}, size: 1, provision-ms: 3600000"));
    core.apply(&named("found-first"));
    until("it is being made", || {
        core.operation("found")["state"] == "waiting"
            && core.journal(&core.operation("found")).iter().any(|it| it["outcome"] == "pending")
    });
    core.run(&["apply", "-f", &core.file("second.yaml", &named("found-second")), "--allow-destroy"]);
    until("the other is", || cloud.objects().iter().any(|it| it["name"] == "found-second"));
    cloud.advance_ms(3_600_000);
    core.ready("found");
    let names: Vec<_> = cloud.objects().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["found-second"]);
    assert_eq!((cloud.events("make", "found-first").len(), cloud.events("make", "found-second").len()), (1, 1));
}

/// The same, accepted while a step looks at what it has just made: its claim stays, though the records changed under it.
#[test]
fn another_name_is_asked_before_the_claim_is_written() {
    let (cloud, core) = stocked();
    let look = json!({ "method": "GET", "path-prefix": "/v1/labelled/", "fault": { "delay-after-ms": 1_500 } });
    cloud.set_faults(&json!({ "rules": [look] }));
    let named = |name: &str| order("soon", &TYPES[2..3], |_| format!("name: {name}, size: 1, provision-ms: 3600000"));
    core.apply(&named("soon-first"));
    until("it is made", || cloud.objects().len() == 1);
    core.run(&["apply", "-f", &core.file("second.yaml", &named("soon-second")), "--allow-destroy"]);
    until("the other is", || cloud.objects().iter().any(|it| it["name"] == "soon-second"));
    cloud.advance_ms(3_600_000);
    core.ready("soon");
    let names: Vec<_> = cloud.objects().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["soon-second"]);
}

/// What a step may do is what is allowed when it does it, and not when it began.
#[test]
fn what_is_not_allowed_any_more_is_not_done() {
    let (cloud, core) = stocked();
    let busy = json!({ "method": "POST", "path-prefix": "/v1/keyed", "times": 100, "fault": "429" });
    cloud.set_faults(&json!({ "rules": [busy] }));
    core.apply(&order("taken", &TYPES[1..2], |_| "name: taken, size: 1".to_owned()));
    until("it was refused", || core.operation("taken")["state"] == "waiting");
    let (all, one) = ("writes: [{ path: \"/**\" }]", "writes: [{ path: \"/named/**\" }]");
    let platform = cloud.platform();
    assert_eq!(platform.matches(all).count(), 1);
    core.apply(&platform.replace(all, one));
    cloud.set_faults(&json!({}));
    let mut failed = Value::Null;
    until("it is done, or goes on trying", || {
        failed = core.operation("taken");
        failed["done"] == true || failed["attempts"].as_u64().is_some_and(|attempts| attempts > 4)
    });
    assert_eq!((&failed["reason"], cloud.objects().len()), (&json!("EGRESS_DENIED"), 0), "{failed}");
}
