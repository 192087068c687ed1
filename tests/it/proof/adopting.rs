//! Objects that were there before vend, taken under management: five hundred at once, and those that cannot be.

use serde_json::json;

use super::core::Core;
use super::postgres::server::{READER, WRITER, ask, platform};
use crate::support::fakecloud::Cloud;
use crate::support::postgres::{PASSWORD, SUPERUSER, Server as Postgres, binary};

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

/// Databases that were made by hand, each with the role that owns it.
fn by_hand(server: &Postgres, count: usize) {
    let role = |number: usize| format!("CREATE ROLE \"old_{number:03}\" LOGIN; GRANT \"old_{number:03}\" TO vend;");
    ask(server, &(0..count).map(role).collect::<String>());
    let url = format!("postgres://{SUPERUSER}:{PASSWORD}@127.0.0.1:{}/postgres", server.port);
    // CREATE DATABASE stands alone: one session says them one after the other.
    let made = (0..count).map(|it| {
        format!("CREATE DATABASE \"old_{it:03}\" OWNER \"old_{it:03}\" TEMPLATE template0 STRATEGY file_copy;\n")
    });
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), made.collect::<String>()).expect("written");
    let mut psql = std::process::Command::new(binary("psql"));
    let path = file.path().display().to_string();
    let ran =
        psql.args([&url, "-v", "ON_ERROR_STOP=1", "-q", "-f", &path]).current_dir("/").output().expect("psql runs");
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn five_hundred_databases_are_discovered_and_adopted_by_one_file() {
    const COUNT: usize = 500;
    let server = Postgres::start();
    for (name, password, may) in [("vend", WRITER, "CREATEDB CREATEROLE"), ("vend_ro", READER, "")] {
        ask(&server, &format!("CREATE ROLE {name} LOGIN {may} PASSWORD '{password}'"));
    }
    by_hand(&server, COUNT);
    // Two are another core's, and one is owned by a role of another name.
    let labels =
        r#"{"vend-core":"core_other","vend-incarnation":"1","vend-resource":"res_01m8csk2hgss8gz9n9bqpm63m8"}"#;
    for name in ["old_007", "old_123"] {
        ask(&server, &format!("COMMENT ON DATABASE {name} IS '{labels}'"));
        ask(&server, &format!("COMMENT ON ROLE {name} IS '{labels}'"));
    }
    ask(&server, "ALTER DATABASE old_400 OWNER TO old_401");

    let core = Core::start(&["postgres"]);
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    core.apply(&platform(server.port));
    let wrong = core.try_run(&["discover", "postgres-database", "--connection", "elsewhere"]);
    assert!(wrong.status == 1 && wrong.stderr.contains("does not use connection `elsewhere`"), "{wrong:?}");
    let unable = core.try_run(&["discover", "postgres-credentials"]);
    assert!(unable.status == 1 && unable.stderr.contains("(VERB_UNSUPPORTED)"), "{unable:?}");

    let found = core.try_run(&["discover", "postgres-database", "--connection", "pg-dev", "-o", "yaml"]);
    assert_eq!(found.status, 0, "{found:?}");
    for (name, reason) in
        [("old_007", "FOREIGN_OBJECT_EXISTS"), ("old_123", "FOREIGN_OBJECT_EXISTS"), ("old_400", "NOT_FOUND")]
    {
        let line = found.stderr.lines().find(|line| line.contains(&format!("left out `{name}`")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{name}: {}", found.stderr);
    }
    assert_eq!(found.stdout.matches("adopt: ").count(), COUNT - 3);
    let file = core.file("adopted.yaml", &found.stdout);
    let plan = core.json(&["plan", "-f", &file]);
    let resources = plan["plans"][0]["resources"].as_array().expect("resources");
    let changes = |it: &serde_json::Value| {
        let all = it["changes"].as_array().into_iter().flatten();
        all.map(|it| it["pointer"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(resources.len(), COUNT - 3);
    for it in resources {
        // Nothing but the label by which it is known from then on.
        assert_eq!((it["action"].as_str(), changes(it)), (Some("adopt"), vec!["\"/labels\"".to_owned()]), "{it}");
    }
    core.run(&["apply", "-f", &file, "--wait", "--timeout", "5m"]);
    let again = core.try_run(&["plan", "-f", &file, "--detailed-exitcode"]);
    assert_eq!(again.status, 0, "{}", again.stdout);
    let listed = core.json(&["discover", "postgres-database"]);
    let owned = listed.as_array().expect("a list").iter().filter(|it| it["resource"].is_string()).count();
    assert_eq!(owned, COUNT - 3);

    // Two that are somebody else's are refused by name.
    let foreign = "{ apiVersion: vend/v1, kind: Order, name: foreign, resources: { \
        a: { type: postgres-database, adopt: old_007, params: { name: old_007 } } } }\n";
    let refused = core.try_run(&["plan", "-f", &core.file("foreign.yaml", foreign)]);
    assert!(refused.status == 1 && refused.stderr.contains("old_007"), "{refused:?}");
    core.run(&["release", "adopted/old-001", "--yes"]);
    assert_eq!(ask(&server, "SELECT count(*) FROM pg_database WHERE datname = 'old_001'"), "1");
    let free = core.json(&["discover", "postgres-database"]);
    let one = free.as_array().expect("a list").iter().find(|it| it["external-id"] == "old_001").expect("it is there");
    assert_eq!(one["adoptable"], false, "its labels say whose it was: {one}");
}
