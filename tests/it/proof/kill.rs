//! kill -9 of the core at the places where it matters. What exists and what was sent is counted on the servers.

use serde_json::Value;

use super::core::{Core, demo_platform, until};
use super::gate::{Gate, Rule};
use super::server::{assert_usable, count, executed, order, server, stock};

const ONE: usize = 1;

fn both() -> (String, String) {
    ("1".into(), "1".into())
}

fn none() -> (String, String) {
    ("0".into(), "0".into())
}

/// Lines of a story that tell of a write with `text` in it.
fn writes<'a>(story: &'a [Value], text: &str) -> Vec<&'a Value> {
    let of = |it: &&Value| {
        let function = it["function"].as_str().unwrap_or_default();
        it["kind"] == "effect"
            && function.starts_with("sql-write.")
            && it["request"].to_string().replace("\\\"", "\"").contains(text)
    };
    story.iter().filter(of).collect()
}

#[test]
fn killed_while_it_waits_for_a_server_that_is_down() {
    let gate = Gate::start(server().port, Rule::Refuse { user: "vend" });
    let mut core = Core::start(&["postgres"]);
    stock(&core, gate.port);
    core.apply(&order("waiting"));
    let waiting = core.until("waiting", "waiting");
    assert_eq!(waiting["reason"], "BACKEND_UNAVAILABLE", "{waiting}");
    core.kill();
    assert_eq!(count("waiting"), none());
    gate.set(Rule::Open);
    core.restart();
    core.ready("waiting");
    assert_eq!((count("waiting"), executed("CREATE DATABASE \"waiting\"")), (both(), ONE));
    assert_eq!(executed("CREATE ROLE \"waiting\""), ONE);
    assert_usable(&core, "waiting");
    core.delete("waiting");
    assert_eq!(count("waiting"), none());
}

#[test]
fn killed_while_it_waits_for_what_takes_its_time() {
    let mut core = Core::start(&["slow"]);
    core.apply(&demo_platform("slow"));
    core.apply(
        "{ apiVersion: vend/v1, kind: Order, name: tortoise, \
         resources: { db: { type: slow-database, params: { name: tortoise, seconds: 4 } } } }",
    );
    core.until("tortoise", "waiting");
    core.kill();
    core.restart();
    core.ready("tortoise");
    let file = rusqlite::Connection::open(core.data().join("databases/tortoise.db")).expect("the database");
    let made: i64 = file.query_row("SELECT count(*) FROM created", [], |row| row.get(0)).expect("counted");
    assert_eq!(made, 1);
}

/// The answer to the write with `text` is known to the core, and nothing after it has happened.
fn killed_behind(name: &'static str, text: &'static str) {
    // The driver looks, with the reading user, after each write.
    let gate = Gate::start(server().port, Rule::HoldRequests { user: "vend_ro", text });
    let mut core = Core::start(&["postgres"]);
    stock(&core, gate.port);
    core.apply(&order(name));
    let mut operation = Value::Null;
    until("the answer is in the journal", || {
        operation = core.operation(name);
        let story = core.journal(&operation);
        writes(&story, text).iter().any(|it| it["outcome"] == "applied")
    });
    assert_eq!(operation["state"], "running", "{operation}");
    core.kill();
    assert_eq!(executed(text), ONE);
    gate.set(Rule::Open);
    core.restart();
    core.ready(name);
    assert_eq!((count(name), executed(text)), (both(), ONE));

    let story = core.journal(&operation);
    let told: Vec<_> = writes(&story, text)
        .iter()
        .map(|it| (it["attempt"].clone(), it["origin"].clone(), it["outcome"].clone()))
        .collect();
    let line = |attempt: u32, origin: &str| (attempt.into(), origin.into(), "applied".into());
    assert_eq!(told, [line(1, "live"), line(2, "replayed")], "{story:#?}");
    assert_usable(&core, name);
    core.delete(name);
    assert_eq!(count(name), none());
}

#[test]
fn killed_after_the_database_was_answered_and_before_the_steps_result() {
    killed_behind("answered", "CREATE DATABASE \"answered\"");
}

#[test]
fn killed_after_the_role_was_answered_and_before_the_steps_result() {
    killed_behind("answered-role", "CREATE ROLE \"answered-role\"");
}

#[test]
fn killed_between_intent_and_answer() {
    const CREATE: &str = "CREATE DATABASE \"doubtful\"";
    let gate = Gate::start(server().port, Rule::HoldAnswer { text: CREATE });
    let mut core = Core::start(&["postgres"]);
    stock(&core, gate.port);
    core.apply(&order("doubtful"));
    until("the server has done it and its answer is held", || gate.holds() && count("doubtful") == both());
    let operation = core.operation("doubtful");
    let story = core.journal(&operation);
    let told = writes(&story, CREATE);
    assert_eq!((told.len(), &told[0]["outcome"]), (1, &Value::from("unknown")), "{story:#?}");
    core.kill();
    core.restart();
    let parked = core.until("doubtful", "needs-attention");
    assert_eq!((&parked["id"], &parked["effect"]), (&operation["id"], &"unknown".into()), "{parked}");
    assert_eq!(parked["reason"], "CREATE_OUTCOME_UNKNOWN", "{parked}");
    assert_eq!(core.try_run(&["wait", "order/doubtful", "--for", "ready", "--timeout", "3s"]).status, 4);
    // Parked means parked: not by another restart either.
    core.kill();
    gate.set(Rule::Open);
    core.restart();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(core.operation("doubtful")["state"], "needs-attention");
    assert_eq!((count("doubtful"), executed(CREATE)), (both(), ONE));

    core.run(&["cancel", operation["id"].as_str().expect("an id")]);
    let given_up = core.until("doubtful", "failed");
    assert_eq!(given_up["effect"], "unknown", "{given_up}");
    core.run(&["apply", "-f", &core.file("again.yaml", &order("doubtful")), "--wait", "--timeout", "2m"]);
    core.ready("doubtful");
    let again = core.operation("doubtful");
    assert_ne!(again["id"], operation["id"]);
    assert_eq!((count("doubtful"), executed(CREATE)), (both(), ONE));
    assert_eq!(executed("CREATE ROLE \"doubtful\""), ONE);
    assert_usable(&core, "doubtful");
    core.delete("doubtful");
    assert_eq!(count("doubtful"), none());
}
