//! A vhost over its life: an unusual name, changed by apply, changed and deleted by somebody else.

use serde_json::{Value, json};

use super::server::{assert_usable, core, count, order, revealed, seen};
use crate::proof::core::Core;
use crate::support::rabbitmq::{Server, publish_and_get};

#[track_caller]
fn applied(core: &Core, documents: &str) {
    core.run(&["apply", "-f", &core.file("order.yaml", documents), "--wait", "--timeout", "2m"]);
}

#[test]
fn a_name_with_a_space_and_unicode_works() {
    let core = core(Server::shared().port);
    let name = "shop ü 日本 #1?";
    let path = "shop%20%C3%BC%20%E6%97%A5%E6%9C%AC%20%231%3F";
    applied(&core, &order("odd", name, ""));
    assert_eq!(count(name), (1, 1));
    let outputs = revealed(&core, "odd");
    assert_eq!((&outputs["vhost"], &outputs["username"]), (&name.into(), &name.into()));
    let url = assert_usable(&core, "odd");
    assert!(url.starts_with(&format!("amqp://{path}:")) && url.ends_with(&format!("/{path}")), "{url}");
    assert_eq!(core.json(&["refresh", "odd/mq"])["presence"], "ready");
    core.delete("odd");
    assert_eq!(count(name), (0, 0));
    assert!(publish_and_get(&url, "hello").is_err());
}

#[test]
fn tags_permissions_and_limits_are_changed_and_the_password_stays() {
    let core = core(Server::shared().port);
    applied(&core, &order("changing", "changing", ""));
    let url = assert_usable(&core, "changing");
    assert!(user_tags("changing").is_empty());
    let changed = order(
        "changing",
        "changing",
        ", tags: [policymaker, management], max-connections: 7, max-queues: 9, permissions: { read: '^notes' }",
    );
    applied(&core, &changed);
    assert_eq!(user_tags("changing"), ["management", "policymaker"]);
    assert_eq!(seen("/vhost-limits/changing")[0]["value"], json!({ "max-connections": 7, "max-queues": 9 }));
    let permissions = seen("/permissions/changing/changing");
    assert_eq!((&permissions["read"], &permissions["write"]), (&"^notes".into(), &".*".into()));
    assert_eq!(assert_usable(&core, "changing"), url);
    core.run(&["plan", "-f", &core.file("order.yaml", &changed), "--detailed-exitcode"]);
    assert_eq!(core.json(&["refresh", "changing/mq"])["drift"], json!([]));
    applied(&core, &order("changing", "changing", ", max-connections: -1"));
    let value = &seen("/vhost-limits/changing")[0]["value"];
    assert!(value["max-connections"].is_null() && value["max-queues"].is_null(), "{value}");
    assert!(user_tags("changing").is_empty());
    assert_eq!(assert_usable(&core, "changing"), url);
    core.delete("changing");
}

#[test]
fn what_somebody_else_changed_is_seen_and_put_right() {
    let server = Server::shared();
    let core = core(server.port);
    let wanted = order("drifting", "drifting", "");
    applied(&core, &wanted);
    let mut tags = seen("/users/drifting")["tags"].clone();
    tags.as_array_mut().expect("tags").push("administrator".into());
    let hash = seen("/users/drifting")["password_hash"].clone();
    let by_hand = json!({ "password_hash": hash, "tags": tags });
    assert_eq!(server.call("PUT", "/users/drifting", &by_hand).status, 204);
    assert_eq!(server.call("PUT", "/vhost-limits/drifting/max-queues", &json!({ "value": 3 })).status, 204);
    let now = core.json(&["refresh", "drifting/mq"]);
    let drift: Vec<_> = now["drift"].as_array().expect("a list").iter().map(|it| &it["observed"]).collect();
    assert_eq!(drift, [&json!(3), &json!(["administrator"])], "{now}");

    assert_eq!(server.call("DELETE", "/permissions/drifting/drifting", &Value::Null).status, 204);
    assert_eq!(core.json(&["refresh", "drifting/mq"])["presence"], "unready");
    assert_eq!(server.call("DELETE", "/users/drifting", &Value::Null).status, 204);
    assert_eq!(core.json(&["refresh", "drifting/mq"])["presence"], "unready");
    // What is missing is made, and nothing beside it.
    applied(&core, &wanted);
    assert_eq!(count("drifting"), (1, 1));
    assert_usable(&core, "drifting");
    assert_eq!(core.json(&["refresh", "drifting/mq"])["presence"], "ready");

    for path in ["/vhosts/drifting", "/users/drifting"] {
        assert_eq!(server.call("DELETE", path, &Value::Null).status, 204);
    }
    assert_eq!(core.json(&["refresh", "drifting/mq"])["presence"], "absent");
    core.delete("drifting");
}

/// Without the labels.
#[track_caller]
fn user_tags(name: &str) -> Vec<String> {
    let user = seen(&format!("/users/{name}"));
    let tags = user["tags"].as_array().expect("tags").iter().map(|it| it.as_str().expect("text").to_owned());
    tags.filter(|tag| !tag.contains('=')).collect()
}
