//! Fetching records of any kind, page by page.

use std::collections::BTreeMap;

use serde_json::Value;

use super::connect::Session;
use super::error::Failure;
use super::kind::Kind;
use super::{names, view};
use crate::pb;

const PAGE: i32 = 1_000;

/// What narrows a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub labels: BTreeMap<String, String>,
    /// Of resources and operations: their order.
    pub order: String,
    /// Of operations: their parent.
    pub parent: String,
    /// Of operations: their resource (`res_…`).
    pub resource: String,
    /// Every environment of the project.
    pub all_environments: bool,
    /// At most so many; 0 for all.
    pub limit: usize,
}

/// What was found, and whether the limit cut something off.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub records: Vec<Value>,
    pub more: bool,
}

/// Collects pages until there is no next one, or enough.
macro_rules! pages {
    ($limit:expr, $view:expr, $items:ident, |$size:ident, $token:ident| $call:expr) => {{
        let mut found = Found::default();
        let mut $token = String::new();
        loop {
            // One more than wanted tells whether there is more.
            let $size = i32::try_from($limit + 1).map_or(PAGE, |most| if $limit == 0 { PAGE } else { most.min(PAGE) });
            let answer = $call.await?.into_inner();
            found.records.extend(answer.$items.iter().map($view));
            $token = answer.next_page_token;
            let enough = $limit > 0 && found.records.len() >= $limit;
            if $token.is_empty() || enough {
                found.more = !$token.is_empty() || ($limit > 0 && found.records.len() > $limit);
                if $limit > 0 {
                    found.records.truncate($limit);
                }
                break found;
            }
        }
    }};
}

pub async fn list(session: &Session, kind: Kind, filter: &Filter) -> anyhow::Result<Found> {
    let settings = &session.settings;
    let limit = filter.limit;
    let environment = || -> Result<String, Failure> {
        Ok(if filter.all_environments { String::new() } else { settings.environment.clone() })
    };
    let server_filters = matches!(kind, Kind::Order | Kind::Resource);
    let labels = if server_filters { filter.labels.clone().into_iter().collect() } else { Default::default() };
    let mut found = match kind {
        Kind::Project | Kind::Environment | Kind::ResourceType | Kind::Connection | Kind::Recipe => {
            let project = if kind == Kind::Environment { settings.project()?.to_owned() } else { String::new() };
            let word = kind.document().unwrap_or_default().to_owned();
            pages!(limit, view::document, documents, |page_size, page_token| session.documents().list_documents(
                pb::ListDocumentsRequest { kind: word.clone(), project: project.clone(), page_size, page_token }
            ))
        }
        Kind::Order => {
            let request = pb::ListOrdersRequest {
                project: settings.project()?.to_owned(),
                environment: environment()?,
                labels,
                ..Default::default()
            };
            pages!(limit, view::order, orders, |page_size, page_token| session
                .orders()
                .list_orders(pb::ListOrdersRequest { page_size, page_token, ..request.clone() }))
        }
        Kind::Resource => {
            let request = pb::ListResourcesRequest {
                project: settings.project()?.to_owned(),
                environment: environment()?,
                order: filter.order.clone(),
                labels,
                ..Default::default()
            };
            pages!(limit, view::resource, resources, |page_size, page_token| session
                .resources()
                .list_resources(pb::ListResourcesRequest { page_size, page_token, ..request.clone() }))
        }
        Kind::Operation => {
            let request = pb::ListOperationsRequest {
                project: settings.project()?.to_owned(),
                environment: environment()?,
                order: filter.order.clone(),
                parent: filter.parent.clone(),
                resource: filter.resource.clone(),
                ..Default::default()
            };
            pages!(limit, view::operation, operations, |page_size, page_token| session
                .operations()
                .list_operations(pb::ListOperationsRequest { page_size, page_token, ..request.clone() }))
        }
        Kind::Driver => {
            let answer = session.drivers().list_drivers(pb::ListDriversRequest {}).await?.into_inner();
            Found { records: answer.drivers.iter().map(view::driver).collect(), more: false }
        }
        Kind::Secret => pages!(limit, view::secret, secrets, |page_size, page_token| session
            .secrets()
            .list_secrets(pb::ListSecretsRequest { page_size, page_token })),
        Kind::Audit => {
            // A project only if one was asked for: much of what is audited is the platform's own.
            let project = settings.flag_project.clone().unwrap_or_default();
            pages!(limit, view::audit_entry, entries, |page_size, page_token| session
                .audit()
                .list_audit_entries(pb::ListAuditEntriesRequest { project: project.clone(), page_size, page_token }))
        }
    };
    if !server_filters {
        found.records.retain(|record| has_labels(record, &filter.labels));
    }
    Ok(found)
}

pub async fn one(session: &Session, kind: Kind, typed: &str) -> anyhow::Result<Value> {
    let name = names::full(session, kind, typed)?;
    let missing = || anyhow::anyhow!("the core's answer holds no {}", kind.word());
    Ok(match kind {
        Kind::Project | Kind::Environment | Kind::ResourceType | Kind::Connection | Kind::Recipe => {
            let answer = session.documents().get_document(pb::GetDocumentRequest { name }).await?.into_inner();
            view::document(&answer.document.ok_or_else(missing)?)
        }
        Kind::Order => {
            let answer = session.orders().get_order(pb::GetOrderRequest { name }).await?.into_inner();
            view::order(&answer.order.ok_or_else(missing)?)
        }
        Kind::Resource => {
            let answer = session.resources().get_resource(pb::GetResourceRequest { name }).await?.into_inner();
            view::resource(&answer.resource.ok_or_else(missing)?)
        }
        Kind::Operation => {
            let answer = session.operations().get_operation(pb::GetOperationRequest { id: name }).await?.into_inner();
            view::operation(&answer.operation.ok_or_else(missing)?)
        }
        Kind::Driver => {
            let answer = session.drivers().get_driver(pb::GetDriverRequest { name }).await?.into_inner();
            view::driver(&answer.driver.ok_or_else(missing)?)
        }
        Kind::Secret | Kind::Audit => {
            let key = if kind == Kind::Secret { "name" } else { "id" };
            let found = list(session, kind, &Filter::default()).await?.records;
            let same = |record: &Value| record.get(key).and_then(Value::as_str) == Some(typed);
            let none = || Failure::new(super::exit::Exit::Failed, format!("there is no {} `{typed}`", kind.word()));
            found.into_iter().find(same).ok_or_else(|| none().with_reason("NOT_FOUND"))?
        }
    })
}

/// Resources of an order, by name: its own, and under the keys that its entries have there those that it shares.
pub async fn of_order(session: &Session, order: &Value) -> anyhow::Result<Vec<Value>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&order["name"]);
    let mut there = session.clone();
    (there.settings.project, there.settings.environment) = (text(&order["project"]), text(&order["environment"]));
    let mut all = list(&there, Kind::Resource, &Filter { order: name.clone(), ..Filter::default() }).await?.records;
    for entry in order["status"]["shared"].as_array().into_iter().flatten() {
        let mut shared = one(&there, Kind::Resource, &text(&entry["resource-id"])).await?;
        shared["home"] = entry["resource"].clone();
        shared["name"] = Value::from(format!("{name}/{}", text(&entry["key"])));
        all.push(shared);
    }
    all.sort_by_key(|it| text(&it["name"]));
    Ok(all)
}

fn has_labels(record: &Value, labels: &BTreeMap<String, String>) -> bool {
    labels.iter().all(|(key, value)| {
        record.get("labels").and_then(|it| it.get(key)).and_then(Value::as_str) == Some(value.as_str())
    })
}
