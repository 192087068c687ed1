//! `vend refresh`: how resources are at their backends, right now.

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::connect::Session;
use super::error::{self, Failure};
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Plain};
use super::progress::Progress;
use super::records::{self, Filter};
use super::table::{Table, shorten};
use super::{columns, names, view};
use crate::pb;

/// Asked at once: backends have other things to do.
const AT_ONCE: usize = 4;
/// Longest value in a table.
const WIDTH: usize = 40;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An order, or one resource of it
    #[arg(value_name = "ORDER[/RESOURCE]", required_unless_present = "all", conflicts_with = "all")]
    what: Option<String>,
    /// All resources of the environment
    #[arg(long)]
    all: bool,
    /// End with 2 if something is not as it was applied
    #[arg(long)]
    detailed_exitcode: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let one = args.what.as_deref().filter(|what| what.contains('/') && !is_order(what) || Kind::Resource.is_id(what));
    let (value, text) = match one {
        Some(what) => {
            let name = names::full(session, Kind::Resource, what)?;
            let value = ask(session, &name).await?;
            let text = words(&names::short_resource(&name), &value);
            (value, text)
        }
        None => {
            let all = several(session, args.what.as_deref()).await?;
            let text = table(&all);
            (json!(all), text)
        }
    };
    output::print(&output::plain(&value, args.output)?.unwrap_or(text))?;
    Ok(exit(value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice), args.detailed_exitcode))
}

/// `order/NAME`, or an order's full name.
fn is_order(what: &str) -> bool {
    what.split_once('/').is_some_and(|(kind, name)| kind == "order" && !name.contains('/'))
        || what.starts_with("projects/") && !what.contains("/resources/")
}

/// Of one order, or of all.
async fn several(session: &Session, order: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let mut there = session.clone();
    let mut filter = Filter::default();
    let title = match order {
        Some(order) => {
            let full = names::full(session, Kind::Order, order)?;
            // A name that nothing bears is told apart from an order without resources.
            records::one(session, Kind::Order, &full).await?;
            let (project, environment, order) = names::scope(&full);
            (there.settings.project, there.settings.environment) = (project, environment);
            filter.order = order.clone();
            format!("order/{order}")
        }
        None => format!("environment/{}", session.settings.environment()?),
    };
    let found = records::list(&there, Kind::Resource, &filter).await?.records;
    let mut progress = Progress::new(&session.terminal, &title);
    let asked = stream::iter(found.iter().map(|record| columns::text(&record["full-name"])))
        .map(|name| async move { told(session, name).await })
        .buffered(AT_ONCE);
    let mut asked = std::pin::pin!(asked);
    let mut all = Vec::with_capacity(found.len());
    while let Some(value) = asked.next().await {
        let value = value?;
        progress.note(&short(&value), &columns::text(&value["presence"]));
        all.push(value);
    }
    progress.finish();
    Ok(all)
}

