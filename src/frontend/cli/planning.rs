//! `vend plan`: what applying files would do.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::connect::{LONG_DEADLINE, Session, within};
use super::error::Failure;
use super::exit::Exit;
use super::place::{self, Manner, Place};
use super::{error, kind::Kind, names, output, plan, sources, view};
use crate::pb::{self, applied_document::Action};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders, or - for stdin
    #[arg(short, long = "file", required = true, num_args = 1.., value_name = "FILE")]
    file: Vec<PathBuf>,
    /// As for `vend apply`: a connection's backend has moved with all that it holds
    #[arg(long)]
    moved: bool,
    #[command(flatten)]
    show: Show,
}

/// How plans are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Show {
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    /// Also what stays, why each recipe was taken, and values whole
    Wide,
    Json,
    Yaml,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    args.show.exit(session, show(session, args).await)
}

impl Show {
    /// Whoever asks for the detailed status must be able to tell every failure from changes.
    pub fn exit(&self, session: &Session, ended: anyhow::Result<Exit>) -> anyhow::Result<Exit> {
        match ended {
            Err(failure) if self.detailed_exitcode && !error::is_broken_pipe(&failure) => {
                let failure = error::explain(&failure, Some(&session.settings));
                Err(Failure { exit: Exit::Failed, ..failure }.into())
            }
            ended => ended,
        }
    }
}

async fn show(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let sources = sources::read(&args.file)?;
    let manner = Manner { validate_only: true, moved: args.moved };
    let documents = place::apply_documents(session, &sources, manner).await?;
    sources::agree(session, &documents)?;

    let mut plans = Vec::new();
    for order in documents.iter().filter(|document| document.action() == Action::Order) {
        plans.push(of_order(session, source_of(&sources, order)?, &order.name).await?);
    }
    print(session, &documents, &plans, args.show)
}

/// Shows what would be done: documents that are no orders, and the plans of orders.
pub fn print(
    session: &Session,
    documents: &[pb::AppliedDocument],
    plans: &[pb::Plan],
    show: Show,
) -> anyhow::Result<Exit> {
    let changing: Vec<_> =
        documents.iter().filter(|document| matches!(document.action(), Action::Created | Action::Updated)).collect();
    let changes = !changing.is_empty() || plans.iter().any(plan::has_changes);

    let others = || documents.iter().filter(|document| document.action() != Action::Order);
    let value = json!({
        "documents": others().map(view_document).collect::<Vec<Value>>(),
        "plans": plans.iter().map(view::plan).collect::<Vec<Value>>(),
    });
    let text = match show.output {
        Format::Json => output::json(&value)?,
        Format::Yaml => output::yaml(&[value])?,
        Format::Table | Format::Wide => {
            let paint = session.terminal.stdout_paint();
            let mut text = String::new();
            for document in others() {
                text.push_str(&document_line(document, true));
            }
            for (number, plan) in plans.iter().enumerate() {
                if number > 0 || others().next().is_some() {
                    text.push('\n');
                }
                text.push_str(&plan::render(plan, &paint, show.output == Format::Wide));
            }
            if !changes {
                text.push_str("nothing to do\n");
            }
            text
        }
    };
    output::print(&text)?;
    Ok(if changes && show.detailed_exitcode { Exit::Changes } else { Exit::Done })
}

/// The source that an answer says a document stands in.
pub fn source_of(sources: &[pb::Source], document: &pb::AppliedDocument) -> anyhow::Result<pb::Source> {
    let index = usize::try_from(document.source).unwrap_or(usize::MAX);
    let source = sources.get(index).cloned();
    source
        .ok_or_else(|| anyhow::anyhow!("the core says `{}` stands in file {index}, which was not sent", document.name))
}

/// The plan of one order of a source, named as the core names it.
pub async fn of_order(session: &Session, source: pb::Source, name: &str) -> anyhow::Result<pb::Plan> {
    let place = Place::of_order(session, name);
    let request = pb::PlanOrderRequest {
        source: Some(source),
        order: names::short(name).to_owned(),
        project: place.project,
        environment: place.environment,
    };
    let answer = session.orders().plan_order(within(request, LONG_DEADLINE)).await.map_err(|status| {
        if error::reason(&status) != "NOT_FOUND" {
            return anyhow::Error::new(status);
        }
        let mut failure = error::from_status(&status, Some(&session.settings));
        if failure.hint.is_empty() {
            failure.hint = "what the order needs must be applied before it can be planned".to_owned();
        }
        failure.into()
    })?;
    answer.into_inner().plan.ok_or_else(|| anyhow::anyhow!("the core's answer holds no plan"))
}

/// `recipe/shared-postgres created (revision 4)`, with what it concerns below.
pub fn document_line(document: &pb::AppliedDocument, would: bool) -> String {
    let mut text = format!("{} {}", reference(document), action_words(document.action(), would));
    if document.revision > 0 && document.action() == Action::Updated {
        text.push_str(&format!(" (revision {})", document.revision));
    }
    text.push('\n');
    if !document.concerns.is_empty() {
        text.push_str(&format!("  {}\n", document.concerns));
    }
    for warning in &document.warnings {
        text.push_str(&format!("  warning: {warning}\n"));
    }
    text
}

pub fn reference(document: &pb::AppliedDocument) -> String {
    let kind = Kind::of_document(&document.kind).map_or(document.kind.as_str(), |kind| kind.word());
    format!("{kind}/{}", names::short(&document.name))
}

fn action_words(action: Action, would: bool) -> &'static str {
    match (action, would) {
        (Action::Unchanged, _) => "unchanged",
        (Action::Created, false) => "created",
        (Action::Created, true) => "would be created",
        (Action::Updated, false) => "updated",
        (Action::Updated, true) => "would be updated",
        (Action::Order | Action::Unspecified, _) => "",
    }
}

pub fn view_document(document: &pb::AppliedDocument) -> Value {
    json!({
        "kind": document.kind,
        "name": names::short(&document.name),
        "action": action_words(document.action(), false),
        "revision": document.revision,
        "concerns": document.concerns,
        "warnings": document.warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let document = pb::AppliedDocument {
            kind: "Recipe".to_owned(),
            name: "recipes/shared-postgres".to_owned(),
            action: Action::Updated.into(),
            revision: 5,
            concerns: "3 resources stay pinned to revision 4".to_owned(),
            warnings: vec!["ties with nothing, serves nowhere".to_owned()],
            source: 0,
        };
        assert_eq!(
            document_line(&document, false),
            "recipe/shared-postgres updated (revision 5)\n  3 resources stay pinned to revision 4\n  \
             warning: ties with nothing, serves nowhere\n"
        );
        let unchanged = pb::AppliedDocument {
            kind: "ResourceType".to_owned(),
            name: "postgres-database".to_owned(),
            action: Action::Unchanged.into(),
            ..pb::AppliedDocument::default()
        };
        assert_eq!(document_line(&unchanged, true), "resource-type/postgres-database unchanged\n");
    }
}
