//! `vend match`: which recipe would make something here, and why; without ordering it.

use serde_json::Value;

use super::connect::Session;
use super::exit::Exit;
use super::output::{self, Format};
use super::paint::{Paint, clean};
use super::table::Table;
use super::view;
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What would be ordered
    #[arg(value_name = "TYPE")]
    resource_type: String,
    /// In this variant
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// In this order
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Under this name in the order
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// With this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let given = |it: &Option<String>| it.clone().unwrap_or_default();
    let request = pb::MatchRecipeRequest {
        project: session.settings.project()?.to_owned(),
        environment: session.settings.environment()?.to_owned(),
        resource_type: args.resource_type.clone(),
        class: given(&args.class),
        order: given(&args.order),
        key: given(&args.key),
        id: given(&args.id),
    };
    let found = session.catalog().match_recipe(request.clone()).await?.into_inner();
    let value: Value = view::matched(&request, &found);
    let text = match args.output {
        Format::Json => output::json(&value)?,
        Format::Yaml => output::yaml(std::slice::from_ref(&value))?,
        Format::Name => format!("recipe/{}\n", found.recipe),
        Format::Table => render(&found, &session.terminal.stdout_paint(), false),
        Format::Wide => render(&found, &session.terminal.stdout_paint(), true),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

/// `wide`: with what the driver was picked by, and the connections.
fn render(found: &pb::MatchRecipeResponse, paint: &Paint, wide: bool) -> String {
    let head = paint.bold(&format!("recipe/{}", found.recipe));
    let maker = if found.driver.is_empty() { "a composite".to_owned() } else { format!("driver {}", found.driver) };
    let mut text = format!("{head}  revision {}, {maker}\n  {}\n", found.recipe_revision, found.reason);
    if wide && !found.driver.is_empty() {
        text.push_str(&format!("  driver {} is {}\n", clean(&found.driver_requirement), found.driver_digest));
        let mut connections: Vec<_> = found.connections.iter().collect();
        connections.sort();
        for (slot, connection) in connections {
            text.push_str(&format!("  slot {slot} is connection {connection}\n"));
        }
    }
    if !found.others.is_empty() {
        let mut table = Table::new(["NOT", "REVISION", "BECAUSE"]);
        for other in &found.others {
            table.row([other.recipe.clone(), other.recipe_revision.to_string(), other.reason.clone()]);
        }
        text.push_str(&format!("\n{}", table.render()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> pb::MatchRecipeResponse {
        let other = |recipe: &str, serves, reason: &str| pb::OtherRecipe {
            recipe: recipe.to_owned(),
            recipe_revision: 1,
            serves,
            reason: reason.to_owned(),
        };
        pb::MatchRecipeResponse {
            recipe: "shared".to_owned(),
            recipe_revision: 4,
            reason: "serves for project `shop`".to_owned(),
            driver: "sql@0.1.2".to_owned(),
            driver_digest: "sha256:ab".to_owned(),
            driver_requirement: "sql@^0.1".to_owned(),
            connections: [("server".to_owned(), "dev".to_owned())].into(),
            criteria: Some(pb::MatchingCriteria { project: "shop".to_owned(), ..Default::default() }),
            others: vec![
                other("anywhere", true, "less specific: serves everywhere, and does not name the project"),
                other("own", false, "serves only for class `ha`"),
            ],
        }
    }

    #[test]
    fn drawn() {
        insta::assert_snapshot!("plain", render(&example(), &Paint::plain(), false));
        insta::assert_snapshot!("wide", render(&example(), &Paint::plain(), true));
    }

    #[test]
    fn for_scripts() {
        let request = pb::MatchRecipeRequest { resource_type: "database".to_owned(), ..Default::default() };
        let value = view::matched(&request, &example());
        assert_eq!(value["recipe"], "shared");
        assert_eq!(value["criteria"], serde_json::json!({ "project": "shop" }));
        assert_eq!(value["others"][0]["serves"], true);
        assert_eq!(value["others"][1]["recipe-revision"], 1);
    }
}
