//! `vend whoami`, `vend status`, `vend version`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::connect::{Session, within};
use super::exit::Exit;
use super::output::{self, Plain};
use super::{columns, view};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn whoami(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let answer = session.system().who_am_i(pb::WhoAmIRequest {}).await?.into_inner();
    show(
        &json!({
            "principal": answer.principal,
            "roles": answer.roles,
            "server": session.settings.server,
            "project": session.settings.project,
            "environment": session.settings.environment,
        }),
        args.output,
    )
}

pub async fn status(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let answer = session.system().get_status(pb::GetStatusRequest {}).await?.into_inner();
    show(
        &json!({
            "server": session.settings.server,
            "version": answer.version,
            "core-id": answer.core_id,
            "start-time": view::time(&answer.start_time),
            "drivers": answer.drivers,
            "running-operations": answer.running_operations,
            "operations": answer.operations.iter().collect::<BTreeMap<_, _>>(),
            "operations-in-doubt": answer.operations_in_doubt,
            "operations-held": answer.operations_held,
            "queue-age-ms": answer.queue_age.map_or(0, |age| age.seconds * 1_000 + i64::from(age.nanos) / 1_000_000),
            "resident-bytes": answer.resident_bytes,
            "store": answer.store,
            "holds": answer.holds.iter().map(view::hold).collect::<Vec<_>>(),
        }),
        args.output,
    )
}

/// Answers also when no core does.
pub async fn version(session: &Session) -> anyhow::Result<Exit> {
    let mut text = format!("vend {}\n", env!("CARGO_PKG_VERSION"));
    let request = within(pb::GetStatusRequest {}, Duration::from_secs(2));
    match session.system().get_status(request).await {
        Ok(answer) => text.push_str(&format!("core {} at {}\n", answer.into_inner().version, session.settings.server)),
        Err(status) => session.terminal.detail(&format!("the core did not say: {}", status.message())),
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

fn show(value: &Value, format: Plain) -> anyhow::Result<Exit> {
    let text = match output::plain(value, format)? {
        Some(text) => text,
        None => lines(value),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn lines(value: &Value) -> String {
    let Value::Object(map) = value else { return String::new() };
    let width = map.keys().map(String::len).max().unwrap_or(0);
    map.iter().map(|(key, value)| format!("{key:<width$}  {}", text(value)).trim_end().to_owned() + "\n").collect()
}

/// What keeps work from starting is named; what else is known of it is in the other formats.
fn text(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let names: Vec<String> = items
                .iter()
                .map(|it| format!("{} ({})", columns::text(&it["name"]), columns::text(&it["reason"])))
                .collect();
            names.join(", ")
        }
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Object(counts) => {
            counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
        }
        other => columns::text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned() {
        let value = json!({"principal": "user:anna", "roles": ["admin", "ordering"], "environment": ""});
        assert_eq!(lines(&value), "environment\nprincipal    user:anna\nroles        admin,ordering\n");
    }
}
