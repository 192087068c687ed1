//! Recipes that cannot work are refused before anyone orders by them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{Fit, Schemas, fit};
use super::{of, told};
use crate::domain::connection::Connection;

/// A world in which the recipe fits; tests change one thing in it.
fn world() -> Value {
    let credential = json!({ "username": "u", "password": { "secret": "s" } });
    json!({
        "recipe": { "name": "shared", "type": "db", "driver": "postgres", "connections": { "server": "pg-dev" }, "config": { "cluster": "a" } },
        "type": {
            "name": "db", "classes": [{ "name": "small" }],
            "params": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" }, "size": { "enum": [1, 2] } } },
            "outputs": { "required": ["host"], "properties": { "host": {}, "password": { "x-vend-secret": true } } },
        },
        "driver": {
            "name": "postgres", "version": "0.1.0", "state-version": 1,
            "slots": { "server": { "types": ["postgres"], "access": "read-write" } },
            "types": { "db": {
                "params": { "additionalProperties": false, "properties": { "name": {}, "size": {} } },
                "outputs": { "required": ["host"], "properties": { "host": {}, "password": { "x-vend-secret": true } } },
                "config": { "additionalProperties": false, "properties": { "cluster": { "type": "string" } } },
                "identity": "named",
            } },
        },
        "connections": [
            { "name": "pg-dev", "type": "postgres", "endpoint": "postgres://db", "credential": credential, "read-credential": "same",
              "facts": { "host": "db.example.com", "port": 5432, "net": { "cidr-v4": "10.0.0.0/8" } } },
            { "name": "bare", "type": "postgres", "endpoint": "postgres://db" },
            { "name": "files", "type": "sqlite", "endpoint": "files" },
        ],
    })
}

fn run(world: &Value) -> String {
    let all: Vec<Connection> = of(world["connections"].clone());
    let connections: BTreeMap<_, _> = all.into_iter().map(|it| (it.meta.name.clone(), it)).collect();
    let (recipe, resource_type, driver) =
        (of(world["recipe"].clone()), of(world["type"].clone()), of(world["driver"].clone()));
    told(&fit(
        &Fit { recipe: &recipe, resource_type: &resource_type, driver: &driver, connections: &connections },
        &Schemas::new(),
    ))
}

#[test]
fn a_recipe_that_fits_is_not_refused() {
    assert_eq!(run(&world()), "");
}

