//! kill -9 of the core at the places where it matters. What exists and what was sent is counted on the servers.

use serde_json::Value;

use super::gate::{Gate, Rule};
use super::server::{assert_usable, count, executed, order, server, stock};
use crate::proof::core::{Core, until};

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
    assert_eq!(core.operation(name)["state"], "running", "{operation}");
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
    // The gate still holds back every answer to it. It might be sent again; the driver looks, and sees that it need not.
    core.ready("doubtful");
    assert_eq!((count("doubtful"), executed(CREATE)), (both(), ONE));
    assert_eq!(core.operation("doubtful")["effect"], "applied");
    gate.set(Rule::Open);
    assert_usable(&core, "doubtful");
    core.delete("doubtful");
    assert_eq!(count("doubtful"), none());
}

/// A transaction that stands still before its commit: nothing of it is in doubt, and the server rolls back.
#[test]
fn killed_inside_a_transaction() {
    const CREATE: &str = "CREATE ROLE \"vain\"";
    let gate = Gate::start(server().port, Rule::HoldAnswer { text: CREATE });
    let mut core = Core::start(&["postgres"]);
    stock(&core, gate.port);
    core.apply(&order("vain"));
    until("the transaction stands still", || gate.holds());
    core.kill();
    gate.set(Rule::Open);
    core.restart();
    core.ready("vain");
    assert_eq!((count("vain"), executed(CREATE)), (both(), 2));
    assert_usable(&core, "vain");
    core.delete("vain");
    assert_eq!(count("vain"), none());
}

/// The server has committed and its answer never came: it is asked by the transaction's number.
#[test]
fn killed_between_commit_and_answer() {
    const CREATE: &str = "CREATE ROLE \"numbered\"";
    let gate = Gate::start(server().port, Rule::HoldAnswer { text: "COMMIT" });
    let mut core = Core::start(&["postgres"]);
    stock(&core, gate.port);
    core.apply(&order("numbered"));
    until("the commit is done and its answer is held", || gate.holds() && executed(CREATE) == ONE);
    let operation = core.operation("numbered");
    let story = core.journal(&operation);
    assert!(writes(&story, CREATE).iter().any(|it| it["outcome"] == "unknown"), "{story:#?}");
    core.kill();
    gate.set(Rule::Open);
    core.restart();
    core.ready("numbered");
    assert_eq!((count("numbered"), executed(CREATE)), (both(), ONE));
    let story = core.journal(&operation);
    let look = story.iter().find(|it| it["kind"] == "look").expect("it was asked for");
    assert_eq!((&look["function"], &look["outcome"]), (&"transaction".into(), &"applied".into()), "{story:#?}");
    let settled = writes(&story, CREATE).into_iter().find(|it| it["origin"] == "settled").expect("it is settled");
    assert_eq!(settled["outcome"], "applied", "{story:#?}");
    assert_usable(&core, "numbered");
    core.delete("numbered");
    assert_eq!(count("numbered"), none());
}
