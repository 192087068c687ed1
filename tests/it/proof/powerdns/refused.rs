//! What is refused: a wrong key, a name that is taken, contents of another shape, a server that is out of order.

use serde_json::json;

use super::server::{core, order, platform, record, whole, zone};
use crate::proof::core::{Core, until};
use crate::support::powerdns::{KEY, Server};

#[test]
fn a_wrong_key_is_the_credentials_fault() {
    let server = Server::start();
    let core = core(&server);
    core.secret("pdns-key", "wrong");
    let checked = core.try_run(&["check", "connection", "pdns"]);
    assert_ne!(checked.status, 0, "{checked:?}");
    let file = core.file("order.yaml", &order("locked", &[("zone", zone("locked.example"))]));
    let refused = core.try_run(&["apply", "-f", &file]);
    assert!(refused.status != 0 && refused.stderr.contains("CREDENTIALS_REJECTED"), "{refused:?}");
    core.secret("pdns-key", KEY);
    core.run(&["apply", "-f", &file, "--wait", "--timeout", "2m"]);
    core.secret("pdns-key", "wrong");
    let read = core.try_run(&["refresh", "locked/zone"]);
    assert!(read.status != 0 && read.stderr.contains("CREDENTIALS_REJECTED"), "{read:?}");
    core.run(&["delete", "order", "locked", "--allow-destroy"]);
    let waiting = core.until("locked", "waiting");
    assert_eq!(waiting["reason"], "CREDENTIALS_REJECTED", "{waiting}");
    until("the connection is left alone", || core.run(&["status"]).contains("connections/pdns (CREDENTIALS_REJECTED)"));
    assert!(core.run(&["describe", "connection", "pdns"]).contains("CircuitOpen"));
    assert!(!whole(&server, "locked.example.").is_null());
    core.secret("pdns-key", KEY);
    until("the zone is gone", || whole(&server, "locked.example.").is_null());
}

#[test]
fn a_name_that_was_ordered_is_taken_in_every_spelling() {
    let server = Server::start();
    let core = core(&server);
    let www = |name: &str, records: &str| record("once.example", name, "A", records);
    let refused = |resource: String| {
        let ran = core.try_run(&["apply", "-f", &core.file("second.yaml", &order("twice", &[("it", resource)]))]);
        assert_ne!(ran.status, 0, "{ran:?}");
        ran.stderr
    };
    // Reserved from the moment it is ordered: here nothing can be made yet, for there is no zone.
    core.apply(&order("once", &[("www", www("www.once.example", "[192.0.2.1]"))]));
    core.until("once", "waiting");
    let said = refused(www("Www.Once.Example.", "[192.0.2.2]"));
    assert!(said.contains("ALREADY_EXISTS"), "{said}");
    // And found at the server once it is there.
    core.run(&["apply", "-f", &core.file("zone.yaml", &order("zone", &[("it", zone("once.example"))])), "--wait"]);
    core.ready("once");
    for resource in [zone("ONCE.example."), www("Www.Once.Example.", "[192.0.2.2]")] {
        let said = refused(resource);
        assert!(said.contains("FOREIGN_OBJECT_EXISTS"), "{said}");
    }
    assert_eq!(server.dig("www.once.example", "A"), ["192.0.2.1"]);
    core.delete("once");
    core.delete("zone");
}

#[test]
fn contents_of_another_shape_are_refused_at_their_place() {
    let server = Server::start();
    let core = core(&server);
    let refused = |resource: String| {
        let ran = core.try_run(&["plan", "-f", &core.file("wrong.yaml", &order("wrong", &[("it", resource)]))]);
        assert!(ran.status != 0 && ran.stderr.contains("PARAMS_INVALID"), "{ran:?}");
        ran.stderr
    };
    let said = refused(record("a.example", "www.a.example", "A", "[192.0.2.1, 192.0.2.999]"));
    assert!(said.contains("/params/records/1") && said.contains("no IPv4 address"), "{said}");
    let said = refused(record("a.example", "www", "A", "[192.0.2.1]"));
    assert!(said.contains("not within the zone"), "{said}");
}

/// The server knows what is wrong with a set beside others, and its words arrive.
#[test]
fn the_servers_own_words_arrive() {
    let server = Server::start();
    let core = core(&server);
    let zone_and = |name: &str, kind: &str, records: &str| {
        let it = record("words.example", name, kind, records);
        order("words", &[("zone", zone("words.example")), ("it", it)])
    };
    let apex = zone_and("words.example", "CNAME", "[www.elsewhere.example]");
    let ran = core.try_run(&["apply", "-f", &core.file("apex.yaml", &apex), "--wait", "--timeout", "2m"]);
    assert_ne!(ran.status, 0, "{ran:?}");
    let failed = core.json(&["get", "resource", "words/it"]);
    let told = failed["status"]["message"].as_str().or(failed["message"].as_str()).expect("a message");
    assert!(told.contains("Conflicts with pre-existing RRset"), "{failed}");
    core.delete("words");
}

/// A server of its own whose database is out of order for a while.
#[test]
fn an_error_of_the_server_is_never_absence() {
    let server = Server::start();
    let core = Core::start(&["powerdns"]);
    core.secret("pdns-key", KEY);
    core.apply(&platform(server.port));
    let www = record("ill.example", "www.ill.example", "A", "[192.0.2.1]");
    let both = order("ill", &[("zone", zone("ill.example")), ("www", www)]);
    core.run(&["apply", "-f", &core.file("order.yaml", &both), "--wait", "--timeout", "2m"]);
    // Without the first it shows no zone, without the second it lists none.
    for table in ["records", "domains"] {
        server.sql(&format!("ALTER TABLE {table} RENAME TO hidden"));
        let answer = server.call("GET", "/zones/ill.example.", &json!(null));
        assert_eq!(answer.status, 500, "{answer:?}");
        for key in ["zone", "www"] {
            let read = core.try_run(&["refresh", &format!("ill/{key}")]);
            assert!(read.status != 0 && read.stderr.contains("BACKEND_UNAVAILABLE"), "{table}, {key}: {read:?}");
        }
        server.sql(&format!("ALTER TABLE hidden RENAME TO {table}"));
        until("the server is well", || server.call("GET", "/zones/ill.example.", &json!(null)).status == 200);
    }
    assert_eq!(core.json(&["refresh", "ill/www"])["presence"], "ready");
    core.delete("ill");
    assert_eq!(server.call("GET", "/zones/ill.example.", &json!(null)).status, 404);
}
