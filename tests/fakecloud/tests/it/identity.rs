//! What each collection promises to a client whose answer was lost.

use serde_json::{Value, json};

use crate::client::{Cloud, id, object};

const LIST: &str = "/v1/labelled?label=owner%3Da%20b&label=resource%3Dx";

#[test]
fn a_named_object_is_put() {
    let cloud = Cloud::start(&[]);
    let made = cloud.call("PUT", "/v1/named/a", &object("x", 1));
    assert_eq!(made.status, 201);
    let password = made.json()["password"].clone();
    assert!(password.as_str().is_some_and(|it| it.len() > 20), "{made:?}");
    let again = cloud.call("PUT", "/v1/named/a", &object("x", 1));
    assert_eq!((again.status, &again.json()["password"]), (200, &Value::Null), "told once");
    assert_eq!(cloud.call("PUT", "/v1/named/a", &object("x", 2)).json()["size"], 2);
    let other = json!({ "name": "x", "size": 2, "labels": { "owner": "somebody else" } });
    assert_eq!(cloud.call("PUT", "/v1/named/a", &other).status, 409);
    assert_eq!(cloud.get("/v1/named/a").json()["size"], 2);
    assert_eq!(cloud.call("DELETE", "/v1/named/a", &Value::Null).status, 200);
    assert_eq!(cloud.call("DELETE", "/v1/named/a", &Value::Null).status, 404);
    assert_eq!(cloud.get("/v1/named/a").status, 404);
    assert_eq!(cloud.story(), ["make sent", "replay sent", "change sent", "refuse sent", "delete sent", "refuse sent"]);
    let ledger = cloud.ledger();
    assert_eq!((&ledger[0]["labels"]["owner"], &ledger[4]["labels"]["owner"]), (&json!("a b"), &json!("a b")));
    assert_eq!((&ledger[0]["password"], &ledger[3]["status"]), (&password, &json!(409)));
}

#[test]
fn a_key_stands_for_one_object_until_it_is_forgotten() {
    let cloud = Cloud::start(&["--key-retention-ms", "60000"]);
    let made = cloud.keyed("k1", &object("x", 1));
    assert_eq!((made.status, made.head.contains("idempotency-replayed")), (201, false));
    cloud.advance(50_000);
    let again = cloud.keyed("k1", &object("x", 1));
    assert_eq!(again.status, 200);
    assert!(again.head.contains("idempotency-replayed: true"), "{again:?}");
    assert_eq!(again.json(), made.json(), "the password too");
    assert_eq!(cloud.keyed("k1", &object("x", 2)).status, 422, "another body");
    let other = cloud.keyed("k2", &object("x", 1));
    assert_ne!(id(&other), id(&made));
    cloud.advance(10_000);
    let forgotten = cloud.keyed("k1", &object("x", 1));
    assert_eq!(forgotten.status, 201);
    assert_ne!(id(&forgotten), id(&made));
    // From the second use on it counts anew.
    cloud.advance(59_000);
    assert_eq!(id(&cloud.keyed("k1", &object("x", 1))), id(&forgotten));
    cloud.call("DELETE", &format!("/v1/keyed/{}", id(&forgotten)), &Value::Null);
    assert_eq!(cloud.keyed("k1", &object("x", 1)).status, 410);
    assert_eq!(cloud.call("POST", "/v1/keyed", &object("x", 1)).json()["error"]["code"], "KEY_MISSING");
    let makes: Vec<Value> = cloud.ledger().into_iter().filter(|it| it["event"] == "make").collect();
    assert_eq!(makes.iter().map(|it| it["key"].clone()).collect::<Vec<_>>(), ["k1", "k2", "k1"]);
    let replay = cloud.ledger().into_iter().find(|it| it["event"] == "replay").expect("a replay");
    assert_eq!((&replay["id"], &replay["key"]), (&made.json()["id"], &json!("k1")));
}

