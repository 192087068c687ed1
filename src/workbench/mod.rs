//! The offline commands: of driver authors, to begin a driver, build it, check it as an installation would; of operators, to restore.
//!
//! Needs no server and no configuration. Must never know the API.

mod build;
mod check;
mod name;
mod new;
pub mod restore;
mod show;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use crate::domain::time::{Clock, Entropy};

/// Stands below `vend driver`, beside the online commands of the frontend.
#[derive(Debug, Subcommand)]
pub enum Workbench {
    /// Begin a driver: a project that builds, with all it depends on of vend
    New(new::Args),
    /// Build the driver in a directory
    Build(build::Args),
    /// Check a component as installing it would, without a server
    Check(check::Args),
}

/// What the commands take from the machine.
#[derive(Clone)]
pub struct Machine {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// Results go to stdout. An error is for the caller to print; whatever it is, what was asked for was not done.
pub async fn run(command: Workbench, machine: Machine) -> anyhow::Result<ExitCode> {
    match command {
        Workbench::New(args) => new::run(&args)?,
        Workbench::Build(args) => build::run(&args)?,
        Workbench::Check(args) => check::run(&args, machine).await?,
    }
    Ok(ExitCode::SUCCESS)
}
