//! A backup is restored after the world has gone on: nothing is made twice, and everything that nobody remembers is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::core::Core;
use crate::support::fakecloud::Cloud;

const KINDS: [&str; 3] = ["cloud-named", "cloud-keyed", "cloud-labelled"];

/// An order of `count` resources, of the three classes that can be told from one another; the cloud's ids follow from the resources.
fn many(name: &str, count: usize, size: u32) -> String {
    let one = |n: usize| format!("  r{n}: {{ type: {}, params: {{ size: {size} }} }}\n", KINDS[n % KINDS.len()]);
    let resources: String = (0..count).map(one).collect();
    format!("apiVersion: vend/v1\nkind: Order\nname: {name}\nresources:\n{resources}")
}

/// An order of one resource of each class with a name of its own.
fn named(order: &str, name: &str) -> String {
    let one = |kind: &str| format!("  {kind}: {{ type: {kind}, params: {{ size: 1, name: {name}-{kind} }} }}\n");
    let resources: String = KINDS.into_iter().map(one).collect();
    format!("apiVersion: vend/v1\nkind: Order\nname: {order}\nresources:\n{resources}")
}

struct World {
    cloud: Cloud,
    core: Core,
}

impl World {
    fn begin() -> Self {
        let cloud = Cloud::start(&["--visible-after-ms", "500"]);
        let core = Core::start(&["fakecloud"]);
        core.apply(&cloud.platform());
        Self { cloud, core }
    }

    fn order(&self, text: &str) {
        self.core.run(&["apply", "-f", &self.core.file("order.yaml", text), "--allow-destroy"]);
    }

    fn backup(&self, name: &str) -> String {
        let file = self.core.folder().join(name).display().to_string();
        let begun = Instant::now();
        let ran = self.core.try_run(&["backup", &file]);
        let size = std::fs::metadata(&file).map_or(0, |found| found.len() >> 10);
        println!("a backup of {size} KiB took {} ms", begun.elapsed().as_millis());
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stderr.contains("the sealing key is not in it"), "{ran:?}");
        file
    }

    /// Kills the core; the next one has what the backup has.
    fn restore(&mut self, backup: &str, into: &str) {
        self.core.kill();
        let key = self.core.data().join("sealing.key").display().to_string();
        let data: PathBuf = self.core.folder().join(into);
        self.core.run(&["restore", backup, "--data", &data.display().to_string(), "--key", &key]);
        self.core.place = Some(data);
        self.core.restart();
    }

    fn verify(&self, more: &[&str], status: i32) -> Value {
        let ran = self.core.try_run(&[&["verify", "-o", "json"], more].concat());
        assert_eq!(ran.status, status, "{ran:?}");
        serde_json::from_str(&ran.stdout).expect("JSON")
    }

    /// External ids of all live objects that the ledger tells of, by resource.
    fn live(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut live: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for record in self.cloud.ledger() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (resource, id) = (text(&record["labels"]["vend-resource"]), text(&record["id"]));
            match record["event"].as_str() {
                Some("make") => drop(live.entry(resource).or_default().insert(id)),
                Some("delete") => drop(live.entry(resource).or_default().remove(&id)),
                _ => {}
            }
        }
        live.retain(|_, ids| !ids.is_empty());
        live
    }

    fn made(&self) -> usize {
        self.cloud.ledger().iter().filter(|it| it["event"] == "make").count()
    }

    fn none_twice(&self) {
        let twice: Vec<_> = self.live().into_iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}

