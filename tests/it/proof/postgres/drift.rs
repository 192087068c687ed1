//! What changes behind the back of the core: seen within the interval of its type, told, and brought back where the recipe says so.

use std::time::Duration;

use serde_json::{Value, json};

use super::gate::{Gate, Rule};
use super::server::{READER, WRITER, ask, count, order, platform, server};
use crate::proof::core::{Core, until};

const INTERVAL: Duration = Duration::from_secs(2);

/// `drift`: of the recipe.
fn stock(core: &Core, port: u16, drift: &str) {
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    core.apply(&documents(port, drift));
}

fn documents(port: u16, drift: &str) -> String {
    let platform = platform(port).replace("holds-data: true", "holds-data: true\nobserve: { interval: 2s }");
    platform.replace("driver: postgres@^0.1", &format!("driver: postgres@^0.1\ndrift: {drift}"))
}

fn set_limit(name: &str, limit: i32) {
    ask(server(), &format!("ALTER DATABASE {name} CONNECTION LIMIT {limit}"));
}

fn limit(name: &str) -> String {
    ask(server(), &format!("SELECT datconnlimit FROM pg_database WHERE datname = '{name}'"))
}

fn resource(core: &Core, order: &str) -> Value {
    core.json(&["get", "resource", &format!("{order}/db")])
}

fn condition(core: &Core, order: &str, kind: &str) -> Option<Value> {
    let shown = resource(core, order);
    let all = shown["conditions"].as_array().expect("a list").clone();
    all.into_iter().find(|it| it["type"] == kind && it["status"] == true)
}

fn wait_for(core: &Core, order: &str, what: &str) {
    core.run(&["wait", &format!("resource/{order}/db"), "--for", what, "--timeout", "2m"]);
}

#[test]
fn what_somebody_else_changed_is_told_and_left_alone() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port, "report");
    core.apply(&order("reported"));
    core.ready("reported");
    let watch = core.watch();
    set_limit("reported", 5);
    wait_for(&core, "reported", "drifted");
    let drifted = condition(&core, "reported", "Drifted").expect("it is");
    assert!(drifted["message"].as_str().expect("text").contains("/params/connection-limit: 20 → 5"), "{drifted}");
    assert!(drifted["since"].is_string(), "{drifted}");
    assert!(resource(&core, "reported")["observe-time"].is_string());
    assert!(core.run(&["get", "resources"]).contains("ready (drifted)"));
    assert!(core.run(&["describe", "resource", "reported/db"]).contains("type=Drifted"));
    let ran = core.try_run(&["refresh", "reported", "--detailed-exitcode"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stdout.contains("/params/connection-limit   20        5"), "{ran:?}");
    std::thread::sleep(2 * INTERVAL);
    assert_eq!(limit("reported"), "5", "it is only reported");
    assert!(condition(&core, "reported", "ObservationInconclusive").is_none());
    set_limit("reported", 20);
    until("it is as it was applied again", || condition(&core, "reported", "Drifted").is_none());
    let said = watch.end();
    let told = said.lines().filter(|line| line.contains("Drifted: /params/connection-limit")).count();
    assert_eq!(told, 1, "once, not with each look: {said}");
    assert!(said.contains("as it was applied"), "{said}");
    assert_eq!(core.run(&["refresh", "--all"]).matches("ready").count(), 1);
    // Whoever applies the order again is shown it, and has it mended.
    set_limit("reported", 6);
    wait_for(&core, "reported", "drifted");
    let file = core.file("reported.yaml", &order("reported"));
    let planned = core.json(&["plan", "-f", &file]);
    let planned = &planned["plans"][0]["resources"][0];
    assert_eq!((&planned["action"], &planned["drifted"]), (&json!("update"), &json!(["/params/connection-limit"])));
    let shown = core.run(&["plan", "-f", &file]);
    assert!(shown.contains("~ /params/connection-limit: 6 → 20  # drifted"), "{shown}");
    core.run(&["apply", "-f", &file, "--wait"]);
    assert_eq!(limit("reported"), "20");
    assert!(core.run(&["plan", "-f", &file]).ends_with("nothing to do\n"));
    core.delete("reported");
}

