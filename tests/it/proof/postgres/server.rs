//! A PostgreSQL server that writes down every statement it is asked; what is counted is counted here.

use std::process::Command;
use std::sync::OnceLock;

use crate::support::postgres::{PASSWORD, SUPERUSER, Server, binary};

use crate::proof::core::Core;

/// Of the roles `vend` and `vend_ro`. Full of what encodings change, so that a search for each has something to find.
pub const WRITER: &str = r#"cAnary/7+"Zq\x% wr?ter&="#;
pub const READER: &str = r#"cAnary/8+"Yp\y% re?der&="#;

/// One for all proofs of this process.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Server::start_with(&["log_statement=all"]);
        ask(&server, &format!("CREATE ROLE vend LOGIN CREATEDB CREATEROLE PASSWORD '{WRITER}'"));
        ask(&server, &format!("CREATE ROLE vend_ro LOGIN PASSWORD '{READER}'"));
        server
    })
}

/// Asks the server itself, as its superuser.
#[track_caller]
pub fn ask(server: &Server, sql: &str) -> String {
    let url = format!("postgres://{SUPERUSER}:{PASSWORD}@127.0.0.1:{}/postgres", server.port);
    login(&url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// What `psql URL -c SQL` answers.
pub fn login(url: &str, sql: &str) -> Result<String, String> {
    let mut command = Command::new(binary("psql"));
    command.args([url, "-v", "ON_ERROR_STOP=1", "-qtAc", sql]).env("PGCONNECT_TIMEOUT", "10").current_dir("/");
    let output = command.output().expect("psql runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Databases and roles of that name.
#[track_caller]
pub fn count(name: &str) -> (String, String) {
    let databases = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{name}'");
    (ask(server(), &databases), ask(server(), &roles))
}

/// How often the server was asked to execute a statement with this text in it.
pub fn executed(text: &str) -> usize {
    let log = String::from_utf8_lossy(&std::fs::read(&server().log).expect("the server's log")).into_owned();
    log.lines().filter(|line| line.contains("LOG:  execute ") && line.contains(text)).count()
}

/// `examples/postgres/platform.yaml`, applied with this server's address.
pub fn stock(core: &Core, port: u16) {
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    core.apply(&platform(port));
}

/// Connections go to `port`; whoever uses a database is told where the server itself is.
pub fn platform(port: u16) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/postgres/platform.yaml");
    let example = std::fs::read_to_string(path).expect("the example");
    let address = "endpoint: postgres://127.0.0.1:5432";
    let told = "port: 5432";
    assert_eq!((example.matches(address).count(), example.matches(told).count()), (1, 1), "the example changed");
    example
        .replace(address, &format!("endpoint: postgres://127.0.0.1:{port}"))
        .replace(told, &format!("port: {}", server().port))
}

pub fn order(name: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, \
         resources: {{ db: {{ type: postgres-database, params: {{ name: {name} }} }} }} }}\n"
    )
}

/// The outputs of an order's only resource, secrets included.
#[track_caller]
pub fn revealed(core: &Core, order: &str) -> serde_json::Value {
    core.json(&["outputs", &format!("{order}/db"), "--reveal"])
}

/// What was bought lets its owner in, and nobody without the password.
#[track_caller]
pub fn assert_usable(core: &Core, name: &str) {
    let outputs = revealed(core, name);
    let text = |key: &str| outputs[key].as_str().unwrap_or_else(|| panic!("no `{key}`: {outputs}")).to_owned();
    let who = "SELECT current_user || '|' || current_database()";
    let expected = Ok(format!("{name}|{name}"));
    assert_eq!(login(&text("url"), who), expected, "by the composed URL");
    let (host, port, password) = (text("host"), outputs["port"].to_string(), text("password"));
    let apart =
        format!("host={host} port={port} dbname={} user={} password={password}", text("database"), text("user"));
    assert_eq!(login(&apart, who), expected, "by the outputs one by one");
    let wrong = text("url").replace(&password, "wrong");
    assert!(login(&wrong, who).is_err_and(|error| error.contains("password authentication failed")));
    login(&text("url"), "CREATE TABLE note (id INT); DROP TABLE note").expect("the owner may make tables");
}
