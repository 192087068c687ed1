//! `vend order`: the button. An order of one resource, without a file.

use serde_json::{Value, json};

use super::connect::Session;
use super::exit::Exit;
use super::{apply, catalog, output, set};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to order: `vend catalog` shows what there is
    #[arg(value_name = "TYPE")]
    resource_type: String,
    /// Name of the order, and of the resource in it
    name: String,
    /// A named variant of the type
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Set a param; dots reach inside, a list grows by each use
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Set a param to a JSON value
    #[arg(long = "set-json", value_name = "PATH=JSON")]
    set_json: Vec<String>,
    /// Print the order file instead of applying it
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    flags: apply::Applying,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let (project, environment) = (session.settings.project()?, session.settings.environment()?);
    let class = args.class.as_deref().unwrap_or_default();
    let entry = catalog::entry(session, &args.resource_type, class).await?;
    let schema: Value = serde_json::from_str(&entry.params_schema_json).unwrap_or(json!(true));
    let params = set::params(&schema, &args.set, &args.set_json)?;
    let manifest = manifest(project, environment, args, params);
    if args.print {
        output::print(&output::yaml(&[manifest])?)?;
        return Ok(Exit::Done);
    }
    let source = pb::Source {
        file_name: format!("(vend order {} {})", args.resource_type, args.name),
        content: serde_json::to_vec_pretty(&manifest)?,
    };
    let flags = &args.flags;
    let answer = apply::send(session, source, &args.name, &flags.consent, &flags.owner.or("cli")).await?;
    apply::finish_one(session, &answer, &flags.wait, flags.output).await
}

fn manifest(project: &str, environment: &str, args: &Args, params: Value) -> Value {
    let mut resource = json!({ "type": args.resource_type, "params": params });
    if let Some(class) = &args.class {
        resource["class"] = json!(class);
    }
    json!({
        "apiVersion": "vend/v1",
        "kind": "Order",
        "name": args.name,
        "project": project,
        "environment": environment,
        "resources": { &args.name: resource },
    })
}
