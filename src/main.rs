//! Arguments in, exit code out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use vend::frontend::cli;

/// The vending machine for infrastructure.
#[derive(Debug, Parser)]
#[command(name = "vend", version, about, disable_help_subcommand = true, infer_long_args = false)]
struct Vend {
    #[command(flatten)]
    global: cli::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the core
    Serve(Serve),
    #[command(flatten)]
    Online(cli::Command),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the core keeps what must survive
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:7440]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let Vend { global, command } = Vend::parse();
    match command {
        Command::Serve(args) => serve(args),
        Command::Online(command) => online(global, command),
    }
}

fn serve(args: Serve) -> ExitCode {
    let args = vend::app::Serve { config: args.config, data: args.data, listen: args.listen };
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(vend::app::run(args)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn online(global: cli::Global, command: cli::Command) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => ExitCode::from(runtime.block_on(cli::run(global, command, Vend::command())).code()),
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
