//! `vend delete`: an order with all its resources, or a document.

use std::path::PathBuf;

use serde_json::Value;

use super::connect::{LONG_DEADLINE, Session, repeat, request_id, within};
use super::error::{self, Failure};
use super::exit::Exit;
use super::kind::Kind;
use super::records::{self, Filter};
use super::{apply, cascade, columns, names, output, place, sources, view, wait};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// project, environment, resource-type, connection, recipe or order
    #[arg(required_unless_present = "file", requires = "name")]
    kind: Option<Kind>,
    name: Option<String>,
    /// Delete what these files hold, last first
    #[arg(short, long, num_args = 1.., value_name = "FILE", conflicts_with = "kind")]
    file: Vec<PathBuf>,
    /// Destroy without being shown what goes
    #[arg(long)]
    allow_destroy: bool,
    /// Answer yes where a person at a terminal would be asked
    #[arg(short, long)]
    yes: bool,
    /// Of an environment or a project: first delete everything inside
    #[arg(long)]
    cascade: bool,
    #[command(flatten)]
    wait: wait::Flags,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    if let (Some(kind), Some(name)) = (args.kind, &args.name) {
        let name = names::full(session, kind, name)?;
        return delete(session, args, kind, &name, args.wait.wait).await;
    }
    let sources = sources::read(&args.file)?;
    let documents =
        place::apply_documents(session, &sources, place::Manner { validate_only: true, moved: false }).await?;
    sources::agree(session, &documents)?;
    let mut targets = Vec::new();
    for document in &documents {
        let kind = Kind::of_document(&document.kind)
            .ok_or_else(|| Failure::usage(format!("this program cannot delete a {}", document.kind)))?;
        targets.push((kind, names::full(session, kind, &document.name)?));
    }
    // What is referred to stands before what refers to it; deletion goes the other way.
    targets.sort_by_key(|(kind, _)| std::cmp::Reverse(Kind::ALL.iter().position(|it| it == kind)));
    let mut exit = Exit::Done;
    let more_than_orders = targets.iter().any(|(kind, _)| *kind != Kind::Order);
    for (kind, name) in targets {
        // A recipe cannot go while an order is still being taken down.
        let wait = args.wait.wait || (kind == Kind::Order && more_than_orders);
        match delete(session, args, kind, &name, wait).await {
            Err(failure) if error::explain(&failure, None).reason == "NOT_FOUND" => {
                output::print(&format!("{}/{} is not there\n", kind.word(), names::short(&name)))?;
            }
            ended => exit = exit.and(ended?),
        }
        if exit != Exit::Done {
            break;
        }
    }
    Ok(exit)
}

async fn delete(session: &Session, args: &Args, kind: Kind, name: &str, wait: bool) -> anyhow::Result<Exit> {
    match kind {
        Kind::Order => delete_order(session, args, name, wait).await,
        Kind::Project | Kind::Environment if args.cascade => {
            let consent = cascade::Consent { given: args.yes || args.allow_destroy, timeout: args.wait.timeout };
            cascade::run(session, kind, name, &consent).await
        }
        Kind::Project | Kind::Environment | Kind::ResourceType | Kind::Connection | Kind::Recipe => {
            let request = pb::DeleteDocumentRequest { name: name.to_owned(), etag: String::new() };
            session.documents().delete_document(request).await?;
            output::print(&format!("{}/{} deleted\n", kind.word(), names::short(name)))?;
            Ok(Exit::Done)
        }
        Kind::Driver => Err(Failure::usage("a driver is not deleted").with_hint("use `vend driver uninstall`").into()),
        Kind::Resource => Err(Failure::usage("a resource is not deleted by itself")
            .with_hint("take it out of its order's file and apply that, or delete the order")
            .into()),
        Kind::Operation => {
            Err(Failure::usage("an operation is not deleted").with_hint("use `vend cancel OP` to end it").into())
        }
        Kind::Secret | Kind::Audit => Err(Failure::usage(format!("{}s cannot be deleted", kind.word())).into()),
    }
}

