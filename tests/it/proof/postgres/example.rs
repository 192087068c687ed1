//! `examples/postgres/` as the README tells it.

use super::server::{READER, WRITER, ask, assert_usable, count, platform, server};
use crate::proof::core::Core;

#[test]
fn what_the_example_orders_can_be_used_and_given_back() {
    let core = Core::start(&["postgres"]);
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    let folder = core.folder().join("example");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("platform.yaml"), platform(server().port)).expect("written");
    std::fs::copy("examples/postgres/order.yaml", folder.join("order.yaml")).expect("copied");
    let folder = folder.display().to_string();
    core.run(&["apply", "-f", &folder, "--wait", "--timeout", "2m"]);
    core.run(&["check", "connection", "pg-dev"]);
    assert_eq!(count("checkout"), ("1".into(), "1".into()));
    assert_usable(&core, "checkout");
    let limit = ask(server(), "SELECT datconnlimit FROM pg_database WHERE datname = 'checkout'");
    assert_eq!(limit, "20", "the recipe's default");
    core.run(&["delete", "-f", &folder, "--allow-destroy", "--wait", "--timeout", "2m"]);
    assert_eq!(count("checkout"), ("0".into(), "0".into()));
}
