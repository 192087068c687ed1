//! From what a developer asks to what a driver is given.

use serde_json::{Value, json};

use super::super::{Asked, Rules, Schemas, fill};
use super::{of, told};

/// Fills `params` by the rules of a recipe, for a type and a driver with these schemas.
fn run(params: Value, rules: Value, kind: Value, driver: Value) -> Result<Value, String> {
    run_without(&[], params, rules, kind, driver)
}

/// The same where some params are not known yet.
fn run_without(unknown: &[&str], params: Value, rules: Value, kind: Value, driver: Value) -> Result<Value, String> {
    let unknown: Vec<String> = unknown.iter().map(|it| (*it).to_owned()).collect();
    let context = json!({
        "project": "shop", "environment": "live", "environment-type": "production", "order": "checkout", "name": "db", "class": "ha",
    });
    let resource_type = of(json!({ "name": "db", "params": kind, "outputs": {} }));
    let recipe = of(json!({ "name": "shared", "type": "db", "driver": "postgres", "params": rules }));
    let description = of(json!({ "params": driver, "outputs": {}, "identity": "named" }));
    let asked = Asked {
        unknown: &unknown,
        context: &context,
        params: Some(&params),
        resource_type: &resource_type,
        recipe: &recipe,
        driver: Some(("postgres", &description)),
    };
    fill(&asked, &Schemas::new(), &Rules::default()).map_err(|violations| told(&violations))
}

#[test]
fn what_is_nearest_to_the_developer_wins_but_for_what_is_fixed() {
    let kind = json!({ "properties": {
        "version": { "default": "15" }, "size": { "default": 1 }, "disk": { "default": {}, "properties": { "gb": { "default": 10 } } },
    } });
    for (params, rules, expected) in [
        (json!({}), json!({}), json!({ "version": "15", "size": 1, "disk": { "gb": 10 } })),
        (
            json!({}),
            json!({ "defaults": { "version": "16" } }),
            json!({ "version": "16", "size": 1, "disk": { "gb": 10 } }),
        ),
        (
            json!({ "version": "17" }),
            json!({ "defaults": { "version": "16" } }),
            json!({ "version": "17", "size": 1, "disk": { "gb": 10 } }),
        ),
        (json!({}), json!({ "fixed": { "size": 4 } }), json!({ "version": "15", "size": 4, "disk": { "gb": 10 } })),
        (
            json!({ "size": 4 }),
            json!({ "fixed": { "size": 4 } }),
            json!({ "version": "15", "size": 4, "disk": { "gb": 10 } }),
        ),
        (
            json!({}),
            json!({ "defaults": { "size": 2 }, "fixed": { "size": 4 } }),
            json!({ "version": "15", "size": 4, "disk": { "gb": 10 } }),
        ),
        (
            json!({ "disk": { "kind": "ssd" } }),
            json!({ "defaults": { "disk": { "kind": "hdd", "iops": 3 } }, "fixed": { "disk": { "gb": 20 } } }),
            json!({ "version": "15", "size": 1, "disk": { "kind": "ssd", "iops": 3, "gb": 20 } }),
        ),
    ] {
        assert_eq!(run(params.clone(), rules.clone(), kind.clone(), json!({})), Ok(expected), "{params} {rules}");
    }
}

#[test]
fn a_resource_without_params_has_defaults() {
    let resource_type =
        of(json!({ "name": "db", "params": { "properties": { "size": { "default": 1 } } }, "outputs": {} }));
    let recipe = of(json!({ "name": "shared", "type": "db", "driver": "postgres" }));
    let description = of(json!({ "params": {}, "outputs": {}, "identity": "named" }));
    let asked = Asked {
        params: None,
        unknown: &[],
        context: &json!({}),
        resource_type: &resource_type,
        recipe: &recipe,
        driver: Some(("postgres", &description)),
    };
    assert_eq!(fill(&asked, &Schemas::new(), &Rules::default()), Ok(json!({ "size": 1 })));
}

