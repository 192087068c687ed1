//! Arguments in, exit code out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use vend::app::{SystemClock, SystemEntropy};
use vend::config::Flags;
use vend::frontend::cli;
use vend::workbench::{self, Machine, Workbench, restore};

/// Records, plans and documents are many small pieces that live shortly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Make a data directory of a backup; no core runs
    Restore(restore::Args),
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
    /// Address to listen on, beyond loopback only with TLS [default: 127.0.0.1:7440]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Certificate to show to callers, followed by those between it and its authority (PEM)
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, readable by nobody else (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Let in only clients with a certificate of this authority (PEM)
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Address for Prometheus to ask at, beyond loopback only with TLS; nowhere if left out
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Start with all work paused, until `vend resume core`
    #[arg(long)]
    paused: bool,
}

impl From<Serve> for Flags {
    fn from(args: Serve) -> Self {
        let Serve { config, data, listen, tls_cert, tls_key, tls_client_ca, metrics_listen, paused } = args;
        Flags { config, data, listen, tls_cert, tls_key, tls_client_ca, metrics_listen, paused }
    }
}

/// The frontend's commands, with the workbench's beside the online ones of `driver`.
fn tree() -> clap::Command {
    let all = |driver: clap::Command| {
        Workbench::augment_subcommands(driver).about("Install, show, begin, build and check drivers")
    };
    Vend::command().mut_subcommand("driver", all)
}

fn main() -> ExitCode {
    let matches = tree().get_matches();
    if let Some(command) = workbench_command(&matches) {
        return command.map_or_else(|error| error.exit(), offline);
    }
    match Vend::from_arg_matches(&matches) {
        Ok(Vend { global, command: Command::Online(command) }) => online(global, command),
        Ok(Vend { command: Command::Serve(args), .. }) => serve(args),
        Ok(Vend { command: Command::Restore(args), .. }) => match restore::run(&args, &machine()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Err(error) => error.exit(),
    }
}

/// The command of the workbench, if it is one.
fn workbench_command(matches: &ArgMatches) -> Option<Result<Workbench, clap::Error>> {
    let below = matches.subcommand_matches("driver")?;
    let name = below.subcommand_name()?;
    Workbench::has_subcommand(name).then(|| Workbench::from_arg_matches(below))
}

fn serve(args: Serve) -> ExitCode {
    match threads().and_then(|runtime| runtime.block_on(vend::app::run(args.into()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn offline(command: Workbench) -> ExitCode {
    let ended = threads().and_then(|runtime| runtime.block_on(workbench::run(command, machine())));
    ended.unwrap_or_else(|error| failed(&error))
}

fn machine() -> Machine {
    Machine { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

fn online(global: cli::Global, command: cli::Command) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => ExitCode::from(runtime.block_on(cli::run(global, command, tree())).code()),
        Err(error) => failed(&error.into()),
    }
}

fn threads() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the threads that calls are served by")
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    if let Some(hint) = vend::app::hint(error) {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}
