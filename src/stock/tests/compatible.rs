//! A type may not be narrowed under what lives by it.

use serde_json::{Value, json};

use super::super::{Live, Schemas, compatible};
use super::{name, of};

#[test]
fn narrowing_names_the_resources() {
    let old = json!({
        "name": "db", "classes": [{ "name": "small" }], "params": { "properties": { "size": {} } },
        "outputs": { "required": ["host"], "properties": { "host": {}, "password": { "x-vend-secret": true } } },
    });
    let with = |pointer: &str, value: Value| {
        let mut new = old.clone();
        *new.pointer_mut(pointer).expect("a place") = value;
        new
    };
    let (small, params) = (name("small"), [json!({ "size": 1 }), json!({ "size": 20 })]);
    let live = [
        Live { name: "resources/a", class: None, params: &params[0] },
        Live { name: "resources/b", class: Some(&small), params: &params[1] },
    ];
    for (new, expected) in [
        (old.clone(), vec![]),
        (with("/params/properties/size", json!({ "maximum": 100 })), vec![]),
        (
            with("/params/properties/size", json!({ "maximum": 10 })),
            vec!["resources/b: `params.size` must be at most 10"],
        ),
        (with("/params", json!({ "type": 7 })), vec!["the new params are no schema that can be used"]),
        (with("/classes", json!([])), vec!["resources/b: the class `small` is gone"]),
        (with("/outputs/required", json!([])), vec!["the output `host` would no longer be promised"]),
        (with("/outputs/required", json!(["host", "password"])), vec![]),
        (with("/outputs/properties/password", json!({})), vec!["the output `password` would no longer be secret"]),
    ] {
        let found = compatible(&of(old.clone()), &of(new.clone()), &live, &Schemas::new());
        assert_eq!(found, expected, "{new}");
        assert!(compatible(&of(old.clone()), &of(new), &[], &Schemas::new()).is_empty());
    }
}

#[test]
fn many_refused_resources_are_counted() {
    let old = json!({ "name": "db", "params": {}, "outputs": {} });
    let new = json!({ "name": "db", "params": { "required": ["size"] }, "outputs": {} });
    let params = json!({});
    let live = [Live { name: "r", class: None, params: &params }; 25];
    let found = compatible(&of(old), &of(new), &live, &Schemas::new());
    assert_eq!((found.len(), found[20].as_str()), (21, "and 5 more resources"));
}
