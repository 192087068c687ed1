//! Objects that were there before vend, taken under management: five hundred at once, and those that cannot be.

use serde_json::json;

use super::core::Core;
use crate::support::fakecloud::Cloud;

fn order(name: &str, resources: &[String]) -> String {
    format!("{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ {} }} }}\n", resources.join(", "))
}

fn adopts(key: &str, id: &str, size: u32, more: &str) -> String {
    format!("{key}: {{ type: cloud-named, adopt: {id}, params: {{ name: {id}, size: {size} }}{more} }}")
}

fn legacy(cloud: &Cloud, id: &str, labels: serde_json::Value) {
    let made = cloud.call("PUT", &format!("/v1/named/{id}"), &json!({ "name": id, "size": 1, "labels": labels }));
    assert!(made.status < 300, "{made:?}");
}

#[test]
fn five_hundred_are_one_order_and_one_plan() {
    let (cloud, core) = (Cloud::start(&[]), Core::start(&["fakecloud"]));
    core.apply(&cloud.platform());
    let mut entries = Vec::new();
    for number in 0..500 {
        let id = format!("legacy-{number}");
        legacy(&cloud, &id, json!({}));
        entries.push(adopts(&format!("it-{number}"), &id, if number == 7 { 2 } else { 1 }, ""));
    }
    let file = core.file("order.yaml", &order("legacy", &entries));
    let plan = core.json(&["plan", "-f", &file]);
    let resources = plan["plans"][0]["resources"].as_array().expect("resources");
    assert_eq!(resources.iter().filter(|it| it["action"] == "adopt").count(), 500);
    let seven = resources.iter().find(|it| it["key"] == "it-7").expect("the seventh");
    let size = json!({ "pointer": "/params/size", "before": 1, "after": 2 });
    assert!(seven["changes"].as_array().is_some_and(|it| it.contains(&size)), "{seven}");
    assert_eq!(cloud.events("change", "legacy-7").len(), 0, "a plan changes nothing");

    core.run(&["apply", "-f", &file, "--wait", "--timeout", "5m"]);
    core.ready("legacy");
    assert_eq!(cloud.objects().len(), 500);
    for number in [0, 7, 499] {
        let name = format!("legacy-{number}");
        // Its labels and what differs in one, and a password that is known.
        assert_eq!((cloud.events("make", &name).len(), cloud.events("change", &name).len()), (1, 2), "{name}");
    }
    let again = core.json(&["plan", "-f", &file]);
    let nothing = again["plans"][0]["resources"].as_array().expect("resources").iter().all(|it| it["action"] == "none");
    assert!(nothing, "{again}");
    let resource = core.json(&["get", "resource", "legacy/it-7"]);
    assert_eq!((&resource["external-id"], &resource["adopted"]), (&json!("legacy-7"), &json!("legacy-7")));
}

#[test]
fn what_is_not_there_or_somebody_elses_is_not_adopted() {
    let (cloud, core) = (Cloud::start(&[]), Core::start(&["fakecloud"]));
    core.apply(&cloud.platform());
    legacy(&cloud, "theirs", json!({ "owner": "somebody" }));
    legacy(&cloud, "free", json!({}));
    for (entries, words) in [
        (vec![adopts("it", "theirs", 1, "")], ["(FOREIGN_OBJECT_EXISTS)", "`it` adopts `theirs`"]),
        (vec![adopts("it", "missing", 1, "")], ["(NOT_FOUND)", "`it` adopts `missing`, which is not there"]),
        (
            vec![
                adopts("it", "free", 1, ""),
                "at: { type: cloud-named, adopt: free, params: { name: free, size: 1 } }".into(),
            ],
            ["(ALREADY_EXISTS)", "which `at` has already"],
        ),
    ] {
        let file = core.file("order.yaml", &order("bad", &entries));
        for command in ["plan", "apply"] {
            let refused = core.try_run(&[command, "-f", &file]);
            assert_eq!(refused.status, 1, "{refused:?}");
            assert!(words.iter().all(|it| refused.stderr.contains(it)), "{refused:?}");
            assert!(refused.stderr.contains("order.yaml:1:"), "with its place: {refused:?}");
        }
    }
    core.apply(&order("one", &[adopts("it", "free", 1, "")]));
    core.ready("one");
    let file = core.file("order.yaml", &order("two", &[adopts("it", "free", 1, "")]));
    let refused = core.try_run(&["apply", "-f", &file]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("free"), "{refused:?}");
}

/// From adoption to release nothing is written to what is only observed.
#[test]
fn what_is_only_observed_is_never_written() {
    let (cloud, core) = (Cloud::start(&[]), Core::start(&["fakecloud"]));
    core.apply(&cloud.platform());
    legacy(&cloud, "seen", json!({}));
    let with = |size| order("look", &[adopts("it", "seen", size, ", observe-only: true")]);
    core.apply(&with(1));
    core.ready("look");
    core.apply(&with(5));
    let alone = "{ apiVersion: vend/v1, kind: Order, name: bad, resources: { it: { type: cloud-named, params: { name: x, size: 1 }, observe-only: true } } }";
    let refused = core.try_run(&["apply", "-f", &core.file("bad.yaml", alone)]);
    assert!(refused.stderr.contains("(DOCUMENT_INVALID)") && refused.stderr.contains("`adopt`"), "{refused:?}");
    let said = core.run(&["delete", "order", "look", "--wait"]);
    assert!(said.contains("deleted"), "{said}");
    assert_eq!(cloud.objects().len(), 1);
    assert_eq!(cloud.events("change", "seen").len(), 0);
}