fn ids(list: &Value, member: &str) -> BTreeSet<String> {
    let ids = list.as_array().expect("a list").iter();
    ids.map(|it| it[member].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_thousand_orders_after_the_backup_are_neither_made_again_nor_forgotten() {
    let mut world = World::begin();
    let stays = [("same", many("same", 60, 1)), ("grown", many("grown", 30, 1)), ("gone", many("gone", 30, 1))];
    for (_, order) in &stays {
        world.order(order);
    }
    world.order(&named("swapped", "before"));
    for name in ["same", "grown", "gone", "swapped"] {
        world.core.ready(name);
    }
    // Accepted before the backup, carried out after it.
    world.core.run(&["pause", "core"]);
    world.order(&many("flight", 30, 1));
    let backup = world.backup("old.backup");
    let of_backup: BTreeSet<String> = world.live().into_values().flatten().collect();
    world.core.run(&["resume", "core"]);

    let begun = Instant::now();
    let lost: Vec<(String, String)> =
        (0..10).map(|n| format!("lost-{n}")).map(|name| (name.clone(), many(&name, 100, 1))).collect();
    for (_, order) in &lost {
        world.order(order);
    }
    world.order(&many("grown", 30, 2));
    world.order(&named("swapped", "after"));
    world.order(&named("late", "late"));
    world.core.delete("gone");
    for name in lost.iter().map(|(name, _)| name.as_str()).chain(["flight", "grown", "swapped", "late"]) {
        world.core.ready(name);
    }
    println!("1,000 orders took {} ms", begun.elapsed().as_millis());
    let (before, made) = (world.live(), world.made());

    // For the figures: as it would have been now.
    world.backup("new.backup");
    world.restore(&backup, "restored");
    let status = world.core.json(&["status"]);
    let holds: Vec<_> = status["holds"].as_array().expect("a list").iter().map(|it| it["cause"].clone()).collect();
    assert_eq!(holds, [json!("pause"), json!("suspect")]);
    let begun = Instant::now();
    let report = world.verify(&[], 4);
    println!("verifying took {} ms", begun.elapsed().as_millis());
    assert_eq!(world.live(), before, "verification only looks");

    // 60 as they were, and 10 of `flight` whose key finds them.
    assert_eq!(report["confirmed"], 70, "{report}");
    // 30 that have grown, and 20 of `flight` that were found.
    assert_eq!(report["changed"], 50, "{report}");
    assert_eq!(report["gone"], 30, "{report}");
    assert_eq!((&report["unknown"], &report["suspects"]), (&json!(3), &json!(3)), "{report}");
    assert_eq!(report["unlisted"], json!([]), "{report}");
    let flight: BTreeSet<String> = ids(&world.core.json(&["get", "resources", "--order", "flight"]), "id");
    let expected: BTreeSet<String> = before
        .iter()
        .filter(|(resource, _)| !flight.contains(*resource))
        .flat_map(|(_, ids)| ids.clone())
        .filter(|id| !of_backup.contains(id))
        .collect();
    assert_eq!(expected.len(), 1_006, "a thousand, and three each of `swapped` and `late`");
    assert_eq!(ids(&report["orphans"], "external-id"), expected);

    world.core.run(&["resume", "core"]);
    world.core.ready("flight");
    assert_eq!(world.made(), made, "what had been made was found");
    // The same orders once more.
    for (_, order) in &stays {
        world.order(order);
    }
    world.order(&many("flight", 30, 1));
    for name in ["same", "grown", "gone", "flight"] {
        world.core.ready(name);
    }
    assert_eq!(world.made(), made + 30, "only what was gone is made");
    for (_, order) in &lost {
        world.order(order);
    }
    let late = world.core.try_run(&["apply", "-f", &world.core.file("order.yaml", &named("late", "late"))]);
    assert_eq!(late.status, 1, "{late:?}");
    assert!(late.stderr.contains("FOREIGN_OBJECT_EXISTS"), "the name is taken by an orphan: {late:?}");
    for (name, _) in &lost {
        world.core.ready(name);
    }
    world.none_twice();

    // Of what is still suspected there is another object: nothing is done to it before a person has decided.
    let swapped = world.core.json(&["get", "resources", "--order", "swapped"]);
    let swapped = ids(&swapped, "id");
    let two: BTreeSet<String> = world.live().into_iter().filter(|(_, ids)| ids.len() > 1).map(|(id, _)| id).collect();
    assert!(two.is_empty(), "the former objects are gone: {two:?}");
    world.order(&named("swapped", "again"));
    let waiting = world.core.json(&["get", "operations", "--order", "swapped"]);
    assert!(waiting.as_array().expect("a list").iter().any(|it| it["reason"] == "UNVERIFIED"), "{waiting}");
    for record in world.cloud.objects() {
        if record["labels"]["vend-resource"].as_str().is_some_and(|id| swapped.contains(id)) {
            let text = |member: &str| record[member].as_str().expect("text").to_owned();
            let path = format!("/v1/{}/{}", text("collection"), text("id"));
            assert_eq!(world.cloud.call("DELETE", &path, &Value::Null).status, 200);
        }
    }
    let report = world.verify(&[], 4);
    assert_eq!((&report["unknown"], &report["suspects"], &report["gone"]), (&json!(0), &json!(0), &json!(33)));
    world.core.ready("swapped");
    assert_eq!(world.core.json(&["status"])["holds"], json!([]));
    world.none_twice();
}

/// What a person has looked at may go on; and what nobody can look for waits for one.
#[test]
fn what_cannot_be_looked_for_waits_for_a_person() {
    let mut world = World::begin();
    let blind = |name: &str| {
        let resources = "resources: { one: { type: cloud-blind, params: { size: 1, name: one } } }";
        format!("{{ apiVersion: vend/v1, kind: Order, name: {name}, {resources} }}\n")
    };
    world.core.run(&["pause", "core"]);
    world.order(&blind("blind"));
    world.order(&many("keyed", 2, 1));
    let backup = world.backup("old.backup");
    world.core.run(&["resume", "core"]);
    world.core.ready("blind");
    world.core.ready("keyed");
    let made = world.made();

    world.restore(&backup, "restored");
    let report = world.verify(&[], 4);
    assert_eq!((&report["unknown"], &report["suspects"]), (&json!(1), &json!(0)), "{report}");
    world.core.run(&["resume", "core"]);
    let operation = world.core.until("blind", "needs-attention");
    assert_eq!(operation["reason"], "CREATE_OUTCOME_UNKNOWN", "{operation}");
    let object = world.cloud.objects().into_iter().find(|it| it["collection"] == "blind").expect("it was made");
    let (operation, object) = (operation["id"].as_str().expect("an id"), object["id"].as_str().expect("an id"));
    world.core.run(&["resolve", operation, "--adopt", object]);
    world.core.ready("blind");
    assert_eq!(world.cloud.objects().iter().filter(|it| it["collection"] == "blind").count(), 1);
    assert_eq!(world.made(), made);
}

/// Restored twice, and a backup of what was restored: each life has numbers of its own.
#[test]
fn a_restored_store_can_be_restored_again() {
    let mut world = World::begin();
    world.order(&many("some", 6, 1));
    world.core.ready("some");
    let first = world.backup("first.backup");
    for (n, into) in ["one", "two"].into_iter().enumerate() {
        world.restore(&first, into);
        let report = world.verify(&[], if n == 0 { 0 } else { 4 });
        assert_eq!(report["suspects"], 0, "{report}");
        world.core.run(&["resume", "core"]);
        world.order(&many("some", 6, 5 + u32::try_from(n).expect("small")));
        world.core.ready("some");
    }
    let second = world.backup("second.backup");
    world.restore(&second, "three");
    assert_eq!(world.verify(&[], 0)["confirmed"], 6);
    assert_eq!(world.live().len(), 6);
    world.none_twice();
}
