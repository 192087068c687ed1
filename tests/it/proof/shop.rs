//! `examples/shop/`: one order, two environments, real servers.

use std::time::Duration;

use serde_json::{Value, json};

use super::core::{Core, until};
use super::postgres::gate::{Gate, Rule};
use super::postgres::server::{READER, WRITER, ask, login, platform as postgres, server};
use super::powerdns::server::platform as powerdns;
use crate::support::postgres::Server as Postgres;
use crate::support::powerdns::{KEY, Server as Dns};

/// The two servers of an environment. `postgres` is where the core finds its databases.
struct Place {
    postgres: u16,
    dns: Dns,
}

/// How often things are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// With that interval.
fn often(platform: String) -> String {
    let observe = "observe: { interval: 2s }";
    platform
        .replace("holds-data: true", &format!("holds-data: true\n{observe}"))
        .replace("title: PostgreSQL credentials", &format!("title: PostgreSQL credentials\n{observe}"))
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

/// The order `shopping` in both environments.
struct Shop {
    core: Core,
    file: String,
    development: Place,
    production: Place,
    /// The server behind `production`, and what stands between.
    other: Postgres,
    gate: Gate,
}

impl Shop {
    fn open() -> Self {
        let development = Place { postgres: server().port, dns: Dns::start() };
        let other = Postgres::start();
        for (name, password, may) in [("vend", WRITER, "CREATEDB CREATEROLE"), ("vend_ro", READER, "")] {
            ask(&other, &format!("CREATE ROLE {name} LOGIN {may} PASSWORD '{password}'"));
        }
        let gate = Gate::start(other.port, Rule::Open);
        let production = Place { postgres: gate.port, dns: Dns::start() };
        let core = Core::start(&["postgres", "powerdns"]);
        for (name, value) in [("pg-admin", WRITER), ("pg-ro", READER), ("pdns-key", KEY)] {
            core.secret(name, value);
        }
        core.apply(&often(postgres(development.postgres)));
        core.apply(&powerdns(development.dns.port));
        core.apply(&shop(&production));
        let order = std::fs::read_to_string("examples/shop/order.yaml").expect("the example");
        let file = core.file("order.yaml", &order.replace("checkout", "shopping"));
        Self { core, file, development, production, other, gate }
    }

    fn apply(&self, environment: &str, more: &[&str]) {
        let arguments = ["apply", "-f", &self.file, "-e", environment, "--wait", "--timeout", "2m"];
        self.core.run(&[&arguments[..], more].concat());
    }

    fn planned(&self, environment: &str) -> Vec<String> {
        actions(&self.core.json(&["plan", "-f", &self.file, "-e", environment]))
    }

    fn outputs(&self, environment: &str, key: &str) -> Value {
        self.core.json(&["outputs", &format!("shopping/{key}"), "--reveal", "-e", environment])
    }

    /// The URL with which the workload logs in, as it is reached from here.
    fn url(&self, environment: &str) -> String {
        let url = self.outputs(environment, "service")["database"].as_str().expect("a URL").to_owned();
        url.replace("db.production.example:5432", &format!("127.0.0.1:{}", self.other.port))
    }

    fn condition(&self, environment: &str, key: &str, kind: &str) -> Option<Value> {
        let found = self.core.json(&["get", "resource", &format!("shopping/{key}"), "-e", environment]);
        let conditions = found["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|it| it["type"] == kind && it["status"] == json!(true))
    }
}

const LIMIT: &str = "SELECT datconnlimit FROM pg_database WHERE datname = 'shopping'";
const WHO: &str = "SELECT current_database()";

#[test]
fn one_order_is_one_thing_in_development_and_another_in_production() {
    let shop = Shop::open();
    assert_eq!(shop.planned("dev"), ["create db", "create dns", "create login", "create service", "create zone"]);
    let text = shop.core.run(&["plan", "-f", &shop.file]);
    assert!(text.contains("(known after apply)") && text.contains("after db, login, zone"), "{text}");

    for (environment, place, limit, ttl) in
        [("dev", &shop.development, "20", "300"), ("production", &shop.production, "5", "3600")]
    {
        shop.apply(environment, &[]);
        assert_eq!(shop.outputs(environment, "service")["environment"], environment);
        let url = shop.url(environment);
        assert_eq!(login(&url, LIMIT), Ok(limit.to_owned()), "{environment}: the recipe's limit");
        assert_eq!(login(&url, WHO), Ok("shopping".to_owned()));
        let told = place.dns.dig_ttl("db.shop.example", "TXT");
        assert_eq!(told.len(), 1, "{told:?}");
        let user = shop.outputs(environment, "login")["user"].as_str().expect("a user").to_owned();
        assert!(told[0].starts_with(ttl) && told[0].contains(&format!("{user}@")), "{environment}: {told:?}");

        assert!(shop.planned(environment).iter().all(|it| it.starts_with("none ")), "{environment}");
        let again = ["plan", "-f", &shop.file, "-e", environment, "--detailed-exitcode"];
        assert_eq!(shop.core.try_run(&again).status, 0, "{environment}");
    }

    for (environment, place) in [("dev", &shop.development), ("production", &shop.production)] {
        let arguments =
            ["delete", "order", "shopping", "-e", environment, "--allow-destroy", "--wait", "--timeout", "2m"];
        shop.core.run(&arguments);
        assert_eq!(place.dns.dig("db.shop.example", "TXT"), [""; 0]);
        let listed = shop.core.json(&["get", "operations", "-e", environment, "--order", "shopping", "--limit", "0"]);
        let ended = |key: &str| {
            let all = listed.as_array().expect("a list").iter();
            let deletes = all.filter(|it| it["verb"] == "delete" && it["resource-key"] == key);
            let times: Vec<_> = deletes.filter_map(|it| it["end-time"].as_str()).collect();
            (*times.first().unwrap_or_else(|| panic!("no deletion of {key}: {listed}"))).to_owned()
        };
        let order: Vec<_> = ["service", "dns", "login", "db"].map(ended).to_vec();
        assert!(order.is_sorted(), "{environment}: {order:?}");
    }
    for place in [server(), &shop.other] {
        assert_eq!(ask(place, "SELECT count(*) FROM pg_database WHERE datname = 'shopping'"), "0");
        assert_eq!(ask(place, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'shopping%'"), "0");
    }
}

#[test]
fn what_happens_to_it_is_told_and_brought_back_where_the_recipe_says_so() {
    let shop = Shop::open();
    let rename = |name: &str| std::fs::read_to_string(&shop.file).expect("the file").replace("shopping", name);
    // Beside the other test on one server.
    std::fs::write(&shop.file, rename("happening").replacen("name: happening", "name: shopping", 1)).expect("written");
    for environment in ["dev", "production"] {
        shop.apply(environment, &[]);
        until("somebody has looked", || {
            shop.core.json(&["get", "resource", "shopping/db", "-e", environment])["observe-time"].is_string()
        });
    }

    // Somebody else changes both.
    let limit = LIMIT.replace("shopping", "happening");
    for (place, environment) in [(server(), "dev"), (&shop.other, "production")] {
        ask(place, "ALTER DATABASE happening CONNECTION LIMIT 9");
        assert_eq!(ask(place, &limit), "9", "{environment}");
    }
    until("production is brought back", || ask(&shop.other, &limit) == "5");
    until("it is told in development", || shop.condition("dev", "db", "Drifted").is_some());
    std::thread::sleep(2 * INTERVAL);
    assert_eq!(ask(server(), &limit), "9", "the recipe for development only reports");
    assert_eq!(shop.planned("dev")[0], "update db");
    shop.apply("dev", &[]);
    assert_eq!(ask(server(), &limit), "20");

    // Another spelling of the same.
    let spelled = std::fs::read_to_string(&shop.file).expect("the file");
    let spelled = spelled.replace(
        "params: { name: happening }",
        "params: { connection-limit: 20, extensions: [plpgsql], name: happening }",
    );
    let spelled = shop.core.file("spelled.yaml", &spelled);
    let planned = actions(&shop.core.json(&["plan", "-f", &spelled]));
    assert!(planned.iter().all(|it| it.starts_with("none ")), "{planned:?}");
    assert!(shop.condition("dev", "db", "Drifted").is_none());

    // What the login may is taken from it.
    let user = shop.outputs("dev", "login")["user"].as_str().expect("a user").to_owned();
    let inside = format!(
        "postgres://{0}:{1}@127.0.0.1:{2}/happening",
        "postgres",
        crate::support::postgres::PASSWORD,
        server().port
    );
    let revoke =
        format!("ALTER DEFAULT PRIVILEGES FOR ROLE happening IN SCHEMA public REVOKE ALL ON TABLES FROM \"{user}\"");
    login(&inside, &revoke).expect("revoked");
    until("it is told", || shop.condition("dev", "login", "Drifted").is_some());
    shop.apply("dev", &[]);
    login(shop.outputs("dev", "db")["url"].as_str().expect("a URL"), "CREATE TABLE late (id INT)").expect("made");
    assert_eq!(
        login(&shop.url("dev"), "INSERT INTO late VALUES (1) RETURNING id"),
        Ok("1".into()),
        "tables to come too"
    );

    // The server is away.
    let outputs = shop.outputs("production", "db");
    shop.gate.set(Rule::Refuse { user: "vend_ro" });
    until("nobody can tell", || shop.condition("production", "db", "ObservationInconclusive").is_some());
    assert_eq!(shop.outputs("production", "db"), outputs);
    assert!(shop.condition("production", "db", "Missing").is_none());
    shop.gate.set(Rule::Open);
    until("it is seen again", || shop.condition("production", "db", "ObservationInconclusive").is_none());

    // It is gone.
    login(&inside, &format!("DROP OWNED BY \"{user}\"; DROP ROLE \"{user}\"")).expect("dropped");
    until("it is missed", || shop.condition("dev", "login", "Missing").is_some());
    std::thread::sleep(2 * INTERVAL);
    let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{user}'");
    assert_eq!(ask(server(), &roles), "0", "nobody makes it by themselves");
    assert!(shop.planned("dev").contains(&"create login".to_owned()), "{:?}", shop.planned("dev"));
    shop.apply("dev", &[]);
    assert_eq!(ask(server(), &roles), "1");
    for environment in ["dev", "production"] {
        let arguments =
            ["delete", "order", "shopping", "-e", environment, "--allow-destroy", "--wait", "--timeout", "2m"];
        shop.core.run(&arguments);
    }
}

#[test]
fn a_login_is_rotated_under_what_uses_it() {
    let shop = Shop::open();
    let text = std::fs::read_to_string(&shop.file).expect("the file");
    let text = text.replace("shopping", "rotating").replacen("name: rotating", "name: shopping", 1);
    std::fs::write(&shop.file, &text).expect("written");
    shop.apply("dev", &[]);
    let (before, user) = (shop.url("dev"), shop.outputs("dev", "login")["user"].as_str().expect("a user").to_owned());
    login(&before, WHO).expect("it works");

    std::fs::write(&shop.file, text.replace("rotation: 1", "rotation: 2")).expect("written");
    assert_eq!(shop.planned("dev"), ["none db", "update dns", "replace login", "update service", "none zone"]);
    // The record is not to be changed yet: so the former login stays.
    let wrong = ["apply", "-f", &shop.file, "--wait", "--timeout", "2m"];
    assert_eq!(shop.core.try_run(&wrong).status, 3, "replacing is asked for");
    shop.core.run(&["pause", "connection", "pdns"]);
    let applied = shop.core.json(&["apply", "-f", &shop.file, "--allow-destroy"]);
    let operation = applied["orders"][0]["operation"]["id"].as_str().expect("an operation").to_owned();
    let next = format!("{}2", user.strip_suffix('1').expect("the first"));
    let there = |name: &str| ask(server(), &format!("SELECT count(*) FROM pg_roles WHERE rolname = '{name}'"));
    until("the next one is there", || there(&next) == "1");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(there(&user), "1", "both are");
    login(&before, WHO).expect("the former still works");
    shop.core.run(&["resume", "connection", "pdns"]);
    shop.core.run(&["wait", &format!("operation/{operation}"), "--timeout", "2m"]);
    assert_eq!((there(&user), there(&next)), ("0".into(), "1".into()));
    assert_ne!(shop.url("dev"), before);
    login(&shop.url("dev"), WHO).expect("the new one works");
    assert!(login(&before, WHO).is_err());
    let told = shop.development.dns.dig("db.shop.example", "TXT");
    assert!(told[0].contains(&format!("{next}@")), "{told:?}");
    assert!(shop.planned("dev").iter().all(|it| it.starts_with("none ")));
    shop.core.delete("shopping");
}