async fn delete_order(session: &Session, args: &Args, name: &str, wait: bool) -> anyhow::Result<Exit> {
    let mut request = pb::DeleteOrderRequest {
        name: name.to_owned(),
        request_id: request_id()?,
        allow_destroy: args.allow_destroy,
        ..pb::DeleteOrderRequest::default()
    };
    let mut answer = call(session, &request).await;
    if let Err(status) = &answer
        && error::reason(status) == "PLAN_REQUIRED"
    {
        eprint!("{}", what_goes(session, name).await?);
        if !apply::agreed(session, args.yes, "Delete all of this?")? {
            let mut failure = error::from_status(status, Some(&session.settings));
            if failure.hint.is_empty() {
                failure.hint = "pass --yes or --allow-destroy".to_owned();
            }
            return Err(failure.into());
        }
        request.allow_destroy = true;
        request.request_id = request_id()?;
        answer = call(session, &request).await;
    }
    let short = names::short(name);
    let Some(operation) = answer?.operation else {
        output::print(&format!("order/{short} deleted\n"))?;
        return Ok(Exit::Done);
    };
    output::print(&format!("order/{short} is being deleted by {}\n", operation.id))?;
    if !wait {
        session.terminal.say(&format!("follow it with `vend wait operation/{}`", operation.id));
        return Ok(Exit::Done);
    }
    let ended = wait::operation(session, &operation, args.wait.timeout).await?;
    let outcome = match ended.exit {
        Exit::Done => "deleted",
        _ => view::state_word(ended.operation.state()),
    };
    output::print(&format!("order/{short} {outcome}\n"))?;
    Ok(ended.exit)
}

pub async fn call(
    session: &Session,
    request: &pb::DeleteOrderRequest,
) -> Result<pb::DeleteOrderResponse, tonic::Status> {
    repeat(session, || {
        let (mut orders, request) = (session.orders(), request.clone());
        async move { Ok(orders.delete_order(within(request, LONG_DEADLINE)).await?.into_inner()) }
    })
    .await
}

/// The resources that would go, as a plan would draw them.
async fn what_goes(session: &Session, name: &str) -> anyhow::Result<String> {
    let (project, environment, order) = names::scope(name);
    let mut there = session.clone();
    there.settings.project = project;
    there.settings.environment = environment;
    let filter = Filter { order: order.clone(), ..Filter::default() };
    let resources = records::list(&there, Kind::Resource, &filter).await?.records;
    let paint = session.terminal.stderr_paint();
    let text = |record: &Value, key: &str| record.get(key).map(columns::text).unwrap_or_default();
    let mut shown = format!("{}\n\n", paint.bold(&format!("Order {order}")));
    let mut going = 0;
    for resource in &resources {
        let (name, kind, external) = (text(resource, "name"), text(resource, "type"), text(resource, "external-id"));
        let heirs = match text(resource, "shared-id").is_empty() {
            true => Vec::new(),
            false => shared_with(&there, &name).await?,
        };
        if heirs.is_empty() {
            going += 1;
            shown.push_str(&format!("  {}{name}  {kind}  {external}", paint.red("- delete ")));
        } else {
            shown.push_str(&format!("  * stays  {name}  {kind}  {external}  as {}", heirs.join(", ")));
        }
        shown = shown.trim_end().to_owned() + "\n";
    }
    shown.push_str(&format!("\n{going} to delete.\n"));
    Ok(shown)
}

/// The entries of other orders that are this resource, and have it on.
async fn shared_with(session: &Session, name: &str) -> anyhow::Result<Vec<String>> {
    let resource = records::one(session, Kind::Resource, name).await?;
    let order = name.split('/').next().unwrap_or_default();
    let entries = resource.get("shared-with").and_then(Value::as_array).into_iter().flatten();
    let others = entries.filter_map(Value::as_str).filter(|it| it.split('/').next() != Some(order));
    Ok(others.map(str::to_owned).collect())
}
