//! What can be said of the driver without a host: its description and its rules for params.

use super::*;

fn params(name: &str, extensions: &[&str], connection_limit: i32) -> Params {
    let extensions = extensions.iter().map(|extension| extension.to_string()).collect();
    Params { name: name.into(), extensions, connection_limit }
}

#[test]
fn the_description_is_one() {
    let schema = serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let document = driver().document();
    let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let outputs = &document["types"]["postgres-database"]["outputs"];
    assert_eq!(outputs["properties"]["url"]["x-vend-secret"], json!(true));
    assert_eq!(outputs["required"], json!(["host", "port", "database", "user", "password", "url"]));
}

#[test]
fn params_have_one_normal_form() {
    let once = params("orders", &["pg_trgm", "citext", "plpgsql", "citext"], 10).normal().unwrap();
    assert_eq!(once.extensions, ["citext", "pg_trgm"]);
    assert_eq!(json!(once.clone().normal().unwrap()), json!(once));
}

#[test]
fn names_that_are_none_are_refused() {
    for name in ["", "Orders", "9lives", "-x", "a b", "pg_orders", "postgres", "public", &"x".repeat(64)] {
        let error = params(name, &[], -1).normal().unwrap_err();
        assert!(error.violations.iter().all(|violation| violation.pointer == "/params/name"), "{name}: {error:?}");
    }
    let error = params("orders", &["citext", "a;b"], -2).normal().unwrap_err();
    let pointers: Vec<&str> = error.violations.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(pointers, ["/params/extensions/1", "/params/connection-limit"]);
}
