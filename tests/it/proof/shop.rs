//! `examples/shop/`: one order, two environments, real servers.

use serde_json::Value;

use super::core::Core;
use super::postgres::server::{READER, WRITER, ask, login, platform as postgres, server};
use super::powerdns::server::platform as powerdns;
use crate::support::postgres::Server as Postgres;
use crate::support::powerdns::{KEY, Server as Dns};

/// The two servers of an environment.
struct Place {
    postgres: u16,
    dns: Dns,
}

fn shop(production: &Place) -> String {
    let text = std::fs::read_to_string("examples/shop/platform.yaml").expect("the example");
    let (database, dns) = ("postgres://127.0.0.2:5432", "http://127.0.0.2:8081/");
    assert_eq!((text.matches(database).count(), text.matches(dns).count()), (1, 1), "the example changed");
    text.replace(database, &format!("postgres://127.0.0.1:{}", production.postgres))
        .replace(dns, &format!("http://127.0.0.1:{}/", production.dns.port))
}

/// Action by key.
fn actions(plan: &Value) -> Vec<String> {
    let resources = plan["plans"][0]["resources"].as_array().expect("resources");
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    resources.iter().map(|it| format!("{} {}", text(it, "action"), text(it, "key"))).collect()
}

#[test]
fn one_order_is_one_thing_in_development_and_another_in_production() {
    let development = Place { postgres: server().port, dns: Dns::start() };
    let other = Postgres::start();
    for (name, password, may) in [("vend", WRITER, "CREATEDB CREATEROLE"), ("vend_ro", READER, "")] {
        ask(&other, &format!("CREATE ROLE {name} LOGIN {may} PASSWORD '{password}'"));
    }
    let production = Place { postgres: other.port, dns: Dns::start() };

    let core = Core::start(&["postgres", "powerdns"]);
    for (name, value) in [("pg-admin", WRITER), ("pg-ro", READER), ("pdns-key", KEY)] {
        core.secret(name, value);
    }
    core.apply(&postgres(development.postgres));
    core.apply(&powerdns(development.dns.port));
    core.apply(&shop(&production));

    let order = std::fs::read_to_string("examples/shop/order.yaml").expect("the example");
    let file = core.file("order.yaml", &order.replace("checkout", "shopping"));
    let plan = core.json(&["plan", "-f", &file]);
    assert_eq!(actions(&plan), ["create db", "create dns", "create service", "create zone"]);
    let text = core.run(&["plan", "-f", &file]);
    assert!(text.contains("(known after apply)") && text.contains("after db, zone"), "{text}");

    for (environment, place, limit, ttl) in
        [("dev", &development, "20", "300"), ("production", &production, "5", "3600")]
    {
        let here = ["-e", environment];
        core.run(&[&["apply", "-f", &file, "--wait", "--timeout", "2m"], &here[..]].concat());
        let service = core.json(&[&["outputs", "shopping/service", "--reveal"], &here[..]].concat());
        assert_eq!(service["environment"], environment);
        let database = service["database"].as_str().expect("a URL");
        let at_home = database.replace("db.production.example:5432", &format!("127.0.0.1:{}", place.postgres));
        let asked = "SELECT datconnlimit FROM pg_database WHERE datname = current_database()";
        assert_eq!(login(&at_home, asked), Ok(limit.to_owned()), "{environment}: the recipe's limit");
        let host = service["name"].as_str().expect("a name");
        let told = place.dns.dig_ttl(host, "TXT");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(ttl) && told[0].contains("/shopping"), "{environment}: {told:?}");

        let again = core.json(&[&["plan", "-f", &file], &here[..]].concat());
        assert!(actions(&again).iter().all(|it| it.starts_with("none ")), "{again}");
        let status = core.try_run(&[&["plan", "-f", &file, "--detailed-exitcode"], &here[..]].concat()).status;
        assert_eq!(status, 0, "{environment}");
    }

    for (environment, place) in [("dev", &development), ("production", &production)] {
        core.run(&["delete", "order", "shopping", "-e", environment, "--allow-destroy", "--wait", "--timeout", "2m"]);
        assert_eq!(place.dns.dig("db.shop.example", "TXT"), [""; 0]);
    }
    assert_eq!(ask(server(), "SELECT count(*) FROM pg_database WHERE datname = 'shopping'"), "0");
    assert_eq!(ask(&other, "SELECT count(*) FROM pg_database WHERE datname = 'shopping'"), "0");
}
