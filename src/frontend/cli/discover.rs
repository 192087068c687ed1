//! `vend discover`: what there is at a backend, and the order that takes it under management.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::connect::{LONG_DEADLINE, Session, within};
use super::exit::Exit;
use super::names;
use super::output::{self, Format};
use super::table::{Table, shorten};
use super::view;
use crate::pb;

/// Longest summary in a table.
const WIDTH: usize = 60;
/// Pages of one list: a driver that never comes to an end is left.
const MOST_PAGES: usize = 10_000;
/// Characters of a resource's key.
const LONGEST: usize = 63;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to look for: `vend catalog` shows what there is
    #[arg(value_name = "TYPE")]
    resource_type: String,
    /// In this variant
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Over this connection: the recipe that serves here must use it
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// What the order is called that `-o yaml` writes
    #[arg(long, default_value = "adopted", value_name = "NAME")]
    order: String,
    /// `yaml` is an order that adopts all that can be
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let mut request = pb::DiscoverObjectsRequest {
        project: session.settings.project()?.to_owned(),
        environment: session.settings.environment()?.to_owned(),
        resource_type: args.resource_type.clone(),
        class: args.class.clone().unwrap_or_default(),
        connection: args.connection.clone().unwrap_or_default(),
        page_token: String::new(),
    };
    let mut objects = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = session.resources().discover_objects(within(request.clone(), LONG_DEADLINE)).await?.into_inner();
        objects.extend(page.objects);
        if page.next_page_token.is_empty() {
            return print(session, args, &request, &objects);
        }
        request.page_token = page.next_page_token;
        session.terminal.detail(&format!("{} so far", objects.len()));
    }
    anyhow::bail!("the list of `{}` does not end: {} objects so far", args.resource_type, objects.len())
}

