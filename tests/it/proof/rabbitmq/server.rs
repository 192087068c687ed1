//! A RabbitMQ broker, what the example offers on it, and what stands there by somebody else's hand.

use serde_json::{Value, json};

use crate::proof::core::Core;
use crate::support::rabbitmq::{PASSWORD, Server, publish_and_get};

/// Serves, has the driver, and offers what `examples/rabbitmq/platform.yaml` does, reached by way of `port`.
pub fn core(port: u16) -> Core {
    let core = Core::start(&["rabbitmq"]);
    core.secret("rabbit-admin", PASSWORD);
    core.apply(&platform(port));
    core
}

/// The connection goes to `port`; whoever uses a vhost is told where the broker itself is.
pub fn platform(port: u16) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/rabbitmq/platform.yaml");
    let example = std::fs::read_to_string(path).expect("the example");
    let address = "endpoint: http://127.0.0.1:15672/";
    let told = "port: 5672";
    assert_eq!((example.matches(address).count(), example.matches(told).count()), (1, 1), "the example changed");
    example
        .replace(address, &format!("endpoint: http://127.0.0.1:{port}/"))
        .replace(told, &format!("port: {}", Server::shared().amqp))
}

/// An order with a vhost `vhost`; `more` stands behind its name.
pub fn order(name: &str, vhost: &str, more: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, \
         resources: {{ mq: {{ type: rabbitmq-vhost, params: {{ name: '{vhost}'{more} }} }} }} }}\n"
    )
}

/// How many vhosts and users there are of that name.
#[track_caller]
pub fn count(name: &str) -> (usize, usize) {
    let of = |kind: &str| Server::shared().names(kind).iter().filter(|it| *it == name).count();
    (of("vhosts"), of("users"))
}

/// What the broker says of a thing; null if it is not there. `path`: below `/api`.
#[track_caller]
pub fn seen(path: &str) -> Value {
    let answer = Server::shared().call("GET", path, &Value::Null);
    if answer.status == 404 { Value::Null } else { answer.json() }
}

/// A user that somebody else made.
#[track_caller]
pub fn foreign_user(name: &str) {
    let answer = Server::shared().call("PUT", &format!("/users/{name}"), &json!({ "password": "p", "tags": "" }));
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// The outputs of an order's only resource, secrets included.
#[track_caller]
pub fn revealed(core: &Core, order: &str) -> Value {
    core.json(&["outputs", &format!("{order}/mq"), "--reveal"])
}

/// What was bought lets its owner in, and nobody without the password. Its URL.
#[track_caller]
pub fn assert_usable(core: &Core, order: &str) -> String {
    let outputs = revealed(core, order);
    let text = |key: &str| outputs[key].as_str().unwrap_or_else(|| panic!("no `{key}`: {outputs}")).to_owned();
    let (url, password) = (text("url"), text("password"));
    assert_eq!(publish_and_get(&url, "hello"), Ok("hello".to_owned()));
    let wrong = url.replace(&password, "wrong");
    assert!(publish_and_get(&wrong, "hello").is_err_and(|error| error.contains("ACCESS_REFUSED")));
    url
}
