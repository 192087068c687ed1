//! `vend apply`: documents in one call, then the orders, one by one.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tonic::Status;

use super::connect::{LONG_DEADLINE, Session, repeat, request_id, within};
use super::error::{self, Failure};
use super::exit::Exit;
use super::owner::{Owner, OwnerFlags};
use super::place::{self, Manner, Place};
use super::{names, output, plan, planning, sources, view, wait};
use crate::pb::{self, applied_document::Action};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders, or - for stdin
    #[arg(short, long = "file", required = true, num_args = 1.., value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Where a connection's endpoint changes under live resources: its backend has moved there with all that it holds
    #[arg(long)]
    moved: bool,
    #[command(flatten)]
    flags: Applying,
}

/// How orders are applied.
#[derive(Debug, clap::Args)]
pub struct Applying {
    #[command(flatten)]
    pub consent: Consent,
    #[command(flatten)]
    pub owner: OwnerFlags,
    #[command(flatten)]
    pub wait: wait::Flags,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// How far a caller agrees to destruction.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Consent {
    /// Do exactly what the plan of this digest says, or nothing
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// Destroy what the plan says, without a look at it
    #[arg(long)]
    pub allow_destroy: bool,
    /// Answer yes where a person at a terminal would be asked
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
    Yaml,
    /// KIND/NAME only
    Name,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let sources = sources::read(&args.file)?;
    if session.settings.flag_project.is_some() || session.settings.flag_environment.is_some() {
        let tried = Manner { validate_only: true, moved: args.moved };
        sources::agree(session, &place::apply_documents(session, &sources, tried).await?)?;
    }
    let manner = Manner { validate_only: false, moved: args.moved };
    let documents = place::apply_documents(session, &sources, manner).await?;
    let (orders, documents): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(|document| document.action() == Action::Order);
    if orders.len() > 1 && args.flags.consent.plan.is_some() {
        return Err(Failure::usage(format!("--plan belongs to one order; the files hold {}", orders.len())).into());
    }

    let mut report = Report::new(args.flags.output);
    let mut idle = true;
    for document in &documents {
        idle &= document.action() == Action::Unchanged;
        report.document(document)?;
    }
    let mut sourced = Vec::new();
    for document in &orders {
        sourced.push((planning::source_of(&sources, document)?, document.name.clone()));
    }
    send_all(session, sourced, &args.flags, report, idle).await
}

/// Applies orders, each a source with its name, and waits if that is asked for.
pub async fn orders(session: &Session, orders: Vec<(pb::Source, String)>, flags: &Applying) -> anyhow::Result<Exit> {
    if orders.len() > 1 && flags.consent.plan.is_some() {
        return Err(Failure::usage(format!("--plan belongs to one order; the files hold {}", orders.len())).into());
    }
    send_all(session, orders, flags, Report::new(flags.output), true).await
}

