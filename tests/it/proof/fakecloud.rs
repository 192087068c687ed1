//! One resource of each identity class over its life, counted in the ledger of the imaginary cloud.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::core::{Core, until};
use crate::support::fakecloud::{Cloud, TYPES, order};
use crate::support::replay::everything;

fn core(cloud: &Cloud) -> Core {
    let core = Core::start(&["fakecloud"]);
    core.apply(&cloud.platform());
    core
}

/// Without effects, everything that was done comes to the same once more.
#[track_caller]
pub fn replays(mut core: Core) {
    core.kill();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let replayed = runtime.block_on(everything(&core.data()));
    assert!(replayed.steps > 0, "{replayed:?}");
}

#[track_caller]
fn applied(core: &Core, order: &str) {
    core.run(&["apply", "-f", &core.file("order.yaml", order), "--allow-destroy", "--wait", "--timeout", "2m"]);
}

#[track_caller]
fn outputs(core: &Core, order: &str, resource: &str) -> Value {
    core.json(&["outputs", &format!("{order}/{resource}"), "--reveal"])
}

/// How many records there are of each event on objects of this name: makes, changes, deletes, parts.
#[track_caller]
fn counts(cloud: &Cloud, name: &str) -> [usize; 4] {
    ["make", "change", "delete", "part"].map(|event| cloud.events(event, name).len())
}

/// What its ledger says is the password of an object.
#[track_caller]
fn password(cloud: &Cloud, id: &Value) -> Value {
    let told = cloud.ledger().into_iter().rfind(|it| it["id"] == *id && it["password"].is_string());
    told.expect("it has one")["password"].clone()
}

#[test]
fn each_class_is_made_changed_and_deleted_once() {
    let cloud = Cloud::start(&["--visible-after-ms", "1000"]);
    let core = core(&cloud);
    let sized = |size: u32| {
        order("life", &TYPES, |collection| format!("name: life-{collection}, size: {size}, parts: 2, posts: 3"))
    };
    applied(&core, &sized(1));
    assert_eq!(cloud.objects().len(), 4);
    let mut ids = Vec::new();
    for (_, collection) in TYPES {
        let name = format!("life-{collection}");
        assert_eq!(counts(&cloud, &name), [1, 0, 0, 5], "{name}");
        let out = outputs(&core, "life", collection);
        let made = &cloud.events("make", &name)[0];
        assert_eq!((&out["id"], &out["size"], &out["password"]), (&made["id"], &json!(1), &made["password"]));
        assert_eq!(core.json(&["refresh", &format!("life/{collection}")])["presence"], "ready");
        ids.push(out["id"].clone());
    }
    core.run(&["plan", "-f", &core.file("order.yaml", &sized(1)), "--detailed-exitcode"]);

    applied(&core, &sized(2));
    for ((_, collection), id) in TYPES.iter().zip(&ids) {
        let name = format!("life-{collection}");
        assert_eq!(counts(&cloud, &name), [1, 1, 0, 5], "{name}");
        let out = outputs(&core, "life", collection);
        assert_eq!((&out["id"], &out["size"], &out["password"]), (id, &json!(2), &password(&cloud, id)));
    }

    core.delete("life");
    assert!(cloud.objects().is_empty());
    for (_, collection) in TYPES {
        let name = format!("life-{collection}");
        assert_eq!(counts(&cloud, &name), [1, 1, 1, 5], "{name}");
    }
    assert!(cloud.ledger().iter().all(|it| it["answer"] == "sent" && it["event"] != "refuse"));
    replays(core);
}

#[test]
fn another_name_is_another_object() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    let named = |name: &str| order("renamed", &TYPES, |collection| format!("name: {name}-{collection}, size: 1"));
    applied(&core, &named("old"));
    applied(&core, &named("new"));
    let live: BTreeSet<String> = cloud.objects().iter().map(|it| it["name"].as_str().expect("a name").into()).collect();
    assert_eq!(live, TYPES.map(|(_, collection)| format!("new-{collection}")).into());
    for (_, collection) in TYPES {
        assert_eq!(counts(&cloud, &format!("old-{collection}")), [1, 0, 1, 0], "{collection}");
        assert_eq!(counts(&cloud, &format!("new-{collection}")), [1, 0, 0, 0], "{collection}");
        let incarnation = |name: &str| {
            let made = cloud.events("make", &format!("{name}-{collection}"));
            made[0]["labels"]["vend-incarnation"].as_str().and_then(|it| it.parse::<u32>().ok()).expect("a number")
        };
        assert_eq!(incarnation("old") + 1, incarnation("new"));
        let out = outputs(&core, "renamed", collection);
        assert_eq!(out["password"], password(&cloud, &out["id"]));
    }
    core.delete("renamed");
    assert!(cloud.objects().is_empty());
    replays(core);
}

