//! `vend delete project|environment --cascade`: everything inside is shown, then deleted, and then the thing itself.

use std::time::Duration;

use serde_json::Value;

use super::connect::{Session, request_id};
use super::error::Failure;
use super::exit::Exit;
use super::kind::Kind;
use super::records::{self, Filter};
use super::{apply, columns, delete, names, output, view, wait};
use crate::pb;

pub struct Consent {
    pub given: bool,
    /// How long is waited for each order.
    pub timeout: Duration,
}

/// What is inside, as full names.
struct Inside {
    environments: Vec<String>,
    orders: Vec<String>,
}

pub async fn run(session: &Session, kind: Kind, name: &str, consent: &Consent) -> anyhow::Result<Exit> {
    let mut there = session.clone();
    (there.settings.project, there.settings.environment, _) = names::scope(name);
    // What is not there is said before anybody is asked.
    session.documents().get_document(pb::GetDocumentRequest { name: name.to_owned() }).await?;
    let inside = inside(&there, kind, name).await?;
    let (shown, protected, resources) = drawn(&there, &inside, kind, name).await?;
    if !protected.is_empty() {
        return Err(Failure {
            reason: "RESOURCE_PROTECTED".to_owned(),
            ..Failure::new(
                Exit::Refused,
                format!("protected resources are inside: {}; nothing has changed", protected.join(", ")),
            )
            .with_hint("to lift that, apply their orders with `protect: false` there; then ask again")
        }
        .into());
    }
    eprint!("{shown}");
    if (resources > 0 || !inside.orders.is_empty() || !inside.environments.is_empty())
        && !apply::agreed(session, consent.given, "Delete all of this?")?
    {
        return Err(Failure {
            reason: "PLAN_REQUIRED".to_owned(),
            ..Failure::new(Exit::Refused, format!("this destroys what is in {}/{}", kind.word(), names::short(name)))
                .with_hint("pass --yes or --allow-destroy")
        }
        .into());
    }
    let exit = delete_orders(session, &inside.orders, consent.timeout).await?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    for document in inside.environments.iter().map(String::as_str).chain([name]) {
        let kind = if document.contains("/environments/") { Kind::Environment } else { Kind::Project };
        let request = pb::DeleteDocumentRequest { name: document.to_owned(), etag: String::new() };
        session.documents().delete_document(request).await?;
        output::print(&format!("{}/{} deleted\n", kind.word(), names::short(document)))?;
    }
    Ok(Exit::Done)
}

async fn inside(there: &Session, kind: Kind, name: &str) -> anyhow::Result<Inside> {
    let mut inside = Inside { environments: Vec::new(), orders: Vec::new() };
    let mut places = vec![name.to_owned()];
    if kind == Kind::Project {
        let mut request = pb::ListDocumentsRequest {
            kind: "Environment".to_owned(),
            project: there.settings.project.clone(),
            ..pb::ListDocumentsRequest::default()
        };
        loop {
            let page = there.documents().list_documents(request.clone()).await?.into_inner();
            inside.environments.extend(page.documents.into_iter().map(|it| it.name));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        places.clone_from(&inside.environments);
    }
    for place in places {
        let (project, environment, _) = names::scope(&place);
        let mut request = pb::ListOrdersRequest { project, environment, ..pb::ListOrdersRequest::default() };
        loop {
            let page = there.orders().list_orders(request.clone()).await?.into_inner();
            inside.orders.extend(page.orders.into_iter().map(|it| it.name));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
    }
    Ok(inside)
}

/// Everything inside as a plan would draw it, what of it is protected, and how many resources there are.
async fn drawn(
    there: &Session,
    inside: &Inside,
    kind: Kind,
    name: &str,
) -> anyhow::Result<(String, Vec<String>, usize)> {
    let paint = there.terminal.stderr_paint();
    let text = |record: &Value, key: &str| record.get(key).map(columns::text).unwrap_or_default();
    let mut shown = format!("{}\n", paint.bold(&format!("{} {}", kind.word(), names::short(name))));
    let (mut protected, mut count) = (Vec::new(), 0);
    for order in &inside.orders {
        let mut there = there.clone();
        let short;
        (there.settings.project, there.settings.environment, short) = names::scope(order);
        shown.push_str(&format!("\n{}\n", paint.bold(&format!("Order {short} in {}", there.settings.environment))));
        let filter = Filter { order: short, ..Filter::default() };
        for resource in records::list(&there, Kind::Resource, &filter).await?.records {
            count += 1;
            let (name, kind, external) =
                (text(&resource, "name"), text(&resource, "type"), text(&resource, "external-id"));
            let conditions = resource["conditions"].as_array().into_iter().flatten();
            if conditions.into_iter().any(|it| it["type"] == "Protected") {
                protected.push(name.clone());
            }
            let stays = resource["on-remove"] == "retain" || resource["observe-only"] == true;
            let head = if stays { paint.yellow("< release ") } else { paint.red("- delete ") };
            shown.push_str(format!("  {head}{name}  {kind}  {external}").trim_end());
            shown.push('\n');
        }
    }
    shown.push_str(&format!("\n{count} resources in {} orders.\n", inside.orders.len()));
    Ok((shown, protected, count))
}

/// All are asked for before the first is waited for.
async fn delete_orders(session: &Session, orders: &[String], timeout: Duration) -> anyhow::Result<Exit> {
    let mut begun = Vec::new();
    for name in orders {
        let request = pb::DeleteOrderRequest {
            name: name.clone(),
            request_id: request_id()?,
            allow_destroy: true,
            allow_missing: true,
            ..pb::DeleteOrderRequest::default()
        };
        begun.extend(delete::call(session, &request).await?.operation);
    }
    let mut exit = Exit::Done;
    for operation in begun {
        let ended = wait::operation(session, &operation, timeout).await?;
        let outcome = match ended.exit {
            Exit::Done => "deleted",
            _ => view::state_word(ended.operation.state()),
        };
        output::print(&format!("order/{} {outcome}\n", names::short(&operation.order)))?;
        exit = exit.and(ended.exit);
        if ended.exit == Exit::Interrupted {
            break;
        }
    }
    Ok(exit)
}