#[test]
fn every_violation_names_the_schema_that_refuses() {
    let kind = json!({ "type": "object", "required": ["name"], "additionalProperties": false, "properties": {
        "name": { "type": "string", "maxLength": 10 }, "size": { "type": "integer" }, "version": { "enum": ["15", "16"] }, "key": { "x-vend-secret": true },
    } });
    let driver = json!({ "required": ["name"], "properties": { "name": { "pattern": "^[a-z]+$" } } });
    for (params, rules, expected) in [
        (
            json!({ "nam": "x", "size": "big" }),
            json!({}),
            "/params/size: `params.size` must be a whole number, not a text, says resource type `db`
/params/nam: unknown key `nam` in `params`, says resource type `db`: did you mean `name`?
/params: missing key `name` in `params`, says resource type `db`",
        ),
        (
            json!({ "name": "Name-too-long", "size": 50, "version": "9" }),
            json!({ "allowed": { "properties": { "size": { "maximum": 10 } } } }),
            "/params/name: `params.name` must have at most 10 characters, says resource type `db`
/params/version: `params.version` must be one of `15` and `16`, says resource type `db`
/params/size: `params.size` must be at most 10, says recipe `shared`
/params/name: `params.name` is not written as it must be, says driver `postgres`: it must match `^[a-z]+$`",
        ),
        (
            json!({ "name": "a", "size": 2, "key": "hunter2" }),
            json!({ "fixed": { "size": 1, "key": "sesame" } }),
            "/params/key: `params.key` is fixed by recipe `shared`: leave it out
/params/size: `params.size` is fixed to `1` by recipe `shared`: leave it out",
        ),
        (json!("text"), json!({}), "/params: `params` must be a mapping, not a text, says resource type `db`"),
    ] {
        let found = run(params, rules, kind.clone(), driver.clone()).expect_err("violations");
        let sorted = |text: &str| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        assert_eq!(sorted(&found), sorted(expected));
    }
}

#[test]
fn hostile_patterns_run_in_linear_time() {
    let kind = json!({ "properties": { "name": { "pattern": "^(a+)+$" } } });
    let found = run(json!({ "name": format!("{}!", "a".repeat(100_000)) }), json!({}), kind, json!({}));
    assert!(found.is_err());
}

fn constraints(all: &[(&str, &str)]) -> Value {
    let one = |(rule, message): &(&str, &str)| json!({ "rule": rule, "message": message });
    json!({ "constraints": all.iter().map(one).collect::<Vec<_>>(), "defaults": { "size-gb": 10 }, "fixed": { "kind": "ssd" } })
}

#[test]
fn rules_are_asked_of_what_the_driver_would_get() {
    let kind = json!({ "properties": { "size-gb": { "type": "integer" }, "iops": { "default": 100 } } });
    let large = ("params['size-gb'] <= 100 || context.project == 'dwh'", "More than 100 GB is for the data warehouse.");
    let fast = ("params.iops <= 30 * params['size-gb'] && params.kind == 'ssd'", "Larger disks are faster");
    let absent = ("params.cpu > 1", "never");
    let by_recipe = "says recipe `shared` by its rule";
    for (params, rules, expected) in [
        (json!({}), constraints(&[large, fast]), Ok(json!({ "size-gb": 10, "iops": 100, "kind": "ssd" }))),
        (
            json!({ "size-gb": 200 }),
            constraints(&[large, fast]),
            Err(format!("/params/size-gb: {}: {by_recipe} `{}`", "More than 100 GB is for the data warehouse", large.0)),
        ),
        (
            json!({ "size-gb": 1, "iops": 31 }),
            constraints(&[large, fast]),
            Err(format!("/params: {}: {by_recipe} `{}`", fast.1, fast.0)),
        ),
        (
            json!({}),
            constraints(&[absent]),
            Err("/params/cpu: recipe `shared` cannot tell whether its rule `params.cpu > 1` holds: it asks for a member that is not there: ask with `has(…)` first".to_owned()),
        ),
        // Schemas first: rules count on them.
        (
            json!({ "size-gb": "big" }),
            constraints(&[large]),
            Err("/params/size-gb: `params.size-gb` must be a whole number, not a text, says resource type `db`".to_owned()),
        ),
    ] {
        assert_eq!(run(params.clone(), rules, kind.clone(), json!({})), expected, "{params}");
    }
}

#[test]
fn rules_about_what_is_not_known_yet_are_asked_later() {
    let rules = constraints(&[("params.target.host != ''", "host"), ("params['size-gb'] < 5", "small")]);
    let small = "/params/size-gb: small: says recipe `shared` by its rule `params['size-gb'] < 5`";
    let kind = json!({ "properties": { "target": {} } });
    for unknown in [["/target"], ["/target/host"], ["/target/host/name"]] {
        let found = run_without(&unknown, json!({}), rules.clone(), kind.clone(), json!({}));
        assert_eq!(found, Err(small.to_owned()), "{unknown:?}");
    }
    let found = run_without(&["/targets"], json!({}), rules, kind, json!({})).expect_err("both");
    assert_eq!(found.lines().count(), 2, "{found}");
}
