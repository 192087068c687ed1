//! What is taken back, changed or refused while it is on its way: nothing is left behind, and nothing is made twice.

use std::time::Duration;

use serde_json::{Value, json};

use super::core::{Core, until};
use crate::support::fakecloud::{Cloud, TYPES, order};

const NAMED: (&str, &str) = TYPES[0];
const KEYED: (&str, &str) = TYPES[1];
const LABELLED: (&str, &str) = TYPES[2];
const BLIND: (&str, &str) = TYPES[3];

fn core(cloud: &Cloud) -> Core {
    let core = Core::start(&["fakecloud"]);
    core.apply(&cloud.platform());
    core
}

fn text(name: &str, of: (&str, &str), size: u32, more: &str) -> String {
    order(name, &[of], |_| format!("name: {name}, size: {size}{more}"))
}

/// Makes, deletes and live objects of this name.
#[track_caller]
fn counts(cloud: &Cloud, name: &str) -> (usize, usize, usize) {
    let live = cloud.objects().iter().filter(|it| it["name"] == name).count();
    (cloud.events("make", name).len(), cloud.events("delete", name).len(), live)
}

/// The answer to the first request of this method is lost after it was applied.
#[track_caller]
fn lose(cloud: &Cloud, method: &str, times: u32) {
    let rule = json!({ "method": method, "path-prefix": "/v1/", "skip": 0, "times": times, "fault": "drop-after" });
    cloud.set_faults(&json!({ "rules": [rule] }));
}

#[track_caller]
fn gone(core: &Core, order: &str) {
    until(&format!("{order} is gone"), || core.try_run(&["get", "order", order]).status != 0);
}

#[track_caller]
fn id(operation: &Value) -> &str {
    operation["id"].as_str().expect("an id")
}

#[test]
fn deleted_while_it_is_being_made() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    for of in TYPES {
        let name = format!("early-{}", of.1);
        core.apply(&text(&name, of, 1, ", provision-ms: 600000"));
        until("it is being made", || cloud.events("make", &name).len() == 1);
        core.until(&name, "waiting");
        core.delete(&name);
        assert_eq!(counts(&cloud, &name), (1, 1, 0), "{name}");
    }
}

#[test]
fn deleted_while_nobody_knows_whether_it_was_made() {
    let cloud = Cloud::start(&["--visible-after-ms", "1000"]);
    let core = core(&cloud);
    for (of, method) in [(NAMED, "PUT"), (KEYED, "POST"), (LABELLED, "POST")] {
        let name = format!("doubt-{}", of.1);
        lose(&cloud, method, 1);
        core.apply(&text(&name, of, 1, ""));
        until("it was made, and the answer lost", || cloud.events("make", &name).len() == 1);
        core.delete(&name);
        assert_eq!(counts(&cloud, &name), (1, 1, 0), "{name}");
    }
}

/// Nothing can tell what a lost create of this class has made: a person says it, and it is deleted.
#[test]
fn deleted_while_only_a_person_can_know() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    lose(&cloud, "POST", 1);
    core.apply(&text("blindly", BLIND, 1, ""));
    let parked = core.until("blindly", "needs-attention");
    assert_eq!((&parked["reason"], &parked["effect"]), (&"CREATE_OUTCOME_UNKNOWN".into(), &"unknown".into()));
    core.run(&["delete", "order", "blindly", "--allow-destroy"]);
    core.run(&["resolve", id(&parked), "--abandon"]);
    // The delete finds the mark of what was given up, and does not take the unknown for nothing.
    until("the delete needs a person", || {
        let deleting = core.operation("blindly");
        deleting["verb"] == "delete" && deleting["state"] == "needs-attention"
    });
    let deleting = core.operation("blindly");
    let made = cloud.events("make", "blindly");
    core.run(&["resolve", id(&deleting), "--adopt", made[0]["id"].as_str().expect("an id"), "--wait"]);
    gone(&core, "blindly");
    assert_eq!(counts(&cloud, "blindly"), (1, 1, 0));
}

#[test]
fn a_delete_whose_answer_is_lost_is_a_delete() {
    let cloud = Cloud::start(&["--visible-after-ms", "500"]);
    let core = core(&cloud);
    for of in TYPES {
        let name = format!("going-{}", of.1);
        core.apply(&text(&name, of, 1, ""));
        core.ready(&name);
        lose(&cloud, "DELETE", 1);
        core.delete(&name);
        assert_eq!(counts(&cloud, &name), (1, 1, 0), "{name}");
    }
}

/// An update that fails says so, and leaves what is there where it is.
#[test]
fn a_failed_update_never_leads_to_a_delete() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    core.apply(&text("steady", NAMED, 1, ""));
    core.ready("steady");
    let rule = json!({ "method": "PUT", "path-prefix": "/v1/", "skip": 0, "times": 1000, "fault": "500-before" });
    cloud.set_faults(&json!({ "rules": [rule] }));
    core.apply(&text("steady", NAMED, 2, ""));
    let waiting = core.until("steady", "waiting");
    assert_eq!(waiting["verb"], "update", "{waiting}");
    core.run(&["cancel", id(&waiting)]);
    until("it has ended", || core.operation("steady")["done"] == true);
    assert_eq!(counts(&cloud, "steady"), (1, 0, 1));
    cloud.set_faults(&json!({}));
    core.run(&["apply", "-f", &core.file("again.yaml", &text("steady", NAMED, 2, "")), "--wait"]);
    assert_eq!(core.json(&["outputs", "steady/named"])["size"], 2);
    assert_eq!(counts(&cloud, "steady"), (1, 0, 1));
}

#[test]
fn a_newer_generation_while_one_is_made() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    for of in TYPES {
        let name = format!("newer-{}", of.1);
        core.apply(&text(&name, of, 1, ", provision-ms: 1500"));
        until("it is being made", || cloud.events("make", &name).len() == 1);
        for size in [2, 3, 4] {
            core.apply(&text(&name, of, size, ", provision-ms: 1500"));
        }
        core.run(&["wait", &format!("order/{name}"), "--for", "ready", "--timeout", "60s"]);
        until("it has the last size", || cloud.objects().iter().any(|it| it["name"] == *name && it["size"] == 4));
        assert_eq!(counts(&cloud, &name), (1, 0, 1), "{name}");
    }
}

/// Not to be read is not to be gone.
#[test]
fn what_cannot_be_read_is_neither_made_again_nor_forgotten() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    core.apply(&text("unread", NAMED, 1, ""));
    core.ready("unread");
    for status in [403, 500] {
        cloud.fail_reads(Some(status));
        let refreshed = core.try_run(&["refresh", "unread/named"]);
        assert_eq!((refreshed.status, refreshed.stderr.contains("absent")), (1, false), "{refreshed:?}");
        let again = core.file("again.yaml", &text("unread", NAMED, 2, ""));
        core.try_run(&["apply", "-f", &again]);
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(counts(&cloud, "unread"), (1, 0, 1));
    cloud.fail_reads(None);
    core.run(&["apply", "-f", &core.file("again.yaml", &text("unread", NAMED, 3, "")), "--wait"]);
    core.delete("unread");
    assert_eq!(counts(&cloud, "unread"), (1, 1, 0));
}