#[test]
fn a_labelled_object_comes_into_lists_late_and_goes_out_late() {
    let cloud = Cloud::start(&["--visible-after-ms", "60000"]);
    let listed = || {
        let list = cloud.get(LIST).json();
        list["objects"].as_array().expect("a list").iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    let first = cloud.call("POST", "/v1/labelled", &object("x", 1));
    let second = cloud.call("POST", "/v1/labelled", &object("x", 1));
    cloud.call("POST", "/v1/labelled", &object("y", 1));
    assert_ne!(id(&first), id(&second), "duplicate names are allowed");
    assert_eq!(cloud.get(&format!("/v1/labelled/{}", id(&first))).status, 200, "by its id it is seen at once");
    assert!(listed().is_empty());
    cloud.advance(60_000);
    assert_eq!(listed().len(), 2);
    cloud.call("DELETE", &format!("/v1/labelled/{}", id(&first)), &Value::Null);
    assert_eq!(cloud.get(&format!("/v1/labelled/{}", id(&first))).status, 404);
    assert_eq!(listed().len(), 2);
    cloud.advance(60_000);
    assert_eq!(listed(), [second.json()["id"].clone()]);
}

#[test]
fn a_blind_object_is_known_by_its_id_alone() {
    let cloud = Cloud::start(&[]);
    let made = cloud.call("POST", "/v1/blind", &object("x", 1));
    assert_eq!(made.status, 201);
    let path = format!("/v1/blind/{}", id(&made));
    assert_eq!(cloud.call("PUT", &path, &object("x", 9)).json()["size"], 9);
    assert_eq!(cloud.call("PUT", "/v1/blind/blind-999", &object("x", 9)).status, 404);
    assert_eq!(cloud.get("/v1/blind?label=owner%3Da").status, 405);
    assert_eq!(cloud.call("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(cloud.get("/admin/objects").json(), json!([]));
}

#[test]
fn parts_are_put_once_and_posted_as_often_as_one_posts() {
    let cloud = Cloud::start(&[]);
    cloud.call("PUT", "/v1/named/a", &object("x", 1));
    let part = json!({ "name": "p" });
    let statuses = [("PUT", "/v1/named/a/parts/0"), ("POST", "/v1/named/a/parts")]
        .map(|(method, path)| [(); 2].map(|()| cloud.call(method, path, &part).status));
    assert_eq!(statuses, [[201, 200], [201, 201]]);
    let parts = cloud.get("/v1/named/a").json()["parts"].clone();
    assert_eq!(parts, json!({ "0": "p", "part-4": "p", "part-5": "p" }));
    assert_eq!(cloud.story(), ["make sent", "part sent", "replay sent", "part sent", "part sent"]);
}

#[test]
fn provisioning_takes_its_time() {
    let cloud = Cloud::start(&[]);
    let body = json!({ "name": "x", "size": 1, "provision-ms": 60_000 });
    assert_eq!(cloud.call("PUT", "/v1/named/a", &body).json()["state"], "creating");
    cloud.advance(59_000);
    assert_eq!(cloud.get("/v1/named/a").json()["state"], "creating");
    cloud.advance(1_000);
    assert_eq!(cloud.get("/v1/named/a").json()["state"], "ready");
}

#[test]
fn a_password_that_was_not_heard_is_set_anew() {
    let cloud = Cloud::start(&[]);
    let made = cloud.keyed("k", &object("x", 1));
    let path = format!("/v1/keyed/{}", id(&made));
    let set = cloud.call("PUT", &format!("{path}/password"), &Value::Null).json()["password"].clone();
    assert!(set.is_string() && set != made.json()["password"], "{set}");
    assert_eq!(cloud.get(&path).json()["password"], Value::Null);
    assert_eq!(cloud.keyed("k", &object("x", 1)).json()["password"], set);
    assert_eq!((cloud.story()[1].as_str(), &cloud.ledger()[1]["password"]), ("change sent", &set));
}

#[test]
fn what_nobody_owns_can_be_marked_once() {
    let cloud = Cloud::start(&[]);
    cloud.call("PUT", "/v1/named/a", &json!({ "name": "x", "size": 1 }));
    assert_eq!(cloud.call("PUT", "/v1/named/a", &object("x", 1)).status, 200);
    assert_eq!(cloud.get("/v1/named/a").json()["labels"]["owner"], "a b");
    assert_eq!(cloud.call("PUT", "/v1/named/a", &object("y", 1)).status, 409);
    assert_eq!(cloud.ledger()[1]["labels"]["owner"], "a b");
}
