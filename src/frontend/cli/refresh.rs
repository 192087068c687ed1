//! `vend refresh`: how a resource is at its backend, right now.

use serde_json::{Value, json};

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Plain};
use super::{columns, names, view};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "ORDER/RESOURCE")]
    resource: String,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let name = names::full(session, Kind::Resource, &args.resource)?;
    let request = pb::RefreshResourceRequest { name: name.clone() };
    let answer = session.resources().refresh_resource(request).await?.into_inner();
    let value = as_value(&name, &answer);
    let text = output::plain(&value, args.output)?.unwrap_or_else(|| words(&names::short_resource(&name), &value));
    output::print(&text)?;
    Ok(Exit::Done)
}

fn as_value(name: &str, answer: &pb::RefreshResourceResponse) -> Value {
    let drift = |it: &pb::Drift| {
        json!({
            "pointer": it.pointer,
            "applied": view::json_text(&it.applied_json),
            "observed": view::json_text(&it.observed_json),
        })
    };
    let drift: Vec<_> = answer.drift.iter().map(drift).collect();
    json!({ "name": name, "presence": answer.presence, "drift": drift })
}

fn words(name: &str, value: &Value) -> String {
    let mut text = format!("resource/{name} {}", columns::text(&value["presence"]));
    let drift = value["drift"].as_array().map_or(&[][..], Vec::as_slice);
    text.push_str(if drift.is_empty() { "\n" } else { ", and not as it was applied:\n" });
    for it in drift {
        let part = |name: &str| columns::text(&it[name]);
        text.push_str(&format!("  {}: {} → {}\n", part("pointer"), part("applied"), part("observed")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_and_what_was_applied() {
        let mut answer = pb::RefreshResourceResponse { presence: "ready".into(), drift: Vec::new() };
        assert_eq!(words("shop/db", &as_value("x", &answer)), "resource/shop/db ready\n");
        answer.drift.push(pb::Drift {
            pointer: "/params/connection-limit".into(),
            applied_json: "20".into(),
            observed_json: "-1".into(),
        });
        assert_eq!(
            words("shop/db", &as_value("x", &answer)),
            "resource/shop/db ready, and not as it was applied:\n  /params/connection-limit: 20 → -1\n"
        );
    }
}
