//! `vend context`: list, use, set, delete, show.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::{Contexts, folder_of_process, read, write};
use crate::frontend::cli::args::Global;
use crate::frontend::cli::error::Failure;
use crate::frontend::cli::exit::Exit;
use crate::frontend::cli::output;
use crate::frontend::cli::table::Table;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the contexts; the current one is marked
    List,
    /// Make a context the current one
    Use { name: String },
    /// Make a context, or change it: takes --server, --token-file, --ca-file, --client-cert, --client-key, --project and
    /// --environment
    Set { name: String },
    /// Forget a context
    Delete { name: String },
    /// Show a context; without a name the current one
    Show { name: Option<String> },
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let folder = folder_of_process()
        .ok_or_else(|| Failure::usage("there is no configuration folder: set VEND_CONFIG_DIR or HOME"))?;
    act(&folder, global, &args.command).and_then(|text| output::print(&text))?;
    Ok(Exit::Done)
}

fn act(folder: &Path, global: &Global, action: &Action) -> anyhow::Result<String> {
    let mut contexts = read(folder)?;
    match action {
        Action::List => Ok(list(&contexts)),
        Action::Use { name } => {
            known(&contexts, name)?;
            contexts.current = Some(name.clone());
            write(folder, &contexts)?;
            Ok(format!("context/{name} is current\n"))
        }
        Action::Set { name } => {
            let context = contexts.contexts.entry(name.clone()).or_default();
            if let Some(server) = &global.server {
                context.server = Some(server.clone());
            }
            for (given, kept) in [
                (&global.token_file, &mut context.token_file),
                (&global.ca_file, &mut context.ca_file),
                (&global.client_cert, &mut context.client_cert),
                (&global.client_key, &mut context.client_key),
            ] {
                if let Some(file) = given {
                    *kept = Some(std::path::absolute(file)?);
                }
            }
            if let Some(project) = &global.project {
                context.project = Some(project.clone());
            }
            if let Some(environment) = &global.environment {
                context.environment = Some(environment.clone());
            }
            contexts.current.get_or_insert_with(|| name.clone());
            write(folder, &contexts)?;
            Ok(format!("context/{name} set\n"))
        }
        Action::Delete { name } => {
            known(&contexts, name)?;
            contexts.contexts.remove(name);
            if contexts.current.as_ref() == Some(name) {
                contexts.current = None;
            }
            write(folder, &contexts)?;
            Ok(format!("context/{name} deleted\n"))
        }
        Action::Show { name } => {
            let name = name.as_ref().or(contexts.current.as_ref()).ok_or_else(|| {
                Failure::usage("there is no current context").with_hint("choose one with `vend context use NAME`")
            })?;
            known(&contexts, name)?;
            let mut shown = serde_json::to_value(&contexts.contexts[name])?;
            shown["name"] = json!(name);
            output::yaml(&[shown])
        }
    }
}

fn list(contexts: &Contexts) -> String {
    let mut table = Table::new(["CURRENT", "NAME", "SERVER", "PROJECT", "ENVIRONMENT"]);
    for (name, context) in &contexts.contexts {
        let mark = if contexts.current.as_ref() == Some(name) { "*" } else { "" };
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        table.row([
            mark.to_owned(),
            name.clone(),
            text(&context.server),
            text(&context.project),
            text(&context.environment),
        ]);
    }
    table.render()
}

fn known(contexts: &Contexts, name: &str) -> Result<(), Failure> {
    if contexts.contexts.contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = contexts.contexts.keys().map(String::as_str).collect();
    let known =
        if names.is_empty() { "there are none yet".to_owned() } else { format!("there are {}", names.join(", ")) };
    Err(Failure::usage(format!("there is no context `{name}`; {known}"))
        .with_hint("`vend serve` writes `local`; others are made with `vend context set`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_from_cradle_to_grave() {
        let folder = tempfile::tempdir().expect("a folder");
        let act = |project: &str, action: Action| {
            let server = Some("http://core:7440".to_owned());
            let global = Global { server, project: Some(project.to_owned()), ..Global::default() };
            super::act(folder.path(), &global, &action)
        };
        act("shop", Action::Set { name: "a".to_owned() }).expect("sets");
        act("bank", Action::Set { name: "b".to_owned() }).expect("sets");
        let listed = act("", Action::List).expect("lists");
        assert_eq!(
            listed,
            "CURRENT   NAME   SERVER             PROJECT   ENVIRONMENT\n\
             *         a      http://core:7440   shop\n          b      http://core:7440   bank\n"
        );
        act("", Action::Use { name: "b".to_owned() }).expect("uses");
        let shown = act("", Action::Show { name: None }).expect("shows");
        assert_eq!(shown, "name: b\nproject: bank\nserver: http://core:7440\n");
        act("", Action::Delete { name: "b".to_owned() }).expect("deletes");
        assert!(act("", Action::Show { name: None }).is_err());
        assert!(act("", Action::Use { name: "b".to_owned() }).is_err());
    }
}