fn print(
    session: &Session,
    args: &Args,
    request: &pb::DiscoverObjectsRequest,
    objects: &[pb::DiscoveredObject],
) -> anyhow::Result<Exit> {
    let text = match args.output {
        Format::Table => table(objects, false),
        Format::Wide => table(objects, true),
        Format::Json => output::json(&objects.iter().map(as_value).collect::<Vec<_>>())?,
        Format::Name => objects.iter().filter(|it| is_free(it)).map(|it| format!("{}\n", it.external_id)).collect(),
        Format::Yaml => {
            for it in objects.iter().filter(|it| !it.reason.is_empty()) {
                session.terminal.warn(&format!("left out `{}`: {} ({})", it.external_id, it.message, it.reason));
            }
            output::yaml(&[order(args, request, objects)])?
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn is_free(it: &pb::DiscoveredObject) -> bool {
    it.resource.is_empty() && it.reason.is_empty()
}

fn as_value(it: &pb::DiscoveredObject) -> Value {
    let mut value = json!({ "external-id": it.external_id, "summary": it.summary, "adoptable": is_free(it) });
    if is_free(it) {
        value["params"] = view::json_text(&it.params_json);
    } else if it.reason.is_empty() {
        value["resource"] = json!(it.resource);
    } else {
        (value["reason"], value["message"]) = (json!(it.reason), json!(it.message));
    }
    value
}

/// All that can be adopted, as one order.
fn order(args: &Args, request: &pb::DiscoverObjectsRequest, objects: &[pb::DiscoveredObject]) -> Value {
    let (mut resources, mut taken) = (Map::new(), BTreeSet::new());
    for it in objects.iter().filter(|it| is_free(it)) {
        let mut entry = Map::new();
        entry.insert("type".into(), json!(args.resource_type));
        if let Some(class) = &args.class {
            entry.insert("class".into(), json!(class));
        }
        entry.insert("adopt".into(), json!(it.external_id));
        entry.insert("params".into(), view::json_text(&it.params_json));
        resources.insert(key(&it.external_id, &args.resource_type, &mut taken), Value::Object(entry));
    }
    json!({
        "apiVersion": "vend/v1",
        "kind": "Order",
        "name": args.order,
        "project": request.project,
        "environment": request.environment,
        "resources": resources,
    })
}

/// A key that is like the id, and nobody else's.
fn key(external_id: &str, resource_type: &str, taken: &mut BTreeSet<String>) -> String {
    let letters = external_id.chars().map(|it| it.to_ascii_lowercase());
    let letters = letters.map(|it| if it.is_ascii_lowercase() || it.is_ascii_digit() { it } else { '-' });
    let slug: String = letters.collect();
    let slug = slug.trim_matches('-');
    let slug = if slug.is_empty() { resource_type } else { slug };
    let cut = |most: usize| slug.get(..most.min(slug.len())).unwrap_or(slug).trim_end_matches('-').to_owned();
    let mut key = cut(LONGEST);
    let mut number = 2;
    while !taken.insert(key.clone()) {
        let end = format!("-{number}");
        key = cut(LONGEST - end.len()) + &end;
        number += 1;
    }
    key
}

/// `wide`: why in full, and the params.
fn table(objects: &[pb::DiscoveredObject], wide: bool) -> String {
    if objects.is_empty() {
        return "nothing there\n".to_owned();
    }
    let mut heading = vec!["EXTERNAL-ID", "ADOPTABLE", "WHAT"];
    if wide {
        heading.push("PARAMS");
    }
    let mut table = Table::with_heading(heading.into_iter().map(str::to_owned).collect());
    for it in objects {
        let whose = match (it.reason.as_str(), it.resource.as_str()) {
            ("", "") => "yes".to_owned(),
            ("", resource) => format!("is resource/{}", names::short_resource(resource)),
            (reason, _) => format!("no ({reason})"),
        };
        let what = if it.reason.is_empty() { &it.summary } else { &it.message };
        let what = if wide { what.clone() } else { shorten(what, WIDTH) };
        let mut row = vec![it.external_id.clone(), whose, what];
        if wide {
            row.push(it.params_json.clone());
        }
        table.row(row);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(external_id: &str, resource: &str, reason: &str) -> pb::DiscoveredObject {
        let params = if resource.is_empty() && reason.is_empty() { "{\"name\":\"x\"}" } else { "" };
        pb::DiscoveredObject {
            external_id: external_id.into(),
            summary: "owned by `x`".into(),
            resource: resource.into(),
            reason: reason.into(),
            message: if reason.is_empty() { String::new() } else { "somebody else's".into() },
            params_json: params.into(),
        }
    }

    #[test]
    fn keys_are_names_and_each_is_its_own() {
        let mut taken = BTreeSet::new();
        let mut key = |id: &str| key(id, "postgres-database", &mut taken);
        assert_eq!(key("orders"), "orders");
        assert_eq!(key("Orders"), "orders-2");
        assert_eq!(key("_my db_"), "my-db");
        assert_eq!(key("日本"), "postgres-database");
        assert_eq!(key(&"x".repeat(80)).len(), 63);
        let other = key(&"x".repeat(90));
        assert!(other.len() == 63 && other.ends_with("-2"), "{other}");
    }

    #[test]
    fn what_can_be_adopted_is_an_order_and_the_rest_is_told() {
        let resource = "projects/p/environments/e/orders/o/resources/db";
        let objects = [found("a", "", ""), found("b", resource, ""), found("c", "", "FOREIGN_OBJECT_EXISTS")];
        assert_eq!(
            table(&objects, false),
            "EXTERNAL-ID   ADOPTABLE                    WHAT\n\
             a             yes                          owned by `x`\n\
             b             is resource/o/db             owned by `x`\n\
             c             no (FOREIGN_OBJECT_EXISTS)   somebody else's\n"
        );
        let args = Args {
            resource_type: "postgres-database".into(),
            class: None,
            connection: None,
            order: "adopted".into(),
            output: Format::Yaml,
        };
        let order = order(&args, &pb::DiscoverObjectsRequest::default(), &objects);
        let expected = json!({ "a": { "type": "postgres-database", "adopt": "a", "params": { "name": "x" } } });
        assert_eq!(order["resources"], expected);
    }
}