/// What one of several could not tell is told beside what others did.
async fn told(session: &Session, name: String) -> anyhow::Result<Value> {
    let error = match ask(session, &name).await {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let Some(status) = error.downcast_ref::<tonic::Status>() else { return Err(error) };
    let Failure { reason, message, .. } = error::from_status(status, Some(&session.settings));
    // Without a reason it is no answer of the core.
    if reason.is_empty() {
        return Err(error);
    }
    Ok(json!({ "name": name, "presence": "inconclusive", "drift": [], "reason": reason, "message": message }))
}

async fn ask(session: &Session, name: &str) -> anyhow::Result<Value> {
    let request = pb::RefreshResourceRequest { name: name.to_owned() };
    Ok(as_value(name, &session.resources().refresh_resource(request).await?.into_inner()))
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

fn exit(all: &[Value], detailed: bool) -> Exit {
    let as_applied = |it: &Value| matches!(it["presence"].as_str(), Some("ready" | "unmade")) && drift(it).is_empty();
    if all.iter().any(|it| it["presence"] == "inconclusive") {
        return Exit::Failed;
    }
    if detailed && !all.iter().all(as_applied) { Exit::Changes } else { Exit::Done }
}

fn drift(value: &Value) -> &[Value] {
    value["drift"].as_array().map_or(&[][..], Vec::as_slice)
}

fn short(value: &Value) -> String {
    names::short_resource(&columns::text(&value["name"]))
}

fn words(name: &str, value: &Value) -> String {
    let mut text = format!("resource/{name} {}", columns::text(&value["presence"]));
    text.push_str(if drift(value).is_empty() { "\n" } else { ", and not as it was applied:\n" });
    for it in drift(value) {
        let part = |name: &str| columns::text(&it[name]);
        text.push_str(&format!("  {}: {} → {}\n", part("pointer"), part("applied"), part("observed")));
    }
    text
}

/// A line for each piece of drift.
fn table(all: &[Value]) -> String {
    if all.is_empty() {
        return "no resources\n".to_owned();
    }
    let mut table = Table::new(["NAME", "PRESENCE", "DRIFT", "APPLIED", "OBSERVED"]);
    for value in all {
        let presence = columns::text(&value["presence"]);
        let reason = columns::text(&value["reason"]);
        let presence = if reason.is_empty() { presence } else { format!("{presence} ({reason})") };
        let mut heads = [short(value), presence];
        if drift(value).is_empty() {
            table.row(heads.clone());
        }
        for it in drift(value) {
            let part = |name: &str| shorten(&columns::text(&it[name]), WIDTH);
            let [name, presence] = std::mem::take(&mut heads);
            table.row([name, presence, columns::text(&it["pointer"]), part("applied"), part("observed")]);
        }
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit() -> pb::Drift {
        pb::Drift { pointer: "/params/connection-limit".into(), applied_json: "20".into(), observed_json: "-1".into() }
    }

    fn answer(presence: &str, drift: Vec<pb::Drift>) -> pb::RefreshResourceResponse {
        pb::RefreshResourceResponse { presence: presence.into(), drift, observe_time: None }
    }

    #[test]
    fn what_is_and_what_was_applied() {
        let value = as_value("x", &answer("ready", Vec::new()));
        assert_eq!(words("shop/db", &value), "resource/shop/db ready\n");
        let value = as_value("x", &answer("ready", vec![limit()]));
        assert_eq!(
            words("shop/db", &value),
            "resource/shop/db ready, and not as it was applied:\n  /params/connection-limit: 20 → -1\n"
        );
    }

    #[test]
    fn several_are_a_table_with_a_line_for_each_piece_of_drift() {
        let name = |key: &str| format!("projects/p/environments/e/orders/shop/resources/{key}");
        let more = pb::Drift { pointer: "/params/x".into(), ..limit() };
        let all = [
            as_value(&name("db"), &answer("ready", vec![limit(), more])),
            as_value(&name("dns"), &answer("absent", vec![])),
            json!({ "name": name("mq"), "presence": "inconclusive", "drift": [], "reason": "BACKEND_UNAVAILABLE" }),
        ];
        assert_eq!(
            table(&all),
            "NAME       PRESENCE                             DRIFT                      APPLIED   OBSERVED\n\
             shop/db    ready                                /params/connection-limit   20        -1\n\
             \u{20}                                               /params/x                  20        -1\n\
             shop/dns   absent\n\
             shop/mq    inconclusive (BACKEND_UNAVAILABLE)\n"
        );
        assert_eq!(table(&[]), "no resources\n");
    }

    #[test]
    fn how_it_ends() {
        let value = |presence: &str, drift| as_value("x", &answer(presence, drift));
        for (value, detailed, expected) in [
            (value("ready", vec![]), true, Exit::Done),
            (value("ready", vec![limit()]), false, Exit::Done),
            (value("ready", vec![limit()]), true, Exit::Changes),
            (value("unready", vec![]), true, Exit::Changes),
            (value("absent", vec![]), true, Exit::Changes),
            (value("absent", vec![]), false, Exit::Done),
            (value("inconclusive", vec![]), false, Exit::Failed),
        ] {
            assert_eq!(exit(std::slice::from_ref(&value), detailed), expected, "{value} {detailed}");
        }
    }

    #[test]
    fn an_order_is_told_from_a_resource() {
        for (what, expected) in [
            ("order/shop", true),
            ("order/shop/db", false),
            ("shop/db", false),
            ("projects/p/environments/e/orders/shop", true),
            ("projects/p/environments/e/orders/shop/resources/db", false),
        ] {
            assert_eq!(is_order(what), expected, "{what}");
        }
    }
}
