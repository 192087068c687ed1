//! What somebody else made is refused, and stays as it is.

use super::server::{by_hand, core, foreign_zone, order, record, whole, zone};
use crate::support::powerdns::Server;

#[test]
fn a_record_set_of_somebody_else_is_refused_and_untouched() {
    let server = Server::start();
    let core = core(&server);
    foreign_zone(&server, "theirs.example.");
    by_hand(&server, "theirs.example.", "www.theirs.example.", "A", 77, &["192.0.2.77"]);
    let before = whole(&server, "theirs.example.");
    let taken = order("taken", &[("it", record("theirs.example", "WWW.theirs.example", "A", "[192.0.2.1]"))]);
    let file = core.file("taken.yaml", &taken);
    for command in ["plan", "apply"] {
        let refused = core.try_run(&[command, "-f", &file]);
        assert_ne!(refused.status, 0, "{refused:?}");
        assert!(refused.stderr.contains("FOREIGN_OBJECT_EXISTS"), "{refused:?}");
        assert!(refused.stderr.contains("`www.theirs.example. A`"), "{refused:?}");
    }
    assert_eq!(whole(&server, "theirs.example."), before);
    // Another type under the same name is nobody's.
    let free = order("free", &[("it", record("theirs.example", "www.theirs.example", "TXT", "[hello]"))]);
    core.run(&["apply", "-f", &core.file("free.yaml", &free), "--wait", "--timeout", "2m"]);
    core.delete("free");
    let sets = |zone: &serde_json::Value| {
        let mut sets = zone["rrsets"].as_array().expect("sets").clone();
        sets.retain(|set| set["type"] != "SOA");
        sets
    };
    assert_eq!(sets(&whole(&server, "theirs.example.")), sets(&before));
}

#[test]
fn a_zone_of_somebody_else_is_refused_and_untouched() {
    let server = Server::start();
    let core = core(&server);
    foreign_zone(&server, "old.example.");
    let before = whole(&server, "old.example.");
    let file = core.file("taken.yaml", &order("taken", &[("zone", zone("Old.Example"))]));
    let refused = core.try_run(&["apply", "-f", &file]);
    assert!(refused.status != 0 && refused.stderr.contains("FOREIGN_OBJECT_EXISTS"), "{refused:?}");
    assert_eq!(whole(&server, "old.example."), before);
}

/// Made in the moment between plan and create, as a zone whose account was changed after it was made.
#[test]
fn a_zone_that_changed_hands_is_neither_changed_nor_deleted() {
    let server = Server::start();
    let core = core(&server);
    core.run(&["apply", "-f", &core.file("zone.yaml", &order("hands", &[("zone", zone("hands.example"))])), "--wait"]);
    let account = whole(&server, "hands.example.")["account"].as_str().expect("an account").to_owned();
    assert!(account.starts_with("res_") && account.len() <= 40, "{account}");
    let hand = |account: &str| server.call("PUT", "/zones/hands.example.", &serde_json::json!({ "account": account }));
    assert_eq!(hand("them").status, 204);
    let refused = core.try_run(&["refresh", "hands/zone"]);
    assert!(refused.status != 0 && refused.stderr.contains("FOREIGN_OBJECT_EXISTS"), "{refused:?}");
    let refused = core.try_run(&["delete", "order", "hands", "--allow-destroy", "--wait", "--timeout", "2m"]);
    assert_ne!(refused.status, 0, "{refused:?}");
    assert_eq!(core.operation("hands")["reason"], "FOREIGN_OBJECT_EXISTS");
    assert!(!whole(&server, "hands.example.").is_null());
    assert_eq!(hand(&account).status, 204);
    core.delete("hands");
    assert!(whole(&server, "hands.example.").is_null());
}
