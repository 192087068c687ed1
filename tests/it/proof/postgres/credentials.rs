//! Logins on a database: what they may, and what is left of them.

use serde_json::Value;

use super::server::{ask, login, server, stock};
use crate::proof::core::Core;

fn order(name: &str, access: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ \
         db: {{ type: postgres-database, params: {{ name: {name} }} }}, \
         login: {{ type: postgres-credentials, params: {{ database: \"${{resources.db.outputs.database}}\", access: {access} }} }} }} }}\n"
    )
}

fn outputs(core: &Core, name: &str, key: &str) -> Value {
    core.json(&["outputs", &format!("{name}/{key}"), "--reveal"])
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

fn apply(core: &Core, document: &str) {
    core.run(&["apply", "-f", &core.file("order.yaml", document), "--wait", "--allow-destroy", "--timeout", "2m"]);
}

#[test]
fn what_a_login_may_is_given_and_taken() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port);
    apply(&core, &order("granted", "owner"));
    let (owner, url) =
        (text(&outputs(&core, "granted", "db"), "url"), text(&outputs(&core, "granted", "login"), "url"));
    let made = "CREATE TABLE note (id INT); SELECT tableowner FROM pg_tables WHERE tablename = 'note'";
    assert_eq!(login(&url, made), Ok("granted".into()), "what it makes belongs to the owner");
    let (insert, select) = ("INSERT INTO note VALUES (1) RETURNING id", "SELECT count(*) FROM note");
    let denied = |url: &str, sql: &str| login(url, sql).is_err_and(|error| error.contains("permission denied"));

    apply(&core, &order("granted", "read"));
    assert!(denied(&url, insert) && login(&url, "DROP TABLE note").is_err());
    assert_eq!(login(&url, select), Ok("0".into()));
    login(&owner, "CREATE TABLE later (id SERIAL, text TEXT)").expect("made");
    assert_eq!(login(&url, "SELECT count(*) FROM later"), Ok("0".into()), "tables to come too");
    assert!(denied(&url, "INSERT INTO later (text) VALUES ('x')"));

    apply(&core, &order("granted", "write"));
    assert_eq!(login(&url, insert), Ok("1".into()));
    assert_eq!(login(&url, "INSERT INTO later (text) VALUES ('x') RETURNING id"), Ok("1".into()), "with sequences");
    assert!(login(&url, "DROP TABLE note").is_err() && login(&url, "CREATE TABLE own (id INT)").is_err());
    let planned = core.run(&["plan", "-f", &core.file("order.yaml", &order("granted", "write"))]);
    assert!(planned.ends_with("nothing to do\n"), "{planned}");

    // Another one beside it, and the first goes: what there is stays.
    let role = text(&outputs(&core, "granted", "login"), "user");
    let alone = "{ apiVersion: vend/v1, kind: Order, name: granted, resources: { \
        db: { type: postgres-database, params: { name: granted } } } }\n";
    apply(&core, alone);
    assert_eq!(ask(server(), &format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'")), "0");
    assert_eq!(login(&owner, select), Ok("1".into()));
    core.delete("granted");
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port);
    let document = "{ apiVersion: vend/v1, kind: Order, name: nowhere, resources: { \
        login: { type: postgres-credentials, params: { database: nowhere } } } }\n";
    let ran = core.try_run(&["apply", "-f", &core.file("order.yaml", document), "--wait", "--timeout", "2m"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("database `nowhere`"), "{ran:?}");
    assert_eq!(ask(server(), "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'nowhere%'"), "0");
    core.delete("nowhere");
}
