//! `vend retry` and `vend resolve`: what a person says about operations that stopped for one.

use serde_json::Value;

use super::connect::Session;
use super::error::Failure;
use super::exit::Exit;
use super::{output, progress, view, wait};
use crate::pb::{self, Operation, operation::State, resolve_operation_request::Resolution};

/// Operations asked for at once.
const PAGE: i32 = 500;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["operations", "all"]))]
pub struct RetryArgs {
    /// Operations that wait or need attention; an order's operation stands for all of its resources
    #[arg(value_name = "OP")]
    operations: Vec<String>,
    /// All that need attention in the project; of the environment if `-e` is given
    #[arg(long)]
    all: bool,
    /// With --all: only those of this order
    #[arg(long, value_name = "ORDER", requires = "all")]
    order: Option<String>,
    /// With --all: only those that stopped for this reason, e.g. BACKEND_UNAVAILABLE
    #[arg(long, value_name = "REASON", requires = "all", value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    wait: wait::Flags,
    #[arg(short, long, value_enum, default_value_t)]
    output: output::Plain,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("decision").required(true).multiple(false))]
pub struct ResolveArgs {
    /// An operation that needs attention; an order's operation stands for the one resource that does
    #[arg(value_name = "OP")]
    operation: String,
    /// The object with this id at the backend is what the lost create made
    #[arg(long, value_name = "ID", group = "decision")]
    adopt: Option<String>,
    /// Begin afresh: what can be looked for is; of what cannot, this says that nothing was made
    #[arg(long, group = "decision")]
    retry: bool,
    /// With --retry: go on with another version of its driver
    #[arg(long, value_name = "NAME@VERSION", requires = "retry")]
    driver: Option<String>,
    /// Give it up: the operation fails, and what it may have left is on record as a possible orphan
    #[arg(long, group = "decision")]
    abandon: bool,
    #[command(flatten)]
    wait: wait::Flags,
    #[arg(short, long, value_enum, default_value_t)]
    output: output::Plain,
}

fn reason(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if fits { Ok(text.to_owned()) } else { Err("a reason is written like BACKEND_UNAVAILABLE".to_owned()) }
}

pub async fn retry(session: &Session, args: &RetryArgs) -> anyhow::Result<Exit> {
    let ids = if args.all { stopped(session, args).await? } else { args.operations.iter().map(|it| id(it)).collect() };
    if ids.is_empty() {
        session.terminal.say("nothing needs attention");
    }
    let mut retried = Vec::with_capacity(ids.len());
    for id in ids {
        let answer = session.operations().retry_operation(pb::RetryOperationRequest { id }).await?.into_inner();
        retried.push(answer.operation.unwrap_or_default());
    }
    told(session, retried, "is tried again", &args.wait, args.output).await
}

pub async fn resolve(session: &Session, args: &ResolveArgs) -> anyhow::Result<Exit> {
    let id = id(&args.operation);
    let mut operations = session.operations();
    let (operation, word) = match &args.adopt {
        _ if args.abandon => {
            let answer = operations.cancel_operation(pb::CancelOperationRequest { id }).await?.into_inner();
            (answer.operation, "is given up")
        }
        Some(adopted) => {
            let resolution = Some(Resolution::Adopt(adopted.clone()));
            let request = pb::ResolveOperationRequest { id, resolution, driver: String::new() };
            let answer = operations.resolve_operation(request).await?;
            (answer.into_inner().operation, "goes on with what it adopted")
        }
        None => {
            let resolution = Some(Resolution::Afresh(()));
            let driver = args.driver.clone().unwrap_or_default();
            let answer = operations.resolve_operation(pb::ResolveOperationRequest { id, resolution, driver }).await?;
            (answer.into_inner().operation, "begins afresh")
        }
    };
    told(session, vec![operation.unwrap_or_default()], word, &args.wait, args.output).await
}

async fn told(
    session: &Session,
    mut operations: Vec<Operation>,
    word: &str,
    flags: &wait::Flags,
    format: output::Plain,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    if flags.wait {
        for operation in &mut operations {
            let ended = wait::operation(session, operation, flags.timeout).await?;
            exit = exit.and(ended.exit);
            *operation = ended.operation;
        }
    }
    let values = Value::Array(operations.iter().map(view::operation).collect());
    let text = match output::plain(&values, format)? {
        Some(text) => text,
        None => {
            let line = |it: &Operation| match flags.wait || it.done {
                true => format!("operation/{} {}\n", it.id, progress::words(it)),
                false => format!("operation/{} {word}\n", it.id),
            };
            operations.iter().map(line).collect()
        }
    };
    output::print(&text)?;
    if let ([operation], false) = (operations.as_slice(), flags.wait)
        && !operation.done
    {
        session.terminal.say(&format!("follow it with `vend wait operation/{}`", operation.id));
    }
    Ok(exit)
}

/// Ids of what needs attention: of orders' operations, or with a reason of those of their resources that stopped for it.
async fn stopped(session: &Session, args: &RetryArgs) -> anyhow::Result<Vec<String>> {
    let settings = &session.settings;
    let project = settings.project.clone();
    if project.is_empty() {
        return Err(Failure::usage("which project?").with_hint("give `-p NAME`").into());
    }
    let filter = pb::ListOperationsRequest {
        project,
        environment: match &args.order {
            Some(_) => settings.environment.clone(),
            None => settings.flag_environment.clone().unwrap_or_default(),
        },
        order: args.order.clone().unwrap_or_default(),
        ..pb::ListOperationsRequest::default()
    };
    let mut ids = Vec::new();
    for parent in list(session, filter.clone()).await? {
        let parked = parent.state() == State::NeedsAttention
            || parent.children.get("needs-attention").is_some_and(|count| *count > 0);
        match &args.reason {
            _ if !parked => {}
            None => ids.push(parent.id),
            Some(reason) => {
                let children = pb::ListOperationsRequest { parent: parent.id, ..filter.clone() };
                let fits = |it: &Operation| it.state() == State::NeedsAttention && it.reason == *reason;
                ids.extend(list(session, children).await?.into_iter().filter(fits).map(|it| it.id));
            }
        }
    }
    Ok(ids)
}

async fn list(session: &Session, mut request: pb::ListOperationsRequest) -> anyhow::Result<Vec<Operation>> {
    request.page_size = PAGE;
    let mut all = Vec::new();
    loop {
        let page = session.operations().list_operations(request.clone()).await?.into_inner();
        all.extend(page.operations);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

fn id(typed: &str) -> String {
    typed.rsplit_once('/').map_or(typed, |(_, id)| id).to_owned()
}
