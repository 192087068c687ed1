//! `fakecloud`: an imaginary cloud with an HTTP API, for tests that count what was really made there.
//!
//! It knows nothing of who calls it. What it did stands in an append-only ledger before anybody is answered.

mod admin;
mod chance;
mod clock;
mod cloud;
mod fault;
mod ledger;
mod object;
mod record;
mod reply;
mod route;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;

use cloud::{Cloud, Settings};
use ledger::Ledger;
use serve::Server;

/// An imaginary cloud that keeps a ledger and fails as told.
#[derive(Parser)]
struct Flags {
    /// Where `ledger.jsonl` lies; made if it is not there
    #[arg(long)]
    dir: PathBuf,
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// For how long an idempotency key is honoured
    #[arg(long, value_name = "MS", default_value_t = 24 * 60 * 60 * 1000)]
    key_retention_ms: u64,
    /// How long a labelled object takes to come into lists, and to go out of them
    #[arg(long, value_name = "MS", default_value_t = 0)]
    visible_after_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("fakecloud: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), String> {
    let (ledger, records) = Ledger::open(&flags.dir).map_err(|error| error.to_string())?;
    let Flags { key_retention_ms, visible_after_ms, .. } = flags;
    let mut cloud = Cloud::new(Settings { key_retention_ms, visible_after_ms });
    records.iter().for_each(|record| cloud.apply(record));
    let cannot_listen = |error| format!("cannot listen on {}: {error}", flags.listen);
    let listener = TcpListener::bind(flags.listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    println!("listening on http://{address}");
    serve::run(listener, Arc::new(Server::new(cloud, ledger))).await;
    Ok(())
}
