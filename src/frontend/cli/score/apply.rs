//! `vend score apply` and `vend score plan`: the orders of Score files, by the ways of `vend apply` and `vend plan`.

use std::path::PathBuf;

use super::file::ScoreFile;
use super::layout;
use crate::frontend::cli::connect::Session;
use crate::frontend::cli::exit::Exit;
use crate::frontend::cli::{apply, output, planning};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Score files, folders, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the orders instead of applying them
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    flags: apply::Applying,
}

#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// Score files, folders, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    show: planning::Show,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let files = super::read(&args.files)?;
    if args.print {
        let orders: Vec<_> = files.into_iter().map(|file| file.order).collect();
        output::print(&output::yaml(&orders)?)?;
        return Ok(Exit::Done);
    }
    let orders = files.iter().map(sourced).collect();
    apply::orders(session, orders, &args.flags).await
}

pub async fn plan(session: &Session, args: &PlanArgs) -> anyhow::Result<Exit> {
    args.show.exit(session, show(session, args).await)
}

async fn show(session: &Session, args: &PlanArgs) -> anyhow::Result<Exit> {
    let mut plans = Vec::new();
    for file in super::read(&args.files)? {
        let (source, name) = sourced(&file);
        plans.push(planning::of_order(session, source, &name).await?);
    }
    planning::print(session, &[], &plans, args.show)
}

/// The order under the name of the Score file, since everything in it stands where it stood there.
fn sourced(file: &ScoreFile) -> (pb::Source, String) {
    let content = layout::lay(&file.order, &file.place).into_bytes();
    (pb::Source { file_name: file.name.clone(), content }, file.workload_name().to_owned())
}
