//! What happened to an order, for whoever looks for the cause of a fault.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::found::Found;

/// Lines of one story that are printed: the beginning and the end of it.
const MOST: usize = 60;

/// All operations and journals of the orders that `faults` name, by themselves or by their resources, also where these are gone, and what the cloud wrote down.
pub fn stories(faults: &str, found: &Found, ledger: &[Value]) -> String {
    let mut text = String::new();
    for resource in found.resources.values() {
        let order = resource.name.split('/').nth(5).unwrap_or_default();
        let named = faults.contains(&resource.id)
            || faults.contains(&format!("{order}:"))
            || faults.contains(&format!("{order}-"));
        if named {
            let _ = writeln!(text, "--- {order}: {} incarnation {}", resource.id, resource.incarnation);
            tell(&mut text, &resource.id, found, ledger);
        }
    }
    let of_operations: BTreeSet<&str> = found.operations.values().map(|it| it.resource.as_str()).collect();
    let are_gone = |it: &&str| !it.is_empty() && !found.resources.contains_key(*it) && faults.contains(*it);
    for resource in of_operations.into_iter().filter(are_gone) {
        let _ = writeln!(text, "--- {resource}, which is not there any more");
        tell(&mut text, resource, found, ledger);
    }
    text
}

fn tell(text: &mut String, resource: &str, found: &Found, ledger: &[Value]) {
    let mut lines: Vec<(i64, String)> = Vec::new();
    for operation in found.operations.values().filter(|it| it.resource == resource) {
        let time = operation.create_time.as_ref().map_or(0, |it| it.seconds * 1000 + i64::from(it.nanos) / 1_000_000);
        let (state, verb) = (operation.state().as_str_name(), operation.verb().as_str_name());
        let begun =
            format!("{} {verb} generation {} … {state}: {}", operation.id, operation.generation, operation.message);
        lines.push((time, begun));
        for it in found.journals.get(&operation.id).into_iter().flatten() {
            let time = it.time.as_ref().map_or(0, |it| it.seconds * 1000 + i64::from(it.nanos) / 1_000_000);
            let request: String = it.request_json.chars().take(160).collect();
            let line = format!(
                "  {} step {} attempt {} #{} {:?} {:?} {} {} {} {request} {}",
                &operation.id[operation.id.len() - 4..],
                it.step,
                it.attempt,
                it.sequence,
                it.kind(),
                it.origin(),
                it.function,
                it.class,
                it.outcome,
                it.message
            );
            lines.push((time, line));
        }
    }
    let mut ids: Vec<&str> = Vec::new();
    for record in ledger {
        let id = record["id"].as_str().unwrap_or("?");
        if record["labels"]["vend-resource"] == resource {
            ids.push(id);
        }
        if ids.contains(&id) {
            let time = record["time-ms"].as_i64().unwrap_or_default();
            let of = |member: &str| record[member].to_string();
            let said = format!("      CLOUD {} {} {} {}", of("event"), of("path"), of("status"), of("answer"));
            lines.push((time, said));
        }
    }
    lines.sort_by_key(|(time, _)| *time);
    let first = lines.first().map_or(0, |(time, _)| *time);
    for (at, (time, line)) in lines.iter().enumerate() {
        if at < MOST || at + MOST / 2 > lines.len() {
            let _ = writeln!(text, "{:>7} {line}", time - first);
        }
    }
}
