//! `vend upgrade` as the platform team uses it, over three hundred live things; and a backend that moves house.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::core::{Core, until};
use crate::support::drivers::component_as;
use crate::support::shelf::{Shelf, Verb, connection, platform};

const ORDERS: usize = 30;
const EACH: usize = 10;

/// Served for as long as the runtime lives.
fn shelf() -> (Runtime, Shelf, u16) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let shelf = Shelf::default();
    let port = runtime.block_on(shelf.serve());
    (runtime, shelf, port)
}

fn orders(count: usize, each: usize) -> String {
    let one = |number: usize| {
        let things =
            ('a'..).take(each).map(|key| format!("{key}: {{ type: thing, params: {{ name: o{number:02}-{key}-x }} }}"));
        let things: Vec<_> = things.collect();
        format!("{{ apiVersion: vend/v1, kind: Order, name: o{number:02}, resources: {{ {} }} }}\n", things.join(", "))
    };
    (0..count).map(one).collect::<Vec<_>>().join("---\n")
}

fn recipe(defaults: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Recipe, name: thing, type: thing, driver: 'shelf-000@^0', \
         connections: {{ shelf: shelf }}, replace: delete-first, params: {{ defaults: {{ {defaults} }} }} }}\n"
    )
}

/// Things of this size.
fn sized(shelf: &Shelf, size: u64) -> usize {
    (0..ORDERS).map(|it| shelf.things(&format!("o{it:02}")).values().filter(|it| **it == size).count()).sum()
}

fn newer(core: &Core) -> usize {
    let all = core.json(&["get", "resources"]);
    let has = |it: &&Value| {
        it["conditions"].as_array().is_some_and(|it| it.iter().any(|it| it["type"] == "MaintenanceAvailable"))
    };
    all.as_array().expect("a list").iter().filter(has).count()
}

