//! `examples/powerdns/` as its README tells it.

use serde_json::Value;

use super::server::{core, platform, whole};
use crate::support::powerdns::Server;

#[test]
fn what_the_example_orders_is_answered_and_given_back() {
    let server = Server::start();
    let core = core(&server);
    let folder = core.folder().join("example");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("platform.yaml"), platform(server.port)).expect("written");
    std::fs::copy("examples/powerdns/order.yaml", folder.join("order.yaml")).expect("copied");
    let folder = folder.display().to_string();
    assert_eq!(server.dig("www.shop.example", "A"), [""; 0]);
    core.run(&["check", "connection", "pdns"]);
    // Zone and records at once: the records wait for their zone.
    core.run(&["apply", "-f", &folder, "--wait", "--timeout", "2m"]);
    assert_eq!(server.dig_ttl("www.shop.example", "A"), ["300 192.0.2.10"], "the recipe's TTL");
    assert_eq!(server.dig("shop.example", "TXT"), ["\"v=spf1 -all\""]);
    assert_eq!(server.dig("shop.example", "NS"), ["ns1.example.net.", "ns2.example.net."], "the recipe's servers");
    let outputs = core.json(&["outputs", "shop-dns/www"]);
    assert_eq!((&outputs["name"], &outputs["host"]), (&"www.shop.example.".into(), &"www.shop.example".into()));
    assert_eq!(core.json(&["outputs", "shop-dns/zone"])["name"], "shop.example.");
    for key in ["zone", "www", "spf"] {
        let now = core.json(&["refresh", &format!("shop-dns/{key}")]);
        assert_eq!((&now["presence"], now["drift"].as_array().map(Vec::len)), (&"ready".into(), Some(0)), "{now}");
    }
    core.run(&["delete", "-f", &folder, "--allow-destroy", "--wait", "--timeout", "2m"]);
    assert_eq!(server.dig("www.shop.example", "A"), [""; 0]);
    assert_eq!(whole(&server, "shop.example."), Value::Null);
}
