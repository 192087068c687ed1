//! Which resources are meant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::frontend::cli::connect::Session;
use crate::frontend::cli::error::Failure;
use crate::frontend::cli::kind::Kind;
use crate::frontend::cli::records::{self, Filter};
use crate::frontend::cli::{columns, get, names};

#[derive(Debug, clap::Args)]
pub struct Selection {
    /// Orders, or resources of them; if none is named, all of the environment
    #[arg(value_name = "ORDER[/RESOURCE]")]
    what: Vec<String>,
    /// Only what this recipe has made
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// Only what this driver has made
    #[arg(long, value_name = "NAME")]
    driver: Option<String>,
    /// Only what is made with this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Only resources of this type
    #[arg(long = "type", value_name = "TYPE")]
    resource_type: Option<String>,
    /// Only what bears all of these labels
    #[arg(short = 'l', long = "selector", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = get::label)]
    labels: Vec<(String, String)>,
    /// Every environment of the project
    #[arg(short = 'A', long)]
    all_environments: bool,
}

/// Resources of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Full name.
    pub order: String,
    pub keys: Vec<String>,
}

impl Selection {
    /// By order. `to`: what they are to move to; if empty, only those for which there is something newer. `environment`: only those of it.
    pub async fn choose(&self, session: &Session, to: &str, environment: Option<&str>) -> anyhow::Result<Vec<Chosen>> {
        let mut there = session.clone();
        if let Some(environment) = environment {
            let full = names::full(session, Kind::Environment, environment)?;
            session.documents().get_document(crate::pb::GetDocumentRequest { name: full }).await?;
            there.settings.environment = environment.to_owned();
        }
        let all_environments = self.all_environments && environment.is_none();
        let labels: BTreeMap<_, _> = self.labels.iter().cloned().collect();
        let filter = Filter { labels, all_environments, ..Filter::default() };
        let found = match self.what.as_slice() {
            [] => {
                if !all_environments {
                    there.settings.environment()?;
                }
                records::list(&there, Kind::Resource, &filter).await?.records
            }
            named => self.named(&there, named, &filter).await?,
        };
        let digests = self.digests(session).await?;
        let mut orders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for record in found.iter().filter(|it| self.means(it, to, digests.as_ref())) {
            let full = columns::text(&record["full-name"]);
            let Some((order, key)) = full.split_once("/resources/") else { continue };
            if seen.insert(full.clone()) {
                orders.entry(order.to_owned()).or_default().push(key.to_owned());
            }
        }
        Ok(orders.into_iter().map(|(order, keys)| Chosen { order, keys }).collect())
    }

    /// A resource that is named stands for its parts too.
    async fn named(&self, there: &Session, named: &[String], filter: &Filter) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        for what in named {
            let typed = what.strip_prefix("order/").unwrap_or(what);
            let (order, key) = match typed.split_once('/') {
                Some((order, key)) if !typed.starts_with("projects/") => (order, Some(key)),
                _ => (typed, None),
            };
            let full = names::full(there, Kind::Order, order)?;
            // A name that nothing bears is told apart from an order with nothing to upgrade.
            records::one(there, Kind::Order, &full).await?;
            let mut inside = there.clone();
            let short;
            (inside.settings.project, inside.settings.environment, short) = names::scope(&full);
            let filter = Filter { order: short, ..filter.clone() };
            let mut found = records::list(&inside, Kind::Resource, &filter).await?.records;
            if let Some(key) = key {
                let prefix = format!("{full}/resources/{key}");
                let is_of = |record: &Value| {
                    let name = columns::text(&record["full-name"]);
                    name == prefix || name.starts_with(&format!("{prefix}/"))
                };
                found.retain(is_of);
                if found.is_empty() {
                    return Err(Failure::usage(format!("order `{order}` has no resource `{key}`"))
                        .with_hint(format!("`vend tree {order}` shows what it has"))
                        .into());
                }
            }
            all.extend(found);
        }
        Ok(all)
    }

    /// Of the versions of the driver that is asked for.
    async fn digests(&self, session: &Session) -> anyhow::Result<Option<BTreeSet<String>>> {
        let Some(driver) = &self.driver else { return Ok(None) };
        let found = records::list(session, Kind::Driver, &Filter::default()).await?.records;
        let of = |record: &&Value| columns::text(&record["name"]).split('@').next() == Some(driver.as_str());
        let digests: BTreeSet<_> = found.iter().filter(of).map(|it| columns::text(&it["digest"])).collect();
        if digests.is_empty() {
            return Err(Failure::usage(format!("no driver `{driver}` is installed"))
                .with_hint("`vend get drivers` lists them")
                .into());
        }
        Ok(Some(digests))
    }

    fn means(&self, record: &Value, to: &str, digests: Option<&BTreeSet<String>>) -> bool {
        let is = |field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| record[field].as_str() == Some(wanted.as_str()))
        };
        let uses = |wanted: &String| {
            record["connections"].as_object().into_iter().flatten().any(|(_, name)| name.as_str() == Some(wanted))
        };
        let maintained = record["conditions"].as_array().into_iter().flatten();
        let newer = || maintained.clone().any(|it| it["type"] == "MaintenanceAvailable");
        is("recipe", &self.recipe)
            && is("type", &self.resource_type)
            && self.connection.as_ref().is_none_or(uses)
            && digests.is_none_or(|digests| record["driver-digest"].as_str().is_some_and(|it| digests.contains(it)))
            && (!to.is_empty() || newer())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selection() -> Selection {
        Selection {
            what: Vec::new(),
            recipe: None,
            driver: None,
            connection: None,
            resource_type: None,
            labels: Vec::new(),
            all_environments: false,
        }
    }

    #[test]
    fn filters_narrow_and_what_is_current_is_left_alone() {
        let record = |newer: bool| {
            let conditions = if newer { json!([{ "type": "MaintenanceAvailable" }]) } else { json!([]) };
            json!({ "recipe": "shared", "type": "db", "driver-digest": "d1", "connections": { "server": "pg" },
                "conditions": conditions })
        };
        let some = |text: &str| Some(text.to_owned());
        let digests: BTreeSet<_> = ["d1".to_owned()].into();
        let others: BTreeSet<_> = ["d2".to_owned()].into();
        for (selection, to, digests, newer, expected) in [
            (selection(), "", None, true, true),
            (selection(), "", None, false, false),
            (selection(), "shared@1", None, false, true),
            (Selection { recipe: some("shared"), ..selection() }, "", None, true, true),
            (Selection { recipe: some("other"), ..selection() }, "", None, true, false),
            (Selection { resource_type: some("dns"), ..selection() }, "", None, true, false),
            (Selection { connection: some("pg"), ..selection() }, "", None, true, true),
            (Selection { connection: some("mq"), ..selection() }, "", None, true, false),
            (selection(), "", Some(&digests), true, true),
            (selection(), "", Some(&others), true, false),
        ] {
            assert_eq!(selection.means(&record(newer), to, digests), expected, "{selection:?} {to}");
        }
    }
}
