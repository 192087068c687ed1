//! `examples/rabbitmq/` as its README tells it.

use super::server::{assert_usable, core, count, platform, revealed, seen};
use crate::support::rabbitmq::{Server, publish_and_get};

#[test]
fn what_the_example_orders_can_be_used_and_given_back() {
    let server = Server::shared();
    let core = core(server.port);
    let folder = core.folder().join("example");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("platform.yaml"), platform(server.port)).expect("written");
    std::fs::copy("examples/rabbitmq/order.yaml", folder.join("order.yaml")).expect("copied");
    let folder = folder.display().to_string();
    core.run(&["check", "connection", "rabbit-dev"]);
    core.run(&["apply", "-f", &folder, "--wait", "--timeout", "2m"]);
    assert_eq!(count("checkout"), (1, 1));
    let url = assert_usable(&core, "checkout-events");
    assert_eq!(revealed(&core, "checkout-events")["username"], "checkout");
    let limits = seen("/vhost-limits/checkout");
    assert_eq!(limits[0]["value"]["max-connections"], 100, "the recipe's default: {limits}");
    core.run(&["delete", "-f", &folder, "--allow-destroy", "--wait", "--timeout", "2m"]);
    assert_eq!(count("checkout"), (0, 0));
    let refused = publish_and_get(&url, "hello").expect_err("it is gone");
    assert!(refused.contains("ACCESS_REFUSED"), "{refused}");
}
