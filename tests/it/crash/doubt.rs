//! A create whose answer was lost, of a thing that cannot be looked for: it stops, and a person's word settles it. Nothing is made twice.

use serde_json::{Value, json};

use crate::proof::core::{Core, until};
use crate::proof::fakecloud::replays;
use crate::support::fakecloud::{Cloud, TYPES, order};

const BLIND: [(&str, &str); 1] = [("cloud-blind", "blind")];

/// The order `name`, accepted, whose object was made and whose answer was cut; its operation, which needs a person.
fn lost(core: &Core, cloud: &Cloud, name: &str, params: &str) -> Value {
    cloud.set_faults(&json!({ "rules": [{ "method": "POST", "path-prefix": "/v1/blind", "fault": "drop-after" }] }));
    core.apply(&order(name, &BLIND, |_| format!("name: {name}, size: 3{params}")));
    core.until(name, "needs-attention")
}

fn stocked() -> (Cloud, Core) {
    let cloud = Cloud::start(&[]);
    let core = Core::start(&["fakecloud"]);
    core.apply(&cloud.platform());
    (cloud, core)
}

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

/// (kind, origin, class, outcome) of each line that is no attempt and no end.
fn effects(core: &Core, operation: &Value) -> Vec<[String; 4]> {
    let story = core.journal(operation);
    let told = story.iter().filter(|it| matches!(it["kind"].as_str(), Some("effect" | "look")));
    told.map(|it| ["kind", "origin", "class", "outcome"].map(|member| it[member].as_str().unwrap_or("").to_owned()))
        .filter(|it| it[2] != "read")
        .collect()
}

fn line(words: [&str; 4]) -> [String; 4] {
    words.map(str::to_owned)
}

#[test]
fn one_object_is_there_and_is_adopted() {
    let (cloud, core) = stocked();
    let parked = lost(&core, &cloud, "adopted", ", parts: 1, posts: 1");
    assert_eq!((&parked["reason"], &parked["effect"]), (&json!("CREATE_OUTCOME_UNKNOWN"), &json!("unknown")));
    assert!(parked["message"].as_str().is_some_and(|it| it.contains("cannot be looked for")), "{parked}");
    let made = cloud.events("make", "adopted");
    assert_eq!((made.len(), cloud.objects().len()), (1, 1));
    // Nothing changes that by itself, and nothing but a person's word.
    let refused = core.try_run(&["resolve", id(&parked), "--adopt", "blind-999"]);
    assert_ne!(refused.status, 0, "{refused:?}");
    assert_eq!(core.operation("adopted")["state"], "needs-attention");

    let said = core.run(&["resolve", id(&parked), "--adopt", id(&made[0])]);
    assert!(said.contains("goes on with what it adopted"), "{said}");
    core.ready("adopted");
    assert_eq!((cloud.events("make", "adopted").len(), cloud.objects().len()), (1, 1));
    let object = &cloud.objects()[0];
    assert_eq!(object["parts"].as_object().map(|it| it.len()), Some(2), "{object}");
    let outputs = core.json(&["outputs", "adopted/blind", "--reveal"]);
    assert_eq!((&outputs["id"], &outputs["size"]), (&made[0]["id"], &json!(3)), "{outputs}");
    assert!(outputs["password"].as_str().is_some_and(|it| it.starts_with("pw-")), "{outputs}");

    let told = effects(&core, &parked);
    assert_eq!(told[0], line(["effect", "live", "unsafe", "unknown"]), "{told:?}");
    assert!(told.contains(&line(["look", "settled", "", "unknown"])), "{told:?}");
    assert!(told.contains(&line(["look", "settled", "", "applied"])), "{told:?}");
    let text = core.run(&["journal", id(&parked)]);
    for words in ["unknown", "settled", "says that it is blind-1"] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    core.delete("adopted");
    assert!(cloud.objects().is_empty());
    replays(core);
}

/// Somebody else's object, or one of another name, is not taken for it: the next step would remove it for the one that was asked.
#[test]
fn one_object_that_differs_is_not_adopted() {
    let (cloud, core) = stocked();
    let parked = lost(&core, &cloud, "mistaken", "");
    let other = cloud.call("POST", "/v1/blind", &json!({ "name": "other", "size": 3, "labels": {} })).json();
    let refused = core.try_run(&["resolve", id(&parked), "--adopt", id(&other)]);
    assert_ne!(refused.status, 0, "{refused:?}");
    assert!(refused.stderr.contains("the lost create asked for \"mistaken\""), "{refused:?}");
    assert_eq!((core.operation("mistaken")["state"].as_str(), cloud.objects().len()), (Some("needs-attention"), 2));
}

