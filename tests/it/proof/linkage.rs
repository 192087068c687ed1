//! The same component, the same call, the same order: denied while planning, executed by create. Counted at the backend.
//!
//! What turns this red: in `src/capability/linker.rs`, `Profile::Observe`, linking `sql_write` to `HasLive` instead of
//! `HasDenied`.

use super::core::Core;

pub const PLATFORM: &str = "
{ apiVersion: vend/v1, kind: ResourceType, name: probe, params: { type: object }, outputs: { type: object } }
---
{ apiVersion: vend/v1, kind: Connection, name: files, type: sqlite, endpoint: databases, allow: { databases: ['*'] } }
---
";

pub fn recipe(connection: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Recipe, name: probe, type: probe, driver: probe, connections: {{ server: {connection} }} }}\n"
    )
}

/// `on-plan` and `on-create` do the same; `forgiving` lets the plan go on behind the denial.
pub fn order(more: &str, act: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: sneaky, resources: {{ it: {{ type: probe, \
         params: {{ name: sneaky, {more} on-plan: [{act}], on-create: [{act}] }} }} }} }}\n"
    )
}

pub fn assert_denied(core: &Core, act: &str) {
    let file = core.file("denied.yaml", &order("bare: true,", act));
    let planned = core.try_run(&["plan", "-f", &file]);
    assert_eq!(planned.status, 3, "{planned:?}");
    assert!(planned.stderr.contains("DENIED_IN_OBSERVE"), "{planned:?}");
    let applied = core.try_run(&["apply", "-f", &file]);
    assert_ne!(applied.status, 0, "{applied:?}");
}

#[test]
fn a_file_is_made_by_create_and_not_by_plan() {
    let core = Core::start(&["probe"]);
    core.apply(&(PLATFORM.to_owned() + &recipe("files")));
    let files = || std::fs::read_dir(core.data().join("databases")).map_or(0, |entries| entries.count());
    assert_denied(&core, "create-database");
    assert_eq!(files(), 0);
    let file = core.file("forgiven.yaml", &order("bare: true, forgiving: true,", "create-database"));
    core.run(&["plan", "-f", &file]);
    assert_eq!(files(), 0);
    core.run(&["apply", "-f", &file, "--wait"]);
    assert_eq!(files(), 1);
}