#[test]
fn three_hundred_move_when_they_are_told_to_and_stop_at_a_failure() {
    let ((_runtime, shelf, port), core) = (shelf(), Core::start(&["shelf"]));
    core.apply(&platform(port, 64));
    let file = core.file("orders.yaml", &orders(ORDERS, EACH));
    core.run(&["apply", "-f", &file, "--wait", "--timeout", "5m"]);
    assert_eq!(sized(&shelf, 1), 300);

    let changed = core.file("recipe.yaml", &recipe("size: 2"));
    let said = core.run(&["apply", "-f", &changed]);
    let told = "300 resources stay pinned to revision 1; upgrading would update 300: `vend upgrade --recipe thing`";
    assert!(said.contains(told), "{said}");
    assert_eq!(core.run(&["apply", "-f", &changed]), "recipe/thing unchanged\nnothing to do\n");
    let planned = core.run(&["plan", "-f", &file]);
    assert!(planned.ends_with("nothing to do\n"), "{planned}");
    assert_eq!((newer(&core), sized(&shelf, 2)), (300, 0));

    let refused = core.try_run(&["upgrade", "--canary", "5"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    for words in ["Upgrade 5 resources of 1 order: 5 to update", "(PLAN_REQUIRED)", "pass --yes", "thing@1"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    let dry = core.json(&["upgrade", "--dry-run", "--recipe", "thing"]);
    assert_eq!(dry.as_array().map(Vec::len), Some(ORDERS));
    assert_eq!(core.run(&["upgrade", "--recipe", "other"]), "nothing to upgrade\n");
    assert_eq!(sized(&shelf, 2), 0);

    let canary = core.try_run(&["upgrade", "--canary", "5", "--yes"]);
    assert_eq!(canary.status, 0, "{canary:?}");
    assert!(canary.stderr.contains("295 resources wait"), "{canary:?}");
    assert_eq!((newer(&core), sized(&shelf, 2)), (295, 5));

    // One order cannot be moved: what has begun ends, and no other begins.
    shelf.refuse("o03", [(Verb::Put, 'f')]);
    let halted = core.try_run(&["upgrade", "--yes", "--parallel", "1"]);
    assert_eq!(halted.status, 1, "{halted:?}");
    for words in ["error: order/o03 failed", "f: failed", "not today", "260 resources were not begun"] {
        assert!(halted.stderr.contains(words), "{words}: {halted:?}");
    }
    assert_eq!(sized(&shelf, 2), 39);
    shelf.refuse("o03", []);

    // What has failed is current, and mended by its order; the rest moves.
    let mended = core.file("o03.yaml", orders(4, EACH).split("---\n").last().expect("the fourth"));
    core.run(&["apply", "-f", &mended, "--wait"]);
    core.run(&["upgrade", "--yes", "--type", "thing", "--timeout", "5m"]);
    assert_eq!((newer(&core), sized(&shelf, 2)), (0, 300));
    assert_eq!(core.run(&["upgrade", "--yes"]), "nothing to upgrade\n");
    core.run(&["upgrade", "o07", "o08/b", "--to", "thing@1", "--yes"]);
    assert_eq!((newer(&core), sized(&shelf, 1)), (11, 11));
}

#[test]
fn a_driver_is_upgraded_and_rolled_back_under_what_it_has_made() {
    let ((_runtime, shelf, port), core) = (shelf(), Core::start(&["shelf"]));
    core.apply(&platform(port, 64));
    core.apply(&recipe("size: 1"));
    core.run(&["apply", "-f", &core.file("orders.yaml", &orders(2, 2)), "--wait"]);
    let newer_driver = core.folder().join("shelf-2.wasm");
    std::fs::write(&newer_driver, component_as("shelf", "0.2.0")).expect("written");
    core.run(&["driver", "install", &newer_driver.display().to_string()]);
    assert_eq!(newer(&core), 4);
    for order in ["o00", "o01"] {
        shelf.done(order);
    }
    core.run(&["upgrade", "--driver", "shelf-000", "--yes"]);
    let digests = |core: &Core| {
        let all = core.json(&["get", "resources"]);
        let all = all.as_array().expect("a list").iter().map(|it| it["driver-digest"].to_string());
        all.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((newer(&core), digests(&core)), (0, 1));
    core.run(&["upgrade", "o01", "--to", "shelf-000@0.1.0", "--yes"]);
    assert_eq!((newer(&core), digests(&core)), (2, 2));
    assert_eq!((shelf.done("o00"), shelf.done("o01")), (Vec::new(), Vec::new()), "nothing was done to a thing");
    for order in ["o00", "o01"] {
        core.delete(order);
    }
    assert_eq!(sized(&shelf, 1), 0);
}

#[test]
fn a_backend_that_has_moved_is_said_to_and_read_anew() {
    let ((runtime, shelf, port), core) = (shelf(), Core::start(&["shelf"]));
    core.apply(&platform(port, 64));
    core.run(&["apply", "-f", &core.file("orders.yaml", &orders(1, 2)), "--wait"]);
    let elsewhere = core.file("moved.yaml", &connection(runtime.block_on(shelf.serve()), 64));
    for command in ["plan", "apply"] {
        let refused = core.try_run(&[command, "-f", &elsewhere]);
        assert_eq!(refused.status, 3, "{refused:?}");
        assert!(refused.stderr.contains("(IN_USE)") && refused.stderr.contains("--moved"), "{refused:?}");
    }
    let doubted = |core: &Core| {
        let it = core.json(&["get", "resource", "o00/a"]);
        let found =
            it["conditions"].as_array().expect("a list").iter().find(|it| it["type"] == "ObservationInconclusive");
        found.map(|it| it["reason"].clone())
    };
    // Nobody answers there: so it stays in doubt until somebody does.
    let nobody = core.file("nobody.yaml", &connection(1, 64));
    let said = core.run(&["apply", "-f", &nobody, "--moved"]);
    assert!(said.contains("2 resources are looked at where it leads now"), "{said}");
    assert!(doubted(&core).is_some_and(|it| it == json!("CONNECTION_MOVED") || it == json!("BACKEND_UNAVAILABLE")));
    core.run(&["apply", "-f", &elsewhere, "--moved"]);
    until("it was read where it is now", || doubted(&core).is_none());
    core.delete("o00");
    assert_eq!(sized(&shelf, 1), 0);
}
