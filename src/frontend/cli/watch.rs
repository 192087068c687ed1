//! `vend watch` and `vend get --watch`: changes as they happen.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Format};
use super::wakes::{Scope, Wakes, Woken};
use super::{columns, names, records, view};
use crate::pb::{WatchResponse, watch_response};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this order
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Every environment of the project
    #[arg(short = 'A', long)]
    all_environments: bool,
    /// Leave out what is there already
    #[arg(long)]
    only_changes: bool,
    /// One JSON object per line
    #[arg(short, long, value_enum, default_value_t)]
    output: Lines,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Lines {
    #[default]
    Table,
    Json,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let mut session = session.clone();
    if args.all_environments {
        session.settings.environment.clear();
    }
    let mut changes = Changes::begin(&session, args.order.as_deref()).await?;
    tokio::select! {
        ended = async {
            loop {
                let change = changes.next().await?;
                if args.only_changes && change.kind() == watch_response::Kind::Initial {
                    continue;
                }
                output::print(&line(&change, args.output))?;
            }
        } => ended,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Changes of a project, without end.
pub struct Changes {
    wakes: Wakes,
    session: Session,
}

impl Changes {
    pub async fn begin(session: &Session, order: Option<&str>) -> anyhow::Result<Self> {
        let scope = Scope {
            project: session.settings.project()?.to_owned(),
            environment: session.settings.environment.clone(),
            order: order.unwrap_or_default().to_owned(),
        };
        let mut wakes = Wakes::new(session, scope);
        wakes.open().await?;
        Ok(Changes { wakes, session: session.clone() })
    }

    async fn next(&mut self) -> Result<WatchResponse, tonic::Status> {
        loop {
            match self.wakes.next(Duration::from_secs(60)).await? {
                Woken::Change(change) => return Ok(*change),
                Woken::Anew => self.session.terminal.warn("changes were missed; what is there now follows"),
                Woken::Quiet => {}
            }
        }
    }
}

/// What the stream calls a kind; none for what it does not tell about.
pub fn subject(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Order => Some("order"),
        Kind::Resource => Some("resource"),
        Kind::Operation => Some("operation"),
        Kind::Project | Kind::Environment | Kind::ResourceType | Kind::Connection | Kind::Recipe => Some("document"),
        Kind::Driver | Kind::Secret | Kind::Audit => None,
    }
}

/// Shows each changed record of a kind anew, until Ctrl-C; `shown` are those that stand there already.
pub async fn follow_records(
    session: &Session,
    mut changes: Changes,
    kind: Kind,
    only: Option<&str>,
    shown: &[Value],
    format: Format,
) -> anyhow::Result<Exit> {
    let mut widths = columns::table(kind, shown, format == Format::Wide, jiff::Timestamp::now()).widths();
    let only = only.map(|name| names::full(session, kind, name)).transpose()?;
    let follow = async {
        loop {
            let change = changes.next().await?;
            let (name, id) = (change.name.as_str(), change.id.as_str());
            let listed = change.kind() == watch_response::Kind::Initial;
            let other = only.as_deref().is_some_and(|only| only != name && only != id);
            if listed || other || Some(change.subject.as_str()) != subject(kind) || !is_of(kind, name) {
                continue;
            }
            if change.kind() == watch_response::Kind::Deleted {
                output::print(&line(&change, if format == Format::Json { Lines::Json } else { Lines::Table }))?;
                continue;
            }
            let wanted = if matches!(kind, Kind::Operation | Kind::Resource) { id } else { name };
            let record = match records::one(session, kind, wanted).await {
                Ok(record) => record,
                // Gone again in the meantime: the stream says so next.
                Err(error) if is_not_found(&error) => continue,
                Err(error) => return Err(error),
            };
            output::print(&row(kind, &record, &mut widths, format)?)?;
        }
    };
    tokio::select! {
        ended = follow => ended,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    error.downcast_ref::<tonic::Status>().is_some_and(|status| status.code() == Code::NotFound)
}

/// Documents of all kinds are one subject: the collection in the name tells them apart.
fn is_of(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Environment => name.contains("/environments/"),
        Kind::Project => name.starts_with("projects/") && !name.contains("/environments/"),
        _ => kind.collection().is_none_or(|collection| name.starts_with(&format!("{collection}/"))),
    }
}

/// One record without a heading; JSON on one line.
fn row(kind: Kind, record: &Value, widths: &mut Vec<usize>, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table | Format::Wide => {
            let record = std::slice::from_ref(record);
            columns::table(kind, record, format == Format::Wide, jiff::Timestamp::now()).render_below(widths)
        }
        Format::Json => format!("{record}\n"),
        Format::Yaml => format!("---\n{}", output::records(kind, std::slice::from_ref(record), format, true)?),
        Format::Name => output::records(kind, std::slice::from_ref(record), format, true)?,
    })
}

fn line(change: &WatchResponse, format: Lines) -> String {
    let kind = match change.kind() {
        watch_response::Kind::Initial => "there",
        watch_response::Kind::Created => "created",
        watch_response::Kind::Updated => "updated",
        watch_response::Kind::Deleted => "deleted",
        watch_response::Kind::Bookmark | watch_response::Kind::Unspecified => "",
    };
    let time = view::time(&change.time);
    if format == Lines::Json {
        let value = json!({"time": time, "kind": kind, "subject": change.subject, "id": change.id, "name": change.name,
            "order": change.order, "state": change.state, "message": change.message});
        return format!("{value}\n");
    }
    let name = match change.subject.as_str() {
        "resource" => names::short_resource(&change.name),
        "operation" => change.id.clone(),
        _ => names::short(&change.name).to_owned(),
    };
    let text = format!(
        "{}  {kind:<7}  {}/{name}  {}  {}",
        columns::text(&time),
        change.subject,
        change.state,
        super::table::shorten(&change.message, 120)
    );
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let change = WatchResponse {
            kind: watch_response::Kind::Updated.into(),
            subject: "resource".to_owned(),
            name: "projects/a/environments/b/orders/checkout/resources/db".to_owned(),
            state: "ready".to_owned(),
            time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..WatchResponse::default()
        };
        assert_eq!(line(&change, Lines::Table), "1970-01-01T00:00:00Z  updated  resource/checkout/db  ready\n");
        assert!(line(&change, Lines::Json).contains("\"subject\":\"resource\""));
    }

    #[test]
    fn documents_are_told_apart_by_their_names() {
        assert!(is_of(Kind::Recipe, "recipes/a"));
        assert!(!is_of(Kind::Recipe, "connections/a"));
        assert!(is_of(Kind::Environment, "projects/a/environments/b"));
        assert!(!is_of(Kind::Project, "projects/a/environments/b"));
        assert!(is_of(Kind::Order, "projects/a/environments/b/orders/c"));
    }
}
