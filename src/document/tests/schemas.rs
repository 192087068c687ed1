//! The published schemas and the records say the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{render, schema};
use crate::domain::document::{Kind, Manifest};

/// A document of `kind` with nothing but what it must have.
pub(super) fn least(kind: Kind) -> Manifest {
    let value = match kind {
        Kind::Project => json!({ "name": "shop" }),
        Kind::Environment => json!({ "name": "dev", "project": "shop", "type": "development" }),
        Kind::ResourceType => json!({ "name": "database", "params": {}, "outputs": {} }),
        Kind::Connection => json!({ "name": "files", "type": "sqlite", "endpoint": "files" }),
        Kind::Recipe => json!({ "name": "shared", "type": "database", "driver": "postgres" }),
        Kind::Order => json!({ "name": "checkout" }),
    };
    manifest(kind, value)
}

/// A document of `kind` with everything it may have.
pub(super) fn full(kind: Kind) -> Manifest {
    let credential = json!({ "username": "vend", "password": { "secret": "pg-admin" } });
    let mut value = match kind {
        Kind::Project => json!({}),
        Kind::Environment => json!({ "project": "shop", "type": "development" }),
        Kind::ResourceType => json!({
            "params": { "type": "object", "properties": { "name": { "type": "string", "pattern": "^[a-z]+$" } }, "required": ["name"] },
            "outputs": { "type": "object", "properties": { "password": { "type": "string", "x-vend-secret": true } } },
            "classes": [{ "name": "small", "title": "Small" }], "holds-data": true, "observe": { "interval": "10m" },
        }),
        Kind::Connection => json!({
            "type": "postgres", "endpoint": "postgres://db:5432", "credential": credential, "read-credential": credential,
            "allow": { "databases": ["*"], "networks": ["127.0.0.0/8"] },
            "limits": { "concurrency": 8, "rate-per-second": 50, "timeout": "30s" },
            "tls": { "ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" },
        }),
        Kind::Recipe => json!({
            "type": "database", "match": [{ "resource": "checkout/db", "environment": "dev", "project": "shop", "environment-type": "development", "class": "small" }], "driver": "postgres@^0.1",
            "connections": { "server": "pg-dev" }, "config": { "cluster": "shared" },
            "params": { "defaults": { "version": "16" }, "fixed": { "size": "small" }, "allowed": { "type": "object" },
                "constraints": [{ "rule": "params.version != '15'", "message": "15 is too old" }] },
            "accept-unsafe": true, "replace": "delete-first", "drift": "correct", "policy": { "deletion-grace": "7d" },
        }),
        Kind::Order => json!({
            "project": "shop", "environment": "dev",
            "resources": { "db": {
                "type": "database", "class": "small", "params": { "name": "orders" }, "protect": true, "on-remove": "retain",
                "observe-only": true, "adopt": "orders", "was": "checkout/database",
            }, "company": { "type": "database", "id": "company.db" } },
        }),
    };
    let meta = json!({
        "name": "full", "title": "Full", "description": "All of it.", "labels": { "cost-center": "4711" }, "owners": ["group:shop-team"],
    });
    if let (Value::Object(value), Value::Object(meta)) = (&mut value, meta) {
        value.extend(meta);
    }
    manifest(kind, value)
}

