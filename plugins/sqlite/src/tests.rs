//! What can be said of the driver without a host: its description and its rules for params.

use super::*;

#[test]
fn the_description_is_one() {
    let schema = serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let document = driver().document();
    let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(document["types"]["sqlite-database"]["create-only"], json!(["/name"]));
}

#[test]
fn params_have_one_normal_form() {
    let params = |schema: &[&str]| Params {
        name: "orders".into(),
        schema: schema.iter().map(|statement| statement.to_string()).collect(),
    };
    let config = Config { directory: None };
    let once = SqliteDatabase::validate(params(&[" CREATE TABLE a (b); \n", "SELECT 1"]), &config).unwrap();
    assert_eq!(once.schema, ["CREATE TABLE a (b)", "SELECT 1"]);
    let twice = SqliteDatabase::validate(params(&["CREATE TABLE a (b)", "SELECT 1"]), &config).unwrap();
    assert_eq!(json!(once), json!(twice));
    let wrong = Params { name: "No!".into(), ..params(&[";", "SELECT 1", ""]) };
    let error = SqliteDatabase::validate(wrong, &config).err().expect("three things are wrong");
    let pointers: Vec<&str> = error.violations.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(pointers, ["/params/name", "/params/schema/0", "/params/schema/2"]);
}