#[test]
fn what_drifts_is_brought_back_where_the_recipe_says_so() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port, "correct");
    core.apply(&order("corrected"));
    core.ready("corrected");
    let before = core.json(&["get", "order", "corrected"]);
    set_limit("corrected", 5);
    until("it is corrected", || limit("corrected") == "20");
    let operation = core.until("corrected", "succeeded");
    let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("verb"), text("principal")), ("update".into(), "system:engine".into()), "{operation}");
    let after = core.json(&["get", "order", "corrected"]);
    assert_eq!(before["status"]["generation"], after["status"]["generation"], "nothing else is desired");
    let audit = core.run(&["get", "audit", "-o", "wide"]);
    assert!(audit.contains("resources.correct") && audit.contains("corrects /params/connection-limit"), "{audit}");
    // What does not hold is told, and not fought over.
    set_limit("corrected", 6);
    wait_for(&core, "corrected", "drifted");
    let told = condition(&core, "corrected", "Drifted").expect("it is").to_string();
    assert!(told.contains("corrected once, which did not hold"), "{told}");
    core.run(&["pause", "order", "corrected"]);
    set_limit("corrected", 7);
    std::thread::sleep(4 * INTERVAL);
    assert_eq!(limit("corrected"), "7", "what is paused is only reported");
    core.run(&["resume", "order", "corrected"]);
    until("it is corrected again", || limit("corrected") == "20");
    until("it is told", || condition(&core, "corrected", "Drifted").is_none());
    // A recipe that says otherwise is heard at once.
    core.apply(&documents(server().port, "report"));
    set_limit("corrected", 8);
    wait_for(&core, "corrected", "drifted");
    std::thread::sleep(3 * INTERVAL);
    assert_eq!(limit("corrected"), "8");
    core.delete("corrected");
}

#[test]
fn another_spelling_is_no_drift() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port, "report");
    let document = order("spelled")
        .replace("params: { name: spelled }", "params: { name: spelled, extensions: [plpgsql], connection-limit: 20 }");
    core.apply(&document);
    core.ready("spelled");
    until("somebody has looked", || resource(&core, "spelled")["observe-time"].is_string());
    assert!(condition(&core, "spelled", "Drifted").is_none());
    assert_eq!(core.json(&["refresh", "spelled/db"])["drift"], serde_json::json!([]));
    core.delete("spelled");
}

#[test]
fn a_server_that_is_away_says_nothing_about_what_it_has() {
    let gate = Gate::start(server().port, Rule::Open);
    let core = Core::start(&["postgres"]);
    stock(&core, gate.port, "correct");
    core.apply(&order("unseen"));
    core.ready("unseen");
    let outputs = core.json(&["outputs", "unseen/db"]);
    until("somebody has looked", || resource(&core, "unseen")["observe-time"].is_string());
    gate.set(Rule::Refuse { user: "vend_ro" });
    until("nobody can tell", || condition(&core, "unseen", "ObservationInconclusive").is_some());
    let told = condition(&core, "unseen", "ObservationInconclusive").expect("it is");
    assert_eq!(told["reason"], "BACKEND_UNAVAILABLE", "{told}");
    assert!(told["message"].as_str().expect("text").contains("last seen at"), "{told}");
    let shown = resource(&core, "unseen");
    assert_eq!((shown["state"].as_str(), &shown["outputs"]), (Some("ready"), &core.json(&["outputs", "unseen/db"])));
    assert_eq!(core.json(&["outputs", "unseen/db"]), outputs);
    assert!(condition(&core, "unseen", "Missing").is_none());
    gate.set(Rule::Open);
    until("it is seen again", || condition(&core, "unseen", "ObservationInconclusive").is_none());
    core.delete("unseen");
}

#[test]
fn what_is_gone_is_missing_until_somebody_applies() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port, "correct");
    core.apply(&order("missed"));
    core.ready("missed");
    ask(server(), "DROP DATABASE missed");
    ask(server(), "DROP ROLE missed");
    wait_for(&core, "missed", "missing");
    let ready = condition(&core, "missed", "Ready");
    assert!(ready.is_none(), "{ready:?}");
    std::thread::sleep(2 * INTERVAL);
    assert_eq!(count("missed"), ("0".into(), "0".into()), "nobody makes it by themselves");
    let plan = core.json(&["plan", "-f", &core.file("missed.yaml", &order("missed"))]);
    assert_eq!(plan["plans"][0]["resources"][0]["action"], "create", "{plan}");
    core.apply(&order("missed"));
    core.until("missed", "succeeded");
    until("it is there again", || count("missed") == ("1".into(), "1".into()));
    until("it is told", || condition(&core, "missed", "Missing").is_none());
    core.delete("missed");
}

#[test]
fn a_type_that_is_never_looked_at_is_left_alone_and_may_change_its_mind() {
    let core = Core::start(&["postgres"]);
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    let often = documents(server().port, "report");
    let never = often.replace("interval: 2s", "interval: \"off\"");
    core.apply(&never);
    core.apply(&order("ignored"));
    core.ready("ignored");
    set_limit("ignored", 5);
    std::thread::sleep(2 * INTERVAL);
    assert!(resource(&core, "ignored")["observe-time"].is_null());
    // Who asks is told, and what was seen is kept.
    assert_eq!(core.json(&["refresh", "ignored/db"])["drift"][0]["observed"], 5);
    assert!(condition(&core, "ignored", "Drifted").is_some());
    set_limit("ignored", 20);
    core.apply(&often);
    until("it is looked at after all", || condition(&core, "ignored", "Drifted").is_none());
    core.delete("ignored");
}
