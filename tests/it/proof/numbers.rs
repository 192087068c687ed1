//! What the core tells Prometheus.

use std::collections::BTreeMap;

use super::core::Core;
use crate::support::call::try_call;

/// A core that tells numbers.
pub fn core() -> Core {
    let mut core = Core::idle();
    core.flags = vec!["--metrics-listen".into(), "127.0.0.1:0".into()];
    core.restart();
    core
}

pub fn port(core: &Core) -> u16 {
    let said = core.last_said("stderr");
    let line = said.lines().find(|line| line.contains("metrics")).and_then(|line| line.rsplit_once("127.0.0.1:"));
    line.expect("it says where").1.trim().parse().expect("a port")
}

/// The page, and each of its lines as name with labels, and value.
pub fn scrape(core: &Core) -> (String, BTreeMap<String, f64>) {
    let answer = try_call(port(core), "GET", "/metrics", "Accept: text/plain", "").expect("it answers");
    assert_eq!(answer.status, 200);
    let page = answer.body.clone();
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let values = lines.filter_map(|line| {
        line.rsplit_once(' ').map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
    });
    (page.clone(), values.collect())
}
