//! `vend score render`: variables and files of a workload's containers, with the outputs of its order in place.

mod known;
mod fill;
mod source;
mod env;
mod secret;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::fill::{Container, Content, Wanted};
use super::faults;
use super::file::{ScoreFile, members};
use super::refusal;
use crate::document::nearest;
use crate::frontend::cli::connect::Session;
use crate::frontend::cli::error::Failure;
use crate::frontend::cli::exit::Exit;
use crate::frontend::cli::output;
use crate::frontend::cli::sources;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A Score file, or - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this container
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// Show secrets in the clear; needs a permission of its own, and is audited
    #[arg(long)]
    reveal: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// NAME='value' lines, for a shell: the variables of one container
    #[default]
    Env,
    Json,
    /// Secrets of Kubernetes: one of variables and one of files for each container
    K8sSecret,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let file = read(&args.file)?;
    let wanted = Wanted { containers: chosen(&file, args)?, files: args.output != Format::Env };
    let known = known::ask(session, &file, &wanted, args.reveal).await?;
    let filled = fill::containers(&file, &wanted, &known);
    let filled = filled.map_err(|errors| Failure {
        message: format!("cannot render `{}`", file.name),
        ..refusal(&[(file.name.clone(), errors)])
    })?;
    let text = match args.output {
        Format::Env => {
            let files = |name: &String| faults::entries(&file.workload["containers"][name]["files"]).len();
            let left_out: usize = wanted.containers.iter().map(files).sum();
            if left_out > 0 {
                session.terminal.say(&format!("files are left out ({left_out}): -o json and -o k8s-secret have them"));
            }
            env::render(&filled.containers)?
        }
        Format::Json => output::json(&view(&filled.containers))?,
        Format::K8sSecret => output::yaml(&secret::render(file.workload_name(), &filled.containers)?)?,
    };
    if filled.masked {
        session.terminal.warn(&format!("secrets are masked as {}: --reveal shows them", known::MASK));
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

fn read(path: &PathBuf) -> anyhow::Result<ScoreFile> {
    if path.is_dir() {
        return Err(Failure::usage(format!("`{}` is a folder: name one Score file", path.display())).into());
    }
    let mut sources = sources::read(std::slice::from_ref(path))?;
    let source = sources.pop().ok_or_else(|| anyhow::anyhow!("there is no `{}`", path.display()))?;
    ScoreFile::read(&source).map_err(|errors| {
        let failure = refusal(&[(source.file_name.clone(), errors)]);
        Failure { message: format!("cannot render `{}`", source.file_name), ..failure }.into()
    })
}

/// The containers that are asked for.
fn chosen(file: &ScoreFile, args: &Args) -> Result<Vec<String>, Failure> {
    let all: Vec<&str> = members(&file.workload, "containers").map(|(name, _)| name).collect();
    match &args.container {
        Some(name) if all.contains(&name.as_str()) => Ok(vec![name.clone()]),
        Some(name) => Err(Failure::usage(format!("`{}` has no container `{name}`", file.name))
            .with_hint(nearest::hint(name, all.iter().copied()))),
        None if args.output == Format::Env && all.len() > 1 => {
            let message = format!("`{}` has the containers {}", file.name, nearest::list(&all));
            Err(Failure::usage(message).with_hint("say whose variables with --container; -o json shows all"))
        }
        None => Ok(all.into_iter().map(str::to_owned).collect()),
    }
}

/// Container → variables, and files with their targets.
fn view(containers: &[Container]) -> Value {
    let file = |file: &fill::File| {
        let mut value = json!({ "target": file.target });
        if let Some(mode) = &file.mode {
            value["mode"] = json!(mode);
        }
        match &file.content {
            Content::Text(text) => value["content"] = json!(text),
            Content::Binary(bytes) => value["binary-content"] = json!(secret::base64(bytes)),
        }
        value
    };
    let container = |it: &Container| {
        let files: Vec<Value> = it.files.iter().map(file).collect();
        (it.name.clone(), json!({ "variables": it.variables, "files": files }))
    };
    Value::Object(containers.iter().map(container).collect())
}

#[cfg(test)]
mod tests;