/// Without a name in the order, the name that the object has is the driver's.
#[test]
fn one_object_without_a_name_is_adopted() {
    let (cloud, core) = stocked();
    cloud.set_faults(&json!({ "rules": [{ "method": "POST", "path-prefix": "/v1/blind", "fault": "504-after" }] }));
    core.apply(&order("nameless", &BLIND, |_| "size: 3".to_owned()));
    let parked = core.until("nameless", "needs-attention");
    let made = cloud.objects()[0].clone();
    core.run(&["resolve", id(&parked), "--adopt", id(&made)]);
    core.ready("nameless");
    assert_eq!(core.json(&["outputs", "nameless/blind"])["id"], made["id"]);
    assert_eq!(cloud.objects().len(), 1);
    replays(core);
}

/// The connection broke before anything came of it; a person has looked, and says so.
#[test]
fn none_is_there_and_it_is_begun_afresh() {
    let (cloud, core) = stocked();
    cloud.set_faults(&json!({ "rules": [{ "method": "POST", "path-prefix": "/v1/blind", "fault": "drop-before" }] }));
    core.apply(&order("afresh", &BLIND, |_| "name: afresh, size: 3".to_owned()));
    let parked = core.until("afresh", "needs-attention");
    assert!(cloud.objects().is_empty());
    core.run(&["resolve", id(&parked), "--retry"]);
    core.ready("afresh");
    assert_eq!((cloud.events("make", "afresh").len(), cloud.objects().len()), (1, 1));
    core.delete("afresh");
    assert!(cloud.objects().is_empty());
    replays(core);
}

/// Given up: it says what it leaves, and what comes later does not begin as if nothing had been.
#[test]
fn it_is_given_up_and_may_be_ordered_again() {
    let (cloud, core) = stocked();
    let parked = lost(&core, &cloud, "given-up", "");
    let said = core.run(&["resolve", id(&parked), "--abandon"]);
    assert!(said.contains("failed") || said.contains("given up"), "{said}");
    let failed = core.until("given-up", "failed");
    assert_eq!((&failed["id"], &failed["effect"]), (&parked["id"], &json!("unknown")));
    assert_eq!(cloud.objects().len(), 1);

    // The same order once more: what was begun cannot be looked for, so a person is asked again, and can say it now.
    core.apply(&order("given-up", &BLIND, |_| "name: given-up, size: 4".to_owned()));
    let again = core.until("given-up", "needs-attention");
    assert_ne!(again["id"], parked["id"]);
    assert_eq!(again["reason"], "CREATE_OUTCOME_UNKNOWN", "{again}");
    let object = cloud.objects()[0].clone();
    core.run(&["resolve", id(&again), "--adopt", id(&object)]);
    core.ready("given-up");
    assert_eq!((cloud.events("make", "given-up").len(), cloud.objects()[0]["size"].as_u64()), (1, Some(4)));
    core.delete("given-up");
    assert!(cloud.objects().is_empty());
    replays(core);
}

/// Given up, and to be deleted: a person has removed by hand what was there.
#[test]
fn it_is_given_up_and_deleted() {
    let (cloud, core) = stocked();
    let parked = lost(&core, &cloud, "forgotten", "");
    core.run(&["resolve", id(&parked), "--abandon"]);
    core.until("forgotten", "failed");
    let object = cloud.objects()[0].clone();
    assert_eq!(cloud.call("DELETE", &format!("/v1/blind/{}", id(&object)), &Value::Null).status, 200);
    core.run(&["delete", "order", "forgotten", "--allow-destroy"]);
    let parked = core.until("forgotten", "needs-attention");
    core.run(&["resolve", id(&parked), "--retry"]);
    until("the order is gone", || core.json(&["get", "orders"]).as_array().is_some_and(Vec::is_empty));
    assert_eq!(cloud.events("make", "forgotten").len(), 1);
}

/// A create that may be sent again tells which of its lines are old and which are new.
#[test]
fn what_is_repeated_and_what_is_replayed_is_told() {
    let (cloud, core) = stocked();
    // The object is made; the answers to its second part and to its password are lost.
    cloud.set_faults(&json!({ "rules": [
        { "method": "PUT", "path-prefix": "/v1/named/told/parts/1", "fault": "drop-after" },
    ] }));
    core.apply(&order("told", &[("cloud-named", "named")], |_| "name: told, size: 1, parts: 2".to_owned()));
    core.ready("told");
    let told = effects(&core, &core.operation("told"));
    let live = line(["effect", "live", "idempotent", "applied"]);
    let replayed = line(["effect", "replayed", "idempotent", "applied"]);
    let unknown = line(["effect", "live", "idempotent", "unknown"]);
    // The driver looks again before it puts a part, and finds that it is there.
    assert_eq!(told[..5], [live.clone(), live, unknown, replayed.clone(), replayed], "{told:?}");
    assert_eq!(cloud.events("part", "told").len(), 2);

    cloud.set_faults(&json!({ "rules": [{ "method": "POST", "path-prefix": "/v1/keyed", "fault": "drop-after" }] }));
    core.apply(&order("key", &[("cloud-keyed", "keyed")], |_| "name: key, size: 1".to_owned()));
    core.ready("key");
    let told = effects(&core, &core.operation("key"));
    let expected = [line(["effect", "live", "keyed", "unknown"]), line(["effect", "reissued", "keyed", "applied"])];
    assert_eq!(told, expected);
    assert_eq!((cloud.events("make", "key").len(), cloud.events("replay", "key").len()), (1, 1));
    let text = core.run(&["journal", id(&core.operation("key"))]);
    assert!(text.contains("reissued"), "{text}");
    replays(core);
}

