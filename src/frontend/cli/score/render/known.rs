//! What is known of the resources of an order: their states, and what they offer.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::faults;
use super::super::file::ScoreFile;
use super::super::placeholder::{Invalid, Reference};
use super::fill::Wanted;
use super::source;
use crate::document::nearest;
use crate::frontend::cli::connect::Session;
use crate::frontend::cli::error;
use crate::frontend::cli::kind::Kind;
use crate::frontend::cli::{names, records, view};
use crate::pb;

/// What stands in the API for a secret that is not revealed.
pub const MASK: &str = "[secret]";

#[derive(Debug, Default)]
pub struct Known {
    order: String,
    /// Resource → outputs.
    outputs: Map<String, Value>,
    /// Resource → the record.
    resources: BTreeMap<String, Value>,
}

/// Asks for the order of a workload, if what is to be rendered needs any of it.
pub async fn ask(session: &Session, file: &ScoreFile, wanted: &Wanted, reveal: bool) -> anyhow::Result<Known> {
    let needed = wanted.containers.iter().any(|name| needs(file, &file.workload["containers"][name], wanted.files));
    if !needed {
        return Ok(Known::default());
    }
    let order = file.workload_name();
    let name = names::full(session, Kind::Order, order)?;
    let asked = if reveal {
        session
            .resources()
            .reveal_outputs(pb::RevealOutputsRequest { name })
            .await
            .map(|it| it.into_inner().outputs_json)
    } else {
        session.resources().get_outputs(pb::GetOutputsRequest { name }).await.map(|it| it.into_inner().outputs_json)
    };
    let outputs = asked.map_err(|status| {
        let mut failure = error::from_status(&status, Some(&session.settings));
        if failure.reason == "NOT_FOUND" {
            failure.hint = format!("`vend score apply {}` orders what it needs", file.name);
        }
        failure
    })?;
    let record = records::one(session, Kind::Order, order).await?;
    let listed = records::of_order(session, &record).await?;
    Ok(Known::new(order, view::outputs(&outputs), listed))
}

/// Whether anything of a container names a resource.
fn needs(file: &ScoreFile, container: &Value, with_files: bool) -> bool {
    let named = |text: &str| {
        faults::references(text).unwrap_or_default().iter().any(|reference| reference.resource().is_some())
    };
    let variables = faults::entries(&container["variables"]);
    if variables.iter().any(|(_, value)| value.as_str().is_some_and(named)) {
        return true;
    }
    with_files
        && faults::entries(&container["files"]).into_iter().any(|(_, entry)| {
            match source::text(&file.folder(), entry) {
                Ok(Some(text)) => named(&text),
                // What cannot be read is told when it is rendered.
                _ => false,
            }
        })
}

impl Known {
    pub fn new(order: &str, outputs: Map<String, Value>, records: Vec<Value>) -> Self {
        let key = |record: &Value| {
            let name = record["name"].as_str().unwrap_or_default();
            name.split_once('/').map_or(name, |(_, key)| key).to_owned()
        };
        let resources = records.into_iter().map(|record| (key(&record), record)).collect();
        Known { order: order.to_owned(), outputs, resources }
    }

    /// What a reference to a resource stands for.
    pub fn find(&self, reference: &Reference) -> Result<Value, Invalid> {
        let name = reference.resource().unwrap_or_default();
        let record = self.ready(name)?;
        match reference {
            Reference::Output { path, .. } => self.output(reference, name, path),
            _ => Ok(record["id"].clone()),
        }
    }

    /// The record of a resource that is ready.
    fn ready(&self, name: &str) -> Result<&Value, Invalid> {
        let Some(record) = self.resources.get(name) else {
            let message = format!("resource `{name}` is not in the order `{}`", self.order);
            return Err(Invalid::new(message, "`vend score apply` orders it"));
        };
        let text = |key: &str| record[key].as_str().unwrap_or_default();
        let state = text("state");
        if state == "ready" {
            return Ok(record);
        }
        let mut message = format!("resource `{name}` is {state}, not ready");
        let why =
            [text("reason"), text("message")].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": ");
        if !why.is_empty() {
            message.push_str(&format!(" ({why})"));
        }
        let hint = match state {
            "pending" => format!("`vend wait order/{}` waits for it", self.order),
            _ => format!("`vend describe order {}` says more", self.order),
        };
        Err(Invalid::new(message, hint))
    }

    fn output(&self, reference: &Reference, name: &str, path: &[String]) -> Result<Value, Invalid> {
        let nothing = Value::Null;
        let mut value = self.outputs.get(name).unwrap_or(&nothing);
        for key in path {
            let found = match value {
                Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
                other => other.get(key.as_str()),
            };
            let known = value.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            value = found.ok_or_else(|| {
                let message = format!("`{reference}`: resource `{name}` has no output `{key}`");
                Invalid::new(message, nearest::hint(key, known))
            })?;
        }
        Ok(value.clone())
    }
}
