//! What can be said of the type without a host.

use serde_json::json;

use super::documents::{Params, State};

fn params(more: serde_json::Value) -> Params {
    let mut value = json!({ "database": "orders" });
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    serde_json::from_value(value).expect("params")
}

#[test]
fn what_is_not_said_has_a_default() {
    let normal = params(json!({})).normal().expect("fine");
    let expected = json!({ "database": "orders", "access": "write", "rotation": 1, "connection-limit": -1 });
    assert_eq!(json!(normal), expected);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (more, pointer) in [
        (json!({ "database": "a b" }), "/params/database"),
        (json!({ "database": "" }), "/params/database"),
        (json!({ "name": "9lives" }), "/params/name"),
        (json!({ "name": "pg_x" }), "/params/name"),
        (json!({ "name": "x".repeat(41) }), "/params/name"),
        (json!({ "rotation": 0 }), "/params/rotation"),
        (json!({ "connection-limit": -2 }), "/params/connection-limit"),
    ] {
        let error = params(more.clone()).normal().expect_err("refused");
        assert!(error.violations.iter().all(|it| it.pointer == pointer), "{more}: {error:?}");
    }
}

#[test]
fn each_incarnation_has_a_role_of_its_own() {
    let id = "res_01m8csk2hgss8gz9n9bqpm63m8";
    let name = |params: &Params, incarnation| State::new(params, id, incarnation).name;
    assert_eq!(name(&params(json!({})), 1), "orders-bqpm63m8-1");
    assert_eq!(name(&params(json!({ "name": "reports" })), 2), "reports-bqpm63m8-2");
    let long = params(json!({ "database": "X".repeat(63) }));
    assert!(name(&long, u32::MAX).len() <= 63);
}
