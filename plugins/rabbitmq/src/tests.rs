//! What can be said of the driver without a host: its description and its rules for params.

use super::documents::Tag;
use super::*;

fn params(name: &str) -> Params {
    serde_json::from_value(json!({ "name": name })).expect("params")
}

fn refused(params: Params) -> Vec<String> {
    let error = params.normal().expect_err("it is wrong");
    error.violations.into_iter().map(|violation| violation.pointer).collect()
}

#[test]
fn the_description_is_one() {
    let schema = serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let document = driver().document();
    let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let described = &document["types"]["rabbitmq-vhost"];
    assert_eq!(described["outputs"]["properties"]["url"]["x-vend-secret"], json!(true));
    assert_eq!(
        described["params"]["properties"]["tags"]["items"]["enum"],
        json!(["management", "monitoring", "policymaker"])
    );
}

#[test]
fn params_have_one_normal_form() {
    let asked = Params { tags: vec![Tag::Policymaker, Tag::Management, Tag::Policymaker], ..params("orders") };
    let once = asked.normal().unwrap();
    let expected = json!({ "name": "orders", "tags": ["management", "policymaker"], "max-connections": -1, "max-queues": -1,
        "permissions": { "configure": ".*", "write": ".*", "read": ".*" } });
    assert_eq!(json!(once), expected);
    assert_eq!(json!(once.normal().unwrap()), expected);
}

#[test]
fn names_that_break_a_path_or_a_login_are_refused() {
    for name in ["orders", "shop ü", "a.b", "a;b?c#d@e", "日本", &"x".repeat(127)] {
        assert!(params(name).normal().is_ok(), "{name}");
    }
    for name in ["", "/", "a/b", "a\\b", "50%", "a:b", ".", "..", ".a", " a", "a ", "a\nb", &"ü".repeat(64)] {
        assert_eq!(refused(params(name)), ["/params/name"], "{name}");
    }
}

#[test]
fn faults_have_pointers() {
    let mut wrong = Params { max_connections: -2, max_queues: -7, ..params("a") };
    wrong.permissions.write = "x".repeat(2_000);
    assert_eq!(refused(wrong), ["/params/permissions/write", "/params/max-connections", "/params/max-queues"]);
    let unknown = json!({ "name": "a", "tags": ["administrator"] });
    assert!(serde_json::from_value::<Params>(unknown).is_err());
}

#[test]
fn the_url_is_one() {
    let config = |host: &str, tls: bool| Config { host: host.into(), port: 5672, tls };
    let around = |config: Config, name: &str| config.url_around_password(name);
    let expected = ("amqp://shop%20%C3%BC:".to_owned(), "@mq.example:5672/shop%20%C3%BC".to_owned());
    assert_eq!(around(config("mq.example", false), "shop ü"), expected);
    assert_eq!(around(config("::1", true), "a"), ("amqps://a:".to_owned(), "@[::1]:5672/a".to_owned()));
}
