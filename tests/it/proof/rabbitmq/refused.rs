//! What is refused: somebody else's user or vhost, a name that is taken, a wrong password, a pattern that is none.

use serde_json::{Value, json};

use super::server::{core, count, foreign_user, order, platform, seen};
use crate::proof::core::until;
use crate::support::rabbitmq::{PASSWORD, Server};

#[test]
fn a_user_of_somebody_else_is_refused_and_untouched() {
    let core = core(Server::shared().port);
    foreign_user("theirs");
    let before = seen("/users/theirs");
    let file = core.file("taken.yaml", &order("taken", "theirs", ""));
    for command in ["plan", "apply"] {
        let refused = core.try_run(&[command, "-f", &file]);
        assert!(refused.status != 0 && refused.stderr.contains("FOREIGN_OBJECT_EXISTS"), "{refused:?}");
        assert!(refused.stderr.contains("user `theirs`"), "{refused:?}");
    }
    assert_eq!((count("theirs"), seen("/users/theirs")), ((0, 1), before));
}

#[test]
fn a_vhost_of_somebody_else_is_refused_and_untouched() {
    let server = Server::shared();
    let core = core(server.port);
    let theirs = json!({ "description": "the old shop", "tags": "production" });
    assert_eq!(server.call("PUT", "/vhosts/old-shop", &theirs).status, 201);
    let before = seen("/vhosts/old-shop");
    let refused = core.try_run(&["apply", "-f", &core.file("taken.yaml", &order("taken", "old-shop", ""))]);
    assert!(refused.status != 0 && refused.stderr.contains("FOREIGN_OBJECT_EXISTS"), "{refused:?}");
    assert_eq!((count("old-shop"), seen("/vhosts/old-shop")), ((1, 0), before));
}

/// The user changed hands after it was made: nothing is deleted until it is ours again.
#[test]
fn a_user_that_changed_hands_is_not_deleted() {
    let server = Server::shared();
    let core = core(server.port);
    core.run(&["apply", "-f", &core.file("order.yaml", &order("hands", "hands", "")), "--wait", "--timeout", "2m"]);
    let user = seen("/users/hands");
    let put = |tags: &Value| {
        let body = json!({ "password_hash": user["password_hash"], "tags": tags });
        assert_eq!(server.call("PUT", "/users/hands", &body).status, 204);
    };
    put(&json!([]));
    let refused = core.try_run(&["delete", "order", "hands", "--allow-destroy", "--wait", "--timeout", "2m"]);
    assert_ne!(refused.status, 0, "{refused:?}");
    assert_eq!(core.operation("hands")["reason"], "FOREIGN_OBJECT_EXISTS");
    assert_eq!(count("hands"), (1, 1));
    put(&user["tags"]);
    core.delete("hands");
    assert_eq!(count("hands"), (0, 0));
}

#[test]
fn a_name_that_was_ordered_is_taken() {
    let core = core(Server::shared().port);
    let platform = platform(Server::shared().port);
    let deny = "deny:\n";
    assert_eq!(platform.matches(deny).count(), 1, "the example changed");
    core.apply(&platform.replace(deny, "deny:\n  - { path: /vhosts/once, methods: [PUT] }\n"));
    // Reserved from the moment it is ordered: here nothing can be made.
    let denied = core.try_run(&["apply", "-f", &core.file("first.yaml", &order("first", "once", "")), "--wait"]);
    assert!(denied.status != 0 && denied.stderr.contains("EGRESS_DENIED"), "{denied:?}");
    assert_eq!(count("once"), (0, 0));
    let second = core.file("second.yaml", &order("second", "once", ""));
    let refused = core.try_run(&["apply", "-f", &second]);
    assert!(refused.status != 0 && refused.stderr.contains("ALREADY_EXISTS"), "{refused:?}");
    core.apply(&platform);
    core.run(&["apply", "-f", &core.file("first.yaml", &order("first", "once", "")), "--wait", "--timeout", "2m"]);
    // And found at the broker once it is there.
    let refused = core.try_run(&["apply", "-f", &second]);
    assert!(refused.status != 0 && refused.stderr.contains("FOREIGN_OBJECT_EXISTS"), "{refused:?}");
    core.delete("first");
}

