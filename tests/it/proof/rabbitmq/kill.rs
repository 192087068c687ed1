//! kill -9 of the core between the writes of one create. What exists is counted on the broker, what was sent at a gate.

use serde_json::Value;

use super::gate::{Gate, Rule};
use super::server::{assert_usable, core, count, order};
use crate::proof::core::until;
use crate::support::rabbitmq::Server;

/// Lines of a story that tell of a write that begins so.
fn writes<'a>(story: &'a [Value], begin: &str) -> Vec<&'a Value> {
    let (method, path) = begin.split_once(" /api").expect("a method and a path");
    let of = |it: &&Value| {
        let request = it["request"].to_string();
        it["kind"] == "effect"
            && it["function"] == "http-write.send"
            && request.contains(method)
            && request.contains(path)
    };
    story.iter().filter(of).collect()
}

/// The answer to the write is known to the core, and nothing after it has happened.
fn killed_behind(name: &str, begin: &str) {
    let gate = Gate::start(Server::shared().port, Rule::Open);
    let mut core = core(gate.port);
    gate.set(Rule::HoldBehind(begin.to_owned()));
    core.apply(&order(name, name, ""));
    let mut operation = Value::Null;
    until("the answer is in the journal, and the next request is held", || {
        operation = core.operation(name);
        let story = core.journal(&operation);
        gate.holds()
            && operation["state"] == "running"
            && writes(&story, begin).iter().any(|it| it["outcome"] == "applied")
    });
    core.kill();
    gate.set(Rule::Open);
    core.restart();
    core.ready(name);
    assert_eq!((count(name), gate.passed(begin)), ((1, 1), 1));
    let story = core.journal(&operation);
    let told: Vec<_> = writes(&story, begin).iter().map(|it| (it["attempt"].clone(), it["origin"].clone())).collect();
    assert_eq!(told, [(1.into(), "live".into()), (2.into(), "replayed".into())], "{story:#?}");
    assert_usable(&core, name);
    core.delete(name);
    assert_eq!(count(name), (0, 0));
}

#[test]
fn killed_after_the_vhost_was_answered() {
    killed_behind("killed-vhost", "PUT /api/vhosts/killed-vhost");
}

#[test]
fn killed_after_the_user_was_answered() {
    killed_behind("killed-user", "PUT /api/users/killed-user");
}

#[test]
fn killed_after_the_permissions_were_answered() {
    killed_behind("killed-late", "PUT /api/permissions/killed-late/killed-late");
}

#[test]
fn killed_between_intent_and_answer() {
    const BEGIN: &str = "PUT /api/users/doubtful";
    let gate = Gate::start(Server::shared().port, Rule::HoldAnswer(BEGIN.into()));
    let mut core = core(gate.port);
    core.apply(&order("doubtful", "doubtful", ""));
    until("the broker has done it and its answer is held", || gate.holds() && count("doubtful") == (1, 1));
    let operation = core.operation("doubtful");
    let story = core.journal(&operation);
    let told = writes(&story, BEGIN);
    assert_eq!((told.len(), &told[0]["outcome"]), (1, &Value::from("unknown")), "{story:#?}");
    core.kill();
    gate.set(Rule::Open);
    core.restart();
    core.ready("doubtful");
    // It might be sent again; the driver looks, and sees that it need not.
    assert_eq!((count("doubtful"), gate.passed(BEGIN)), ((1, 1), 1));
    assert_eq!(core.operation("doubtful")["effect"], "applied");
    assert_usable(&core, "doubtful");
    core.delete("doubtful");
    assert_eq!(count("doubtful"), (0, 0));
}

/// Deleted from a create that was given up half-way: what was begun goes, and nothing is left behind.
#[test]
fn given_up_half_way() {
    const BEGIN: &str = "PUT /api/vhosts/half-way";
    let gate = Gate::start(Server::shared().port, Rule::HoldAnswer(BEGIN.into()));
    let mut core = core(gate.port);
    core.apply(&order("half-way", "half-way", ""));
    until("the broker has done it and its answer is held", || gate.holds() && count("half-way") == (1, 0));
    core.kill();
    gate.set(Rule::HoldAnswer("PUT /api/users/half-way".into()));
    core.restart();
    until("the next answer is held", || gate.holds() && count("half-way") == (1, 1));
    let operation = core.operation("half-way");
    core.run(&["cancel", operation["id"].as_str().expect("an id")]);
    // What is held ends without an answer; what it did is looked for before the operation ends.
    gate.set(Rule::Open);
    core.until("half-way", "cancelled");
    let story = core.journal(&operation);
    assert!(story.iter().any(|it| it["kind"] == "look" && it["outcome"] == "applied"), "{story:#?}");
    core.delete("half-way");
    assert_eq!(count("half-way"), (0, 0));
}
