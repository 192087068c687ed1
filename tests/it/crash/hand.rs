//! A person at the command line: waits until an order is done, and settles what stopped by what the cloud's ledger shows.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::count::{Thing, things};
use crate::proof::core::{Core, Ran};
use crate::support::fakecloud::Cloud;

const PATIENCE: Duration = Duration::from_secs(90);

/// Until every operation of the order is done; what was said on the way, or that the core is gone.
pub fn attend(core: &mut Core, cloud: &Cloud, order: &str) -> Result<Vec<&'static str>, Gone> {
    let (begun, mut said) = (Instant::now(), Vec::new());
    loop {
        let listed = json(core, &["get", "operations", "--order", order])?;
        let mut open: Vec<&Value> = listed.as_array().expect("a list").iter().filter(|it| it["done"] != true).collect();
        if open.is_empty() {
            return Ok(said);
        }
        assert!(begun.elapsed() < PATIENCE, "{order} does not come to an end: {open:#?}");
        open.retain(|it| it["state"] == "needs-attention" && it["parent"].as_str().is_some_and(|it| !it.is_empty()));
        for child in &open {
            said.push(resolve(core, cloud, child)?);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The core has died at work.
#[derive(Debug)]
pub struct Gone;

/// A command that succeeds, unless the core is gone.
pub fn run(core: &mut Core, arguments: &[&str]) -> Result<String, Gone> {
    let ran = core.try_run(arguments);
    done(core, &arguments.join(" "), ran)
}

/// What a command said that succeeded.
pub fn done(core: &mut Core, what: &str, ran: Ran) -> Result<String, Gone> {
    match ran.status {
        0 => Ok(ran.stdout),
        _ if stays(core) => panic!("vend {what}: {ran:?}"),
        _ => Err(Gone),
    }
}

/// What is dying takes no connections any more before it is gone.
fn stays(core: &mut Core) -> bool {
    for _ in 0..50 {
        if !core.is_running() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    true
}

pub fn json(core: &mut Core, arguments: &[&str]) -> Result<Value, Gone> {
    let text = run(core, &[arguments, &["-o", "json"]].concat())?;
    Ok(serde_json::from_str(&text).expect("JSON"))
}

fn resolve(core: &mut Core, cloud: &Cloud, child: &Value) -> Result<&'static str, Gone> {
    let id = child["id"].as_str().expect("an id");
    let reason = child["reason"].as_str().unwrap_or_default();
    if !reason.ends_with("OUTCOME_UNKNOWN") {
        return run(core, &["retry", id]).map(|_| "retried");
    }
    let listed = json(core, &["get", "resources", "-A"])?;
    let resource = listed.as_array().into_iter().flatten().find(|it| it["id"] == child["resource"]);
    let incarnation = resource.map(|it| it["incarnation"].to_string()).unwrap_or_default();
    let is_its = |it: &Thing| it.gone.is_none() && child["resource"] == it.resource && it.incarnation == incarnation;
    match things(&cloud.ledger()).into_iter().rfind(is_its).filter(|_| reason == "CREATE_OUTCOME_UNKNOWN") {
        Some(thing) => run(core, &["resolve", id, "--adopt", &thing.id]).map(|_| "adopted"),
        None => run(core, &["resolve", id, "--retry"]).map(|_| "begun afresh"),
    }
}