#[test]
fn a_wrong_password_is_the_credentials_fault() {
    let core = core(Server::shared().port);
    core.secret("rabbit-admin", "nonsense");
    assert_ne!(core.try_run(&["check", "connection", "rabbit-dev"]).status, 0);
    let file = core.file("order.yaml", &order("locked", "locked", ""));
    let refused = core.try_run(&["apply", "-f", &file]);
    assert!(refused.status != 0 && refused.stderr.contains("CREDENTIALS_REJECTED"), "{refused:?}");
    core.secret("rabbit-admin", PASSWORD);
    core.run(&["apply", "-f", &file, "--wait", "--timeout", "2m"]);
    core.secret("rabbit-admin", "nonsense");
    core.run(&["delete", "order", "locked", "--allow-destroy"]);
    let waiting = core.until("locked", "waiting");
    assert_eq!((&waiting["reason"], count("locked")), (&"CREDENTIALS_REJECTED".into(), (1, 1)), "{waiting}");
    core.secret("rabbit-admin", PASSWORD);
    until("it is gone", || count("locked") == (0, 0));
}

/// A 404 of something that is not the management API proves nothing.
#[test]
fn a_wrong_path_is_never_absence() {
    let core = core(Server::shared().port);
    let platform = platform(Server::shared().port);
    let (wrong, check) = (platform.replace("/api\n", "/apj\n"), "check: /whoami\n");
    assert!(wrong != platform && wrong.matches(check).count() == 1, "the example changed");
    core.apply(&wrong.replace(check, ""));
    let refused = core.try_run(&["plan", "-f", &core.file("order.yaml", &order("astray", "astray", ""))]);
    assert!(refused.status != 0 && refused.stderr.contains("BACKEND_UNAVAILABLE"), "{refused:?}");
    assert!(refused.stderr.contains("its endpoint ends in `/api`"), "{refused:?}");
}

#[test]
fn what_the_broker_refuses_fails_at_its_place_and_can_be_given_back() {
    let core = core(Server::shared().port);
    let broken = order("broken", "broken", ", permissions: { write: '^x(' }");
    let failed = core.try_run(&["apply", "-f", &core.file("order.yaml", &broken), "--wait", "--timeout", "2m"]);
    assert_ne!(failed.status, 0, "{failed:?}");
    let operation = core.operation("broken");
    let message = operation["message"].as_str().expect("a message");
    assert!(message.contains("/params/permissions") && message.contains("invalid_regexp"), "{operation}");
    // What was begun is ours, is completed by the next apply, and could be deleted as well.
    assert_eq!(count("broken"), (1, 1));
    let mended = order("broken", "broken", "");
    core.run(&["apply", "-f", &core.file("order.yaml", &mended), "--wait", "--timeout", "2m"]);
    super::server::assert_usable(&core, "broken");
    core.delete("broken");

    let half = order("half", "half", ", permissions: { write: '^x(' }");
    assert_ne!(core.try_run(&["apply", "-f", &core.file("half.yaml", &half), "--wait"]).status, 0);
    assert_eq!(count("half"), (1, 1));
    core.delete("half");
    assert_eq!(count("half"), (0, 0));

    for name in ["a/b", "a:b", "50%", ".."] {
        let ran = core.try_run(&["plan", "-f", &core.file("name.yaml", &order("name", name, ""))]);
        assert!(ran.status != 0 && ran.stderr.contains("PARAMS_INVALID"), "{name}: {ran:?}");
        assert!(ran.stderr.contains("/params/name"), "{name}: {ran:?}");
    }
}