/// The cloud has made it, and answers slowly: the core knows that it has asked.
#[test]
fn killed_while_the_answer_is_on_its_way() {
    let (cloud, mut core) = stocked();
    let slow = json!({ "method": "POST", "path-prefix": "/v1/blind", "fault": { "delay-after-ms": 5_000 } });
    cloud.set_faults(&json!({ "rules": [slow] }));
    core.apply(&order("asked", &BLIND, |_| "name: asked, size: 1".to_owned()));
    until("it is made", || cloud.objects().len() == 1);
    core.kill();
    core.restart();
    let mut operation = Value::Null;
    until("it is done, or stops", || {
        operation = core.operation("asked");
        matches!(operation["state"].as_str(), Some("succeeded" | "needs-attention"))
    });
    let made = cloud.events("make", "asked").len();
    assert_eq!((made, &operation["reason"]), (1, &json!("CREATE_OUTCOME_UNKNOWN")), "{operation}");
}

/// The answer came, and the driver looks at what it has made: the core knows that it has been answered.
#[test]
fn killed_behind_the_answer() {
    let (cloud, mut core) = stocked();
    let slow = json!({ "method": "GET", "path-prefix": "/v1/blind/", "fault": { "delay-after-ms": 5_000 } });
    cloud.set_faults(&json!({ "rules": [slow] }));
    core.apply(&order("answered", &BLIND, |_| "name: answered, size: 1".to_owned()));
    until("it is made, and looked at", || cloud.faults_done("delay-after") == 1);
    core.kill();
    core.restart();
    let mut operation = Value::Null;
    until("it is done, or stops", || {
        operation = core.operation("answered");
        matches!(operation["state"].as_str(), Some("succeeded" | "needs-attention"))
    });
    assert_eq!((&operation["state"], cloud.events("make", "answered").len()), (&json!("succeeded"), 1), "{operation}");
    replays(core);
}

/// Lists show it a second later: until then nobody knows that it is not there.
#[test]
fn what_is_not_shown_yet_is_not_made_again() {
    let cloud = Cloud::start(&["--visible-after-ms", "1000"]);
    let core = Core::start(&["fakecloud"]);
    core.apply(&cloud.platform());
    let lost = json!({ "method": "POST", "path-prefix": "/v1/labelled", "fault": "drop-after" });
    cloud.set_faults(&json!({ "rules": [lost] }));
    core.apply(&order("hidden", &TYPES[2..3], |_| "name: hidden, size: 1".to_owned()));
    core.ready("hidden");
    assert_eq!((cloud.events("make", "hidden").len(), cloud.objects().len()), (1, 1));
    replays(core);
}

/// A look that began before lists showed it says nothing, however late it is answered.
#[test]
fn what_was_not_shown_when_it_was_looked_for_is_not_made_again() {
    let cloud = Cloud::start(&["--visible-after-ms", "1000"]);
    let core = Core::start(&["fakecloud"]);
    core.apply(&cloud.platform());
    let lost = json!({ "method": "POST", "path-prefix": "/v1/labelled", "fault": "drop-after" });
    let slow = json!({ "method": "GET", "path-prefix": "/v1/labelled", "fault": { "delay-after-ms": 3_000 } });
    cloud.set_faults(&json!({ "rules": [lost, slow] }));
    core.apply(&order("late", &TYPES[2..3], |_| "name: late, size: 1".to_owned()));
    core.ready("late");
    let done = ["drop-after", "delay-after"].map(|fault| cloud.faults_done(fault));
    assert_eq!((done, cloud.events("make", "late").len(), cloud.objects().len()), ([1, 1], 1, 1));
    replays(core);
}

/// What was refused once is asked anew, and not told from the journal for ever.
#[test]
fn what_was_refused_is_asked_again() {
    let (cloud, core) = stocked();
    let busy = json!({ "method": "PUT", "path-prefix": "/v1/named", "fault": "429" });
    cloud.set_faults(&json!({ "rules": [busy] }));
    core.apply(&order("busy", &TYPES[..1], |_| "name: busy, size: 1".to_owned()));
    let mut operation = Value::Null;
    until("the second attempt has ended", || {
        operation = core.operation("busy");
        let ended = |it: &&Value| it["kind"] == "end";
        operation["done"] == true || core.journal(&operation).iter().filter(ended).count() > 1
    });
    assert_eq!((&core.operation("busy")["state"], cloud.objects().len()), (&json!("succeeded"), 1), "{operation}");
    replays(core);
}
