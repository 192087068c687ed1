//! `vend get`: records of a kind, once or as they change.

use std::collections::BTreeMap;

use super::connect::Session;
use super::error::Failure;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Format};
use super::records::{self, Filter};
use super::watch;

/// Of what grows for ever only the newest are listed, unless told otherwise.
const NEWEST: usize = 100;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// projects, environments, resource-types, connections, recipes, orders, resources, operations, drivers, secrets or
    /// audit; singular and short names (proj env rt conn res op) do too
    kind: Kind,
    /// Only this one
    name: Option<String>,
    /// Only what bears all of these labels
    #[arg(short = 'l', long = "selector", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    labels: Vec<(String, String)>,
    /// Of resources and operations: only those of this order
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Every environment of the project
    #[arg(short = 'A', long)]
    all_environments: bool,
    /// List at most so many; 0 for all [default: 100 for operations and audit, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Then show changes as they happen
    #[arg(short, long)]
    watch: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// `key=value`, as it is typed.
pub fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let kind = args.kind;
    let subject = watch::subject(kind);
    if args.watch && subject.is_none() {
        return Err(Failure::usage(format!("{}s cannot be watched", kind.word())).into());
    }
    if !args.labels.is_empty() && matches!(kind, Kind::Operation | Kind::Driver | Kind::Secret | Kind::Audit) {
        return Err(Failure::usage(format!("{} records bear no labels", kind.word())).into());
    }
    // Taken before the list, so that nothing falls between the two.
    let changes = if args.watch { Some(watch::Changes::begin(session, args.order.as_deref()).await?) } else { None };

    let shown = if let Some(name) = &args.name {
        let records = vec![records::one(session, kind, name).await?];
        output::print(&output::records(kind, &records, args.output, true)?)?;
        records
    } else {
        let grows = matches!(kind, Kind::Operation | Kind::Audit);
        let filter = Filter {
            labels: args.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
            order: args.order.clone().unwrap_or_default(),
            all_environments: args.all_environments,
            limit: args.limit.unwrap_or(if grows { NEWEST } else { 0 }),
            ..Filter::default()
        };
        let found = records::list(session, kind, &filter).await?;
        if found.records.is_empty() && matches!(args.output, Format::Table | Format::Wide) {
            session.terminal.say(&format!("there are no {}s here", kind.word()));
        } else {
            output::print(&output::records(kind, &found.records, args.output, false)?)?;
        }
        if found.more {
            session.terminal.say(&format!("only {} are shown; `--limit 0` lists all", found.records.len()));
        }
        found.records
    };
    match changes {
        Some(changes) => watch::follow_records(session, changes, kind, args.name.as_deref(), &shown, args.output).await,
        None => Ok(Exit::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels() {
        assert_eq!(label("team=a=b"), Ok(("team".to_owned(), "a=b".to_owned())));
        assert!(label("team").is_err());
        assert!(label("=a").is_err());
    }
}
