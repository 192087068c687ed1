//! `vend score`: Score files (score.dev/v1b1) as a way to order.
//!
//! A workload's `resources` are an order, one to one; what its containers are told of them is rendered with the outputs of
//! that order. All else in the file belongs to whoever runs the workload, and is passed over. `file`, `faults`, `placeholder` and `schema`
//! read; `order` and `layout` translate; a file per verb asks the core, in the ways of the other commands.

mod placeholder;
mod schema;
mod file;
mod faults;
mod order;
mod layout;
mod offered;
mod check;
mod apply;
mod render;

use std::collections::BTreeMap;
use std::path::PathBuf;

use self::file::ScoreFile;
use super::connect::Session;
use super::error::Failure;
use super::exit::Exit;
use super::sources;
use crate::document::Errors;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say whether Score files can be ordered here, and what stands against it
    Check(check::Args),
    /// Show what ordering the resources of Score files would do
    Plan(apply::PlanArgs),
    /// Order the resources of Score files
    Apply(apply::Args),
    /// Print variables and files of a workload's containers, with the outputs of its order
    Render(render::Args),
}

pub async fn run(session: &Session, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Check(args) => check::run(session, args).await,
        Command::Plan(args) => apply::plan(session, args).await,
        Command::Apply(args) => apply::run(session, args).await,
        Command::Render(args) => render::run(session, args).await,
    }
}

/// The workloads of Score files in which nothing is wrong; all that is wrong with any of them, otherwise.
fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<ScoreFile>> {
    let mut files: Vec<ScoreFile> = Vec::new();
    let mut refused = Vec::new();
    for source in sources::read(paths)? {
        match ScoreFile::read(&source) {
            Ok(file) => files.push(file),
            Err(errors) => refused.push((source.file_name, errors)),
        }
    }
    if !refused.is_empty() {
        return Err(refusal(&refused).into());
    }
    let mut first: BTreeMap<&str, &ScoreFile> = BTreeMap::new();
    for file in &files {
        if let Some(former) = first.insert(file.workload_name(), file) {
            let message =
                format!("`{}` and `{}` are both the workload `{}`", former.name, file.name, file.workload_name());
            return Err(Failure::usage(message)
                .with_hint("a workload is one order: give each a name of its own")
                .into());
        }
    }
    Ok(files)
}

fn refusal(refused: &[(String, Errors)]) -> Failure {
    let names: Vec<String> = refused.iter().map(|(file, _)| format!("`{file}`")).collect();
    let mut failure = Failure::new(Exit::Failed, format!("cannot order {}", names.join(", ")));
    for problem in refused.iter().flat_map(|(_, errors)| &errors.problems) {
        let at = format!("{}:{}:{}", problem.file, problem.line, problem.column);
        let hint = if problem.hint.is_empty() { String::new() } else { format!(": {}", problem.hint) };
        failure.violations.push((at, format!("{}{hint}", problem.message)));
    }
    let left_out: usize = refused.iter().map(|(_, errors)| errors.left_out).sum();
    if left_out > 0 {
        failure.violations.push(("…".to_owned(), format!("and {left_out} more")));
    }
    failure
}