/// A document with every key of its kind, whether or not they go together.
fn every_key(kind: Kind) -> Manifest {
    if let Manifest::Recipe(full) = full(kind) {
        let mut value = serde_json::to_value(full).expect("a recipe is JSON");
        value["resources"] =
            json!({ "part": { "type": "t", "class": "c", "params": {}, "connections": { "s": "part" } } });
        value["outputs"] = json!({});
        return manifest(kind, value);
    }
    let Manifest::Connection(full) = full(kind) else { return full(kind) };
    let mut value = serde_json::to_value(full).expect("a connection is JSON");
    let secret = json!({ "secret": "admin" });
    let credential = json!({
        "username": "vend", "password": secret, "bearer": secret, "header": "X-Key", "value": secret, "template": "Key {}",
        "oauth2": { "token-endpoint": "https://id", "client-id": "vend", "client-secret": secret, "scope": "a", "audience": "b" },
        "sigv4": {
            "region": "r", "service": "s", "access-key-id": "i", "secret-access-key": secret, "session-token": secret,
        },
    });
    let rules = json!([{
        "methods": ["POST"], "path": "/**", "query": { "a": "*" }, "form": { "a": "*" }, "headers": { "a": "*" }, "json": { "/a": "*" },
    }]);
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (key, more) in [
        ("filled-from", json!({ "type": "t", "secrets": { "admin": "password" } })),
        ("credential", credential.clone()),
        ("read-credential", credential),
        ("allow", json!({ "databases": ["*"], "networks": ["127.0.0.0/8"], "reads": rules, "writes": rules })),
        ("deny", rules.clone()),
        ("check", json!("/")),
        ("facts", json!({ "host": "db.example.com" })),
        ("tls", json!({ "ca": pem, "certificate": pem, "key": secret })),
    ] {
        value[key] = more;
    }
    manifest(kind, value)
}

fn manifest(kind: Kind, mut value: Value) -> Manifest {
    value["kind"] = json!(kind.as_str());
    serde_json::from_value(value).expect("a manifest")
}

/// Paths of the keys that a schema names; `*` for keys that people choose, and for items.
fn named(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}/{key}");
        named(inner, &path, found);
        found.insert(path);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(keyword).filter(|it| it.is_object()) {
            named(inner, &format!("{path}/*"), found);
        }
    }
    for branch in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        named(branch, path, found);
    }
}

/// Paths of the keys that a document has, as far as its schema names them.
fn written(schema: &Value, value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = schema.pointer("/oneOf/0").unwrap_or(schema);
    let open = schema.get("additionalProperties").filter(|it| it.is_object());
    for (key, member) in value.as_object().into_iter().flatten() {
        if let Some(inner) = schema.pointer(&format!("/properties/{key}")) {
            let path = format!("{path}/{key}");
            written(inner, member, &path, found);
            found.insert(path);
        } else if let Some(inner) = open {
            written(inner, member, &format!("{path}/*"), found);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        written(&schema["items"], item, &format!("{path}/*"), found);
    }
}

#[test]
fn a_schema_names_exactly_the_keys_of_its_records() {
    for kind in Kind::ALL {
        let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
        named(schema(kind), "", &mut expected);
        let document = render(&every_key(kind), None);
        written(schema(kind), &document, "", &mut found);
        assert_eq!(found, expected, "{kind}");
        let unknown: Vec<_> = super::super::schema::compiled(kind)
            .refusals(&document, &super::super::refusal::Scope::Document(kind, "full"));
        assert_eq!(unknown, [], "{kind}");
    }
}

#[test]
fn every_key_is_described() {
    fn visit(schema: &Value, path: &str) {
        for keyword in ["properties", "additionalProperties", "items", "oneOf"] {
            match schema.get(keyword) {
                Some(Value::Object(inner)) if keyword == "properties" => {
                    inner.iter().for_each(|(key, inner)| described(inner, &format!("{path}/{key}")));
                }
                Some(Value::Array(branches)) => branches.iter().for_each(|inner| described(inner, path)),
                Some(inner @ Value::Object(_)) => described(inner, &format!("{path}/*")),
                _ => {}
            }
        }
    }
    fn described(schema: &Value, path: &str) {
        assert!(schema["description"].as_str().is_some_and(|text| text.ends_with(['.', '`'])), "{path}");
        visit(schema, path);
        let closed =
            schema["type"] != "object" || schema.get("additionalProperties").is_some() || path.ends_with("params");
        let free =
            ["/outputs", "/config", "/defaults", "/fixed", "/allowed", "/facts"].iter().any(|end| path.ends_with(end));
        assert!(closed || free, "{path}");
    }
    for kind in Kind::ALL {
        described(schema(kind), kind.as_str());
    }
}