/// `idle`: nothing has changed until now.
async fn send_all(
    session: &Session,
    orders: Vec<(pb::Source, String)>,
    Applying { consent, owner, wait, .. }: &Applying,
    mut report: Report,
    mut idle: bool,
) -> anyhow::Result<Exit> {
    let (mut accepted, mut exit, several) = (Vec::new(), Exit::Done, orders.len() > 1);
    for (source, name) in orders {
        let owner = owner.of_file(&source.file_name);
        let answer = match send(session, source, &name, consent, &owner).await {
            Ok(answer) => answer,
            // The others are orders of their own: they go on, and the graver exit status is kept.
            Err(failure) if several && !error::is_broken_pipe(&failure) => {
                let failure = error::explain(&failure, Some(&session.settings));
                eprint!("{}", error::render(&failure, &session.terminal.stderr_paint()));
                exit = exit.and(failure.exit);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        idle &= answer.operation.is_none();
        report.order(session, &answer)?;
        accepted.extend(answer.operation);
    }
    if idle && exit == Exit::Done {
        report.idle()?;
    }
    exit = exit.and(follow(session, &accepted, wait, &mut report).await?);
    report.finish()?;
    Ok(exit)
}

/// Applies one order of a source, named as the core names it; asks for consent where the plan destroys and somebody is there to ask.
pub async fn send(
    session: &Session,
    source: pb::Source,
    name: &str,
    consent: &Consent,
    owner: &Owner,
) -> anyhow::Result<pb::ApplyOrderResponse> {
    let place = Place::of_order(session, name);
    let mut request = pb::ApplyOrderRequest {
        source: Some(source),
        order: names::short(name).to_owned(),
        project: place.project,
        environment: place.environment,
        plan_digest: consent.plan.clone().unwrap_or_default(),
        allow_destroy: consent.allow_destroy,
        request_id: request_id()?,
        order_source: owner.source.clone(),
        take_over: owner.take_over,
        ..pb::ApplyOrderRequest::default()
    };
    let status = match call(session, &request).await {
        Ok(answer) => return Ok(answer),
        Err(status) => status,
    };
    if error::reason(&status) != "PLAN_REQUIRED" {
        return Err(status.into());
    }
    let plan = pb::PlanOrderRequest {
        source: request.source.clone(),
        order: request.order.clone(),
        project: request.project.clone(),
        environment: request.environment.clone(),
    };
    let answer = session.orders().plan_order(within(plan, LONG_DEADLINE)).await?.into_inner();
    let plan = answer.plan.ok_or_else(|| anyhow::anyhow!("the core's answer holds no plan"))?;
    eprintln!("{}", plan::render(&plan, &session.terminal.stderr_paint(), false));
    if !agreed(session, consent.yes, "This plan destroys. Apply it?")? {
        let mut failure = error::from_status(&status, Some(&session.settings));
        if failure.hint.is_empty() {
            failure.hint = format!("pass --plan {} to do exactly this, or --allow-destroy", plan.digest);
        }
        return Err(failure.into());
    }
    request.plan_digest = plan.digest;
    request.request_id = request_id()?;
    Ok(call(session, &request).await?)
}

async fn call(session: &Session, request: &pb::ApplyOrderRequest) -> Result<pb::ApplyOrderResponse, Status> {
    repeat(session, || {
        let (mut orders, request) = (session.orders(), request.clone());
        async move { Ok(orders.apply_order(within(request, LONG_DEADLINE)).await?.into_inner()) }
    })
    .await
}

/// Whether destruction is agreed to: by flag, or by a person at the terminal.
pub fn agreed(session: &Session, yes: bool, question: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !session.terminal.can_ask() {
        return Ok(false);
    }
    if session.terminal.confirm(question)? {
        return Ok(true);
    }
    Err(Failure::new(Exit::Refused, "not agreed to; nothing has changed").into())
}

/// Waits for what was accepted, if that was asked for; says how to follow it otherwise.
async fn follow(
    session: &Session,
    operations: &[pb::Operation],
    flags: &wait::Flags,
    report: &mut Report,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let deadline = tokio::time::Instant::now() + flags.timeout;
    for operation in operations {
        if !flags.wait {
            session.terminal.say(&format!("follow it with `vend wait operation/{}`", operation.id));
            continue;
        }
        let left = deadline.saturating_duration_since(tokio::time::Instant::now()).max(Duration::from_millis(1));
        let ended = wait::operation(session, operation, left).await?;
        exit = exit.and(ended.exit);
        report.ended(&ended.operation)?;
        if ended.exit == Exit::Interrupted {
            break;
        }
    }
    Ok(exit)
}

/// Follows the one operation of a single order.
pub async fn finish_one(
    session: &Session,
    answer: &pb::ApplyOrderResponse,
    flags: &wait::Flags,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut report = Report::new(format);
    report.order(session, answer)?;
    if answer.operation.is_none() {
        report.idle()?;
    }
    let operations: Vec<_> = answer.operation.clone().into_iter().collect();
    let exit = follow(session, &operations, flags, &mut report).await?;
    report.finish()?;
    Ok(exit)
}

/// What was done, on stdout: line by line for people, as one value for scripts.
struct Report {
    format: Format,
    documents: Vec<Value>,
    orders: Vec<Value>,
}

impl Report {
    fn new(format: Format) -> Self {
        Report { format, documents: Vec::new(), orders: Vec::new() }
    }

    fn document(&mut self, document: &pb::AppliedDocument) -> anyhow::Result<()> {
        self.documents.push(planning::view_document(document));
        match self.format {
            Format::Table => output::print(&planning::document_line(document, false)),
            Format::Name => output::print(&format!("{}\n", planning::reference(document))),
            Format::Json | Format::Yaml => Ok(()),
        }
    }

    fn order(&mut self, session: &Session, answer: &pb::ApplyOrderResponse) -> anyhow::Result<()> {
        let plan = answer.plan.clone().unwrap_or_default();
        let name = answer.order.as_ref().map_or(plan.order.as_str(), |order| order.name.as_str());
        let short = names::short(name);
        self.orders.push(json!({
            "name": short,
            "plan": view::plan(&plan),
            "operation": answer.operation.as_ref().map(view::operation),
        }));
        match (self.format, &answer.operation) {
            (Format::Name, _) => output::print(&format!("order/{short}\n")),
            (Format::Table, None) => output::print(&format!("order/{short} unchanged\n")),
            (Format::Table, Some(operation)) => {
                session.terminal.say(&plan::render(&plan, &session.terminal.stderr_paint(), false));
                output::print(&format!("order/{short} accepted as {}\n", operation.id))
            }
            (Format::Json | Format::Yaml, _) => Ok(()),
        }
    }

    fn ended(&mut self, operation: &pb::Operation) -> anyhow::Result<()> {
        for order in &mut self.orders {
            if order["operation"]["id"] == json!(operation.id) {
                order["operation"] = view::operation(operation);
            }
        }
        if self.format == Format::Table {
            let state = view::state_word(operation.state());
            output::print(&format!("order/{} {state}\n", names::short(&operation.order)))?;
        }
        Ok(())
    }

    fn idle(&self) -> anyhow::Result<()> {
        if self.format == Format::Table { output::print("nothing to do\n") } else { Ok(()) }
    }

    fn finish(&self) -> anyhow::Result<()> {
        let value = json!({ "documents": self.documents, "orders": self.orders });
        match self.format {
            Format::Json => output::print(&output::json(&value)?),
            Format::Yaml => output::print(&output::yaml(&[value])?),
            Format::Table | Format::Name => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::cli::fake::{Book, Core, session};

    async fn sent(book: Book, consent: Consent) -> (Vec<pb::ApplyOrderRequest>, Result<(), Failure>) {
        let core = Core::new(book);
        let running = core.listen("127.0.0.1:0");
        let session = session(running.address);
        let ended = send(&session, pb::Source::default(), "checkout", &consent, &Owner::default()).await;
        let ended = ended.map(|_| ()).map_err(|failure| error::explain(&failure, None));
        (core.read(|book| std::mem::take(&mut book.applied)), ended)
    }

    #[tokio::test]
    async fn a_core_that_restarts_is_asked_again_with_the_same_request_id() {
        let (applied, ended) = sent(Book { unavailable: 2, ..Book::default() }, Consent::default()).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(applied.len(), 3);
        assert_eq!(applied[0].request_id.len(), 32);
        assert!(applied.iter().all(|request| request.request_id == applied[0].request_id));
    }

    #[tokio::test]
    async fn destruction_is_refused_where_nobody_can_be_asked() {
        let (applied, ended) = sent(Book { destroys: true, ..Book::default() }, Consent::default()).await;
        let failure = ended.expect_err("is refused");
        assert_eq!((failure.exit, failure.reason.as_str()), (Exit::Refused, "PLAN_REQUIRED"));
        assert_eq!(failure.hint, "pass --plan d1 to do exactly this, or --allow-destroy");
        assert_eq!(applied.len(), 1);
    }

    #[tokio::test]
    async fn a_yes_is_bound_to_the_plan_that_was_shown() {
        let consent = Consent { yes: true, ..Consent::default() };
        let (applied, ended) = sent(Book { destroys: true, ..Book::default() }, consent).await;
        assert_eq!(ended, Ok(()));
        let digests: Vec<_> = applied.iter().map(|request| request.plan_digest.as_str()).collect();
        assert_eq!(digests, ["", "d1"]);
        assert!(applied.iter().all(|request| !request.allow_destroy));
        assert_ne!(applied[0].request_id, applied[1].request_id);
    }

    #[tokio::test]
    async fn consent_by_flag_asks_nothing() {
        for consent in [
            Consent { allow_destroy: true, ..Consent::default() },
            Consent { plan: Some("d1".to_owned()), ..Consent::default() },
        ] {
            let (applied, ended) = sent(Book { destroys: true, ..Book::default() }, consent).await;
            assert_eq!((applied.len(), ended), (1, Ok(())));
        }
    }
}