/// The password was told to a step that is over when the object is ready: a new one is set.
#[test]
fn what_takes_its_time_is_waited_for() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    let slow = order("slow", &TYPES, |collection| format!("name: slow-{collection}, size: 1, provision-ms: 3600000"));
    core.apply(&slow);
    // Each has been looked at once, and is not ready: only then does time go by.
    until("all are being made", || {
        let listed = core.json(&["get", "operations", "--order", "slow"]);
        let waits = |it: &&Value| it["state"] == "waiting" && it["resource"].is_string();
        listed.as_array().is_some_and(|all| all.iter().filter(waits).count() == TYPES.len())
    });
    for (_, collection) in TYPES {
        assert_eq!(counts(&cloud, &format!("slow-{collection}")), [1, 0, 0, 0], "{collection}");
    }
    cloud.advance_ms(3_600_000);
    core.ready("slow");
    for (_, collection) in TYPES {
        assert_eq!(counts(&cloud, &format!("slow-{collection}")), [1, 1, 0, 0], "{collection}");
        let out = outputs(&core, "slow", collection);
        assert_eq!(out["password"], password(&cloud, &out["id"]));
    }
    core.delete("slow");
    assert!(cloud.objects().is_empty());
    replays(core);
}

/// Without a name two orders of the same thing are two things.
#[test]
fn objects_without_a_name_are_called_after_their_resource() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    for name in ["one", "two"] {
        applied(&core, &order(name, &TYPES, |_| "size: 1".to_owned()));
    }
    assert_eq!(cloud.objects().len(), 8);
    for name in ["one", "two"] {
        core.delete(name);
    }
    assert!(cloud.objects().is_empty());
    replays(core);
}

/// What a fault before the write comes to: tried again, and made once.
#[test]
fn a_refused_create_is_tried_again() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    for (_, collection) in TYPES {
        let method = if collection == "named" { "PUT" } else { "POST" };
        let prefix = format!("/v1/{collection}");
        cloud
            .set_faults(&json!({ "rules": [{ "method": method, "path-prefix": prefix, "times": 2, "fault": "429" }] }));
        let kind: Vec<_> = TYPES.into_iter().filter(|it| it.1 == collection).collect();
        applied(&core, &order(collection, &kind, |collection| format!("name: busy-{collection}, size: 1")));
        assert_eq!(counts(&cloud, &format!("busy-{collection}")), [1, 0, 0, 0], "{collection}");
    }
    assert_eq!(cloud.faults_done("429"), 8);
    replays(core);
}

/// Somebody deleted them by hand; the same order makes them again.
#[test]
fn what_was_deleted_by_hand_is_made_again() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    let wanted = order("gone", &TYPES, |collection| format!("name: gone-{collection}, size: 1"));
    applied(&core, &wanted);
    for object in cloud.objects() {
        let text = |member: &str| object[member].as_str().expect("text").to_owned();
        let path = format!("/v1/{}/{}", text("collection"), text("id"));
        assert_eq!(cloud.call("DELETE", &path, &Value::Null).status, 200);
    }
    for (_, collection) in TYPES {
        assert_eq!(core.json(&["refresh", &format!("gone/{collection}")])["presence"], "absent");
    }
    applied(&core, &wanted);
    assert_eq!(cloud.objects().len(), 4);
    replays(core);
}

/// Whatever becomes of the order, nobody makes the object a second time.
#[test]
fn a_lost_answer_makes_nothing_twice() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    let rule = |method: &str, prefix: &str| json!({ "method": method, "path-prefix": prefix, "fault": "drop-after" });
    let makes = TYPES
        .map(|(_, collection)| rule(if collection == "named" { "PUT" } else { "POST" }, &format!("/v1/{collection}")));
    cloud.set_faults(&json!({ "rules": makes }));
    for one in TYPES {
        let name = one.1;
        core.apply(&order(name, &[one], |collection| format!("name: lost-{collection}, size: 1")));
        let mut operation = Value::Null;
        until(&format!("{name} has come to an end, or waits for a person"), || {
            operation = core.operation(name);
            operation["state"] == "succeeded" || operation["state"] == "needs-attention"
        });
        assert_eq!(counts(&cloud, &format!("lost-{name}"))[0], 1, "{operation}");
    }
    assert_eq!(cloud.faults_done("drop-after"), 4);
    replays(core);
}

/// An answer that says nothing of an object does not say that it is gone.
#[test]
fn what_cannot_be_read_is_not_absent() {
    let cloud = Cloud::start(&[]);
    let core = core(&cloud);
    applied(&core, &order("unread", &TYPES, |collection| format!("name: unread-{collection}, size: 1")));
    for status in [403, 500] {
        cloud.fail_reads(Some(status));
        for (_, collection) in TYPES {
            let ran = core.try_run(&["refresh", &format!("unread/{collection}")]);
            assert_eq!(ran.status, 1, "{ran:?}");
        }
    }
    cloud.fail_reads(None);
    core.delete("unread");
    assert!(cloud.objects().is_empty());
    replays(core);
}