#[test]
fn what_does_not_fit_is_told_where_it_stands() {
    let made = "/driver/types/db";
    for (pointer, value, expected) in [
        ("/recipe/type".to_owned(), json!("db"), ""),
        ("/type/name".to_owned(), json!("dns"), "/driver: driver `postgres` does not make `dns`: it makes `db`"),
        (
            "/recipe/match".to_owned(),
            json!([{ "class": "smal" }]),
            "/match/0/class: resource type `db` has no class `smal`: did you mean `small`?",
        ),
        (
            "/recipe/connections".to_owned(),
            json!({}),
            "/connections: the slot `server` of driver `postgres` has no connection: bind one of type `postgres`",
        ),
        (
            "/recipe/connections".to_owned(),
            json!({ "server": "pg-dev", "servr": "pg-dev" }),
            "/connections/servr: driver `postgres` has no slot `servr`: did you mean `server`?",
        ),
        (
            "/recipe/connections/server".to_owned(),
            json!("pg-de"),
            "/connections/server: there is no connection `pg-de`: did you mean `pg-dev`?",
        ),
        (
            "/recipe/connections/server".to_owned(),
            json!("files"),
            "/connections/server: connection `files` is of type `sqlite`, the slot `server` takes `postgres`",
        ),
        (
            "/recipe/connections/server".to_owned(),
            json!("bare"),
            "/connections/server: connection `bare` has no `credential`, which the slot `server` needs
/connections/server: connection `bare` has no `read-credential`, which the slot `server` needs",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": 1 }),
            "/config/cluster: `config.cluster` must be a text, not a number, says driver `postgres`: write it in quotes",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "x": 1 }),
            "/config/x: unknown key `x` in `config`, says driver `postgres`: known are `cluster`",
        ),
        ("/recipe/config".to_owned(), json!({ "cluster": "${connections.server.facts.host}" }), ""),
        ("/recipe/config".to_owned(), json!({ "cluster": "h:${connections.server.facts.port}/$${x}" }), ""),
        ("/recipe/config".to_owned(), json!({ "cluster": "${connections.server.facts.net.cidr-v4}" }), ""),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "${connections.server.facts.port}" }),
            "/config/cluster: `config.cluster` must be a text, not a number, says driver `postgres`: write it in quotes",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "${connections.server.facts.hst}" }),
            "/config/cluster: `${connections.server.facts.hst}`: the connection of slot `server` has no fact `hst`: did you mean `host`?",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "${connections.server.facts.host.x}" }),
            "/config/cluster: `${connections.server.facts.host.x}`: the connection of slot `server` has no fact `x`",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "a ${connections.server.facts.net}" }),
            "/config/cluster: `${connections.server.facts.net}` is a mapping, which cannot stand within a text: let it stand alone",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "${connections.servr.facts.host}" }),
            "/config/cluster: `${connections.servr.facts.host}`: the recipe binds no slot `servr`: did you mean `server`?",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "${connections.server.facts}" }),
            "/config/cluster: `${connections.server.facts}` names no fact: write `${connections.server.facts.NAME}`",
        ),
        (
            "/recipe/config".to_owned(),
            json!({ "cluster": "${params.name}" }),
            "/config/cluster: `${params.name}` is nothing that a config knows: write `${connections.SLOT.facts.NAME}`",
        ),
        (
            format!("{made}/config"),
            json!({ "required": ["cluster", "zone"] }),
            "/config: missing key `zone` in `config`, says driver `postgres`",
        ),
        (
            format!("{made}/identity"),
            json!("unsafe"),
            "/accept-unsafe: driver `postgres` cannot tell whether a create whose answer was lost has happened: write `accept-unsafe: true` if such a create may wait for a person",
        ),
        (
            format!("{made}/outputs"),
            json!({ "properties": { "password": { "x-vend-secret": true } } }),
            "/driver: driver `postgres` gives no output `host`, which resource type `db` requires",
        ),
        (
            format!("{made}/outputs/properties/password"),
            json!({}),
            "/driver: driver `postgres` gives the output `password` in the clear, resource type `db` marks it secret",
        ),
        (
            format!("{made}/outputs/properties/host"),
            json!({ "x-vend-secret": true }),
            "/driver: driver `postgres` marks the output `host` secret, resource type `db` does not",
        ),
        ("/type/outputs/additionalProperties".to_owned(), json!(false), ""),
        (
            format!("{made}/params/properties"),
            json!({ "name": {} }),
            "/driver: driver `postgres` does not take the param `size`, which resource type `db` offers",
        ),
        (format!("{made}/params"), json!({ "required": ["zone"] }), ""),
        (
            "/recipe/params".to_owned(),
            json!({ "fixed": { "size": 3 } }),
            "/params/fixed/size: `params.size` must be one of `1` and `2`, says resource type `db`",
        ),
        (
            "/recipe/params".to_owned(),
            json!({ "defaults": { "zone": "a" } }),
            "/params/defaults/zone: unknown key `zone` in `params`, says driver `postgres`: known are `name` and `size`",
        ),
        (
            "/recipe/params".to_owned(),
            json!({ "defaults": { "size": 1 }, "allowed": { "properties": { "size": { "const": 2 } } } }),
            "/params/defaults/size: `params.size` must be `2`, says this recipe",
        ),
    ] {
        let mut world = world();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        world.pointer_mut(parent).expect("a place")[key] = value.clone();
        assert_eq!(run(&world), expected, "{pointer} {value}");
    }
}

#[test]
fn a_param_that_only_the_driver_needs_must_be_set_by_the_recipe() {
    let mut world = world();
    world["type"]["params"]["additionalProperties"] = json!(false);
    world["driver"]["types"]["db"]["params"] = json!({ "required": ["zone"] });
    let expected = "/driver: driver `postgres` needs the param `zone`, which resource type `db` does not offer";
    assert_eq!(run(&world), expected);
}

#[test]
fn rules_look_at_params_that_there_are() {
    let mut world = world();
    world["type"]["params"]["additionalProperties"] = json!(false);
    let rule = |rule: &str| json!({ "constraints": [{ "rule": rule, "message": "no" }], "defaults": { "zone": "a" } });
    for (rules, expected) in [
        (rule("params.name != '' && params.size < 3"), ""),
        (rule("has(params.zone)"), ""),
        (
            rule("params.sise < 3"),
            "/params/constraints/0/rule: resource type `db` has no param `sise`, which this rule looks at: did you mean `size`?",
        ),
        (rule("size(params) > 1"), ""),
        (
            rule("param.size < 3"),
            "/params/constraints/0/rule: `param` is not known to rules: they know `params` and `context`",
        ),
    ] {
        world["recipe"]["params"] = rules;
        let told = run(&world);
        let told: Vec<&str> = told.lines().filter(|it| !it.starts_with("/params/defaults")).collect();
        assert_eq!(told.join("\n"), expected);
    }
}

#[test]
fn everything_is_told_at_once() {
    let mut world = world();
    world["recipe"]["connections"] = json!({});
    world["recipe"]["config"] = json!({ "x": 1 });
    world["driver"]["types"]["db"]["identity"] = json!("unsafe");
    assert_eq!(run(&world).lines().count(), 3);
    world["recipe"]["accept-unsafe"] = json!(true);
    assert_eq!(run(&world).lines().count(), 2);
}
