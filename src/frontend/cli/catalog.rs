//! `vend catalog`: what can be ordered here.

use super::connect::Session;
use super::exit::Exit;
use super::output::{self, Format};
use super::table::{Table, shorten};
use super::view;
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let request = pb::ListCatalogEntriesRequest {
        project: session.settings.project()?.to_owned(),
        environment: session.settings.environment()?.to_owned(),
    };
    let entries = session.catalog().list_catalog_entries(request).await?.into_inner().entries;
    let values: Vec<_> = entries.iter().map(view::catalog_entry).collect();
    let text = match args.output {
        Format::Json => output::json(&values)?,
        Format::Yaml => output::yaml(&values)?,
        Format::Name => entries.iter().map(|entry| format!("resource-type/{}\n", entry.resource_type)).collect(),
        Format::Table | Format::Wide => {
            if entries.is_empty() {
                session.terminal.say("nothing can be ordered here: no recipe serves this environment");
            }
            table(&entries, args.output == Format::Wide).render()
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn table(entries: &[pb::CatalogEntry], wide: bool) -> Table {
    let mut heading = vec!["TYPE", "CLASSES", "TITLE"];
    if wide {
        heading.extend(["RECIPE", "HOLDS-DATA"]);
    }
    let mut table = Table::with_heading(heading.into_iter().map(str::to_owned).collect());
    for entry in entries {
        let title = if entry.title.is_empty() { &entry.description } else { &entry.title };
        let mut row = vec![entry.resource_type.clone(), entry.classes.join(","), shorten(title, 60)];
        if wide {
            row.extend([entry.recipe.clone(), if entry.holds_data { "yes".to_owned() } else { String::new() }]);
        }
        table.row(row);
    }
    table
}

/// One type as it holds here.
pub async fn entry(session: &Session, resource_type: &str, class: &str) -> anyhow::Result<pb::CatalogEntry> {
    let request = pb::GetCatalogEntryRequest {
        project: session.settings.project()?.to_owned(),
        environment: session.settings.environment()?.to_owned(),
        resource_type: resource_type.to_owned(),
        class: class.to_owned(),
    };
    let answer = session.catalog().get_catalog_entry(request).await?.into_inner();
    answer.entry.ok_or_else(|| anyhow::anyhow!("the core's answer holds no catalog entry"))
}
