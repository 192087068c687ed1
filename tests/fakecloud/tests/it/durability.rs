//! The ledger: what was answered is in it, and what it holds is there again after a crash.

use std::io::Write as _;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::client::{Cloud, id, object};

#[test]
fn all_state_comes_back() {
    let mut cloud = Cloud::start(&["--visible-after-ms", "60000"]);
    cloud.call("PUT", "/v1/named/a", &json!({ "name": "x", "size": 1, "provision-ms": 100_000_000 }));
    cloud.call("PUT", "/v1/named/a", &object("x", 2));
    let keyed = cloud.keyed("k", &object("x", 1));
    let gone = cloud.call("POST", "/v1/labelled", &object("x", 1));
    let blind = cloud.call("POST", "/v1/blind", &object("x", 1));
    cloud.call("POST", &format!("/v1/blind/{}/parts", id(&blind)), &json!({ "name": "p" }));
    cloud.advance(1_000_000);
    cloud.call("DELETE", &format!("/v1/labelled/{}", id(&gone)), &Value::Null);
    let seen = |cloud: &Cloud| {
        let list = cloud.get("/v1/labelled?label=resource%3Dx").json();
        (cloud.get("/admin/objects").json(), list["objects"].as_array().expect("a list").len())
    };
    let before = seen(&cloud);
    assert_eq!((before.0.as_array().expect("a list").len(), before.1), (3, 1));
    let now = cloud.get("/admin/clock").json()["now-ms"].as_u64();
    cloud.kill();
    cloud.restart();
    assert_eq!(seen(&cloud), before);
    assert!(cloud.get("/admin/clock").json()["now-ms"].as_u64() >= now, "virtual time goes on");
    assert_eq!(cloud.keyed("k", &object("x", 1)).json(), keyed.json());
    let next = cloud.call("POST", "/v1/blind", &object("x", 1));
    assert_ne!(id(&next), id(&blind));
    let numbers: Vec<u64> = cloud.ledger().iter().map(|it| it["seq"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_was_answered_survives_a_kill() {
    let mut cloud = Cloud::start(&[]);
    for _ in 0..3 {
        let answered = Mutex::new(Vec::new());
        let (begun, may_end) = std::sync::mpsc::sync_channel(8);
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let (cloud, answered, begun) = (&cloud, &answered, begun.clone());
                scope.spawn(move || {
                    for at in 0..10_000 {
                        let name = format!("{worker}-{at}");
                        match cloud.try_call("POST", "/v1/blind", &[], &object(&name, 1).to_string()) {
                            Some(answer) => answered.lock().expect("a lock").push(id(&answer)),
                            None => return,
                        }
                        if at == 20 {
                            let _ = begun.send(());
                        }
                    }
                });
            }
            for _ in 0..8 {
                may_end.recv().expect("all of them work");
            }
            cloud.signal_kill();
        });
        cloud.kill();
        cloud.restart();
        let live = cloud.get("/admin/objects").json();
        let live: Vec<&str> =
            live.as_array().expect("a list").iter().map(|it| it["id"].as_str().expect("an id")).collect();
        let answered = answered.into_inner().expect("a lock");
        assert!(answered.len() >= 8 * 20, "{}", answered.len());
        let lost: Vec<&String> = answered.iter().filter(|id| !live.contains(&id.as_str())).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}

#[test]
fn a_torn_last_line_is_dropped() {
    let mut cloud = Cloud::start(&[]);
    cloud.call("PUT", "/v1/named/a", &object("x", 1));
    cloud.kill();
    let whole = std::fs::read(cloud.ledger_path()).expect("the ledger");
    let mut file = std::fs::OpenOptions::new().append(true).open(cloud.ledger_path()).expect("the ledger");
    file.write_all(&whole[..whole.len() / 2]).expect("written");
    drop(file);
    cloud.restart();
    assert_eq!(std::fs::read(cloud.ledger_path()).expect("the ledger"), whole);
    assert_eq!(cloud.call("PUT", "/v1/named/b", &object("x", 1)).status, 201);
    assert_eq!(cloud.ledger()[1]["seq"], 2);
}

#[test]
fn a_damaged_ledger_is_not_served() {
    let mut cloud = Cloud::start(&[]);
    cloud.call("PUT", "/v1/named/a", &object("x", 1));
    cloud.kill();
    let whole = std::fs::read_to_string(cloud.ledger_path()).expect("the ledger");
    let check = |text: String, expected: &str| {
        std::fs::write(cloud.ledger_path(), text).expect("written");
        let output = cloud.command().output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{said}");
    };
    check(format!("{}\n{whole}", &whole[..20]), "line 1 of the ledger");
    check(format!("{whole}{whole}"), "line 2 of the ledger");
}

#[test]
fn one_process_has_a_ledger() {
    let cloud = Cloud::start(&[]);
    let output = cloud.command().output().expect("it ends");
    assert!(String::from_utf8_lossy(&output.stderr).contains("another process has the ledger"));
}
