//! The same component, the same call, the same order: denied while planning, executed by create. Counted at the backend.
//!
//! What turns this red: in `src/capability/linker.rs`, `Profile::Observe`, linking `sql_write` to `HasLive` instead of
//! `HasDenied`.

use super::core::Core;
use super::server::{READER, WRITER, ask, executed, platform, server};

const PLATFORM: &str = "
{ apiVersion: vend/v1, kind: ResourceType, name: probe, params: { type: object }, outputs: { type: object } }
---
{ apiVersion: vend/v1, kind: Connection, name: files, type: sqlite, endpoint: databases, allow: { databases: ['*'] } }
---
";

fn recipe(connection: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Recipe, name: probe, type: probe, driver: probe, connections: {{ server: {connection} }} }}\n"
    )
}

/// `on-plan` and `on-create` do the same; `forgiving` lets the plan go on behind the denial.
fn order(more: &str, act: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: sneaky, resources: {{ it: {{ type: probe, \
         params: {{ name: sneaky, {more} on-plan: [{act}], on-create: [{act}] }} }} }} }}\n"
    )
}

fn is_denied(core: &Core, act: &str, more: &str) {
    let file = core.file("denied.yaml", &order(more, act));
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
    is_denied(&core, "create-database", "bare: true,");
    assert_eq!(files(), 0);
    let file = core.file("forgiven.yaml", &order("bare: true, forgiving: true,", "create-database"));
    core.run(&["plan", "-f", &file]);
    assert_eq!(files(), 0);
    core.run(&["apply", "-f", &file, "--wait"]);
    assert_eq!(files(), 1);
}

#[test]
fn a_server_is_asked_to_write_by_create_and_not_by_plan() {
    ask(server(), "CREATE TABLE linkage (at INT); GRANT ALL ON linkage TO vend, vend_ro");
    let core = Core::start(&["probe"]);
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    let example = platform(server().port);
    core.apply(example.split("\n---\n").find(|it| it.contains("kind: Connection")).expect("a connection"));
    core.apply(&(PLATFORM.to_owned() + &recipe("pg-dev")));
    const ACT: &str = "{ transact: ['INSERT INTO public.linkage VALUES (1)'] }";
    let rows = || ask(server(), "SELECT count(*) FROM linkage");
    let sent = || executed("INSERT INTO public.linkage");
    is_denied(&core, ACT, "bare: true,");
    let file = core.file("forgiven.yaml", &order("bare: true, forgiving: true,", ACT));
    core.run(&["plan", "-f", &file]);
    assert_eq!((rows(), sent()), ("0".into(), 0));
    // Applying plans once more.
    core.run(&["apply", "-f", &file, "--wait"]);
    assert_eq!((rows(), sent()), ("1".into(), 1));
}
