//! `vend cancel`: asks an operation to end.

use super::connect::Session;
use super::exit::Exit;
use super::{output, progress};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "OP")]
    operation: String,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let id = args.operation.rsplit_once('/').map_or(args.operation.as_str(), |(_, id)| id).to_owned();
    let answer =
        session.operations().cancel_operation(pb::CancelOperationRequest { id: id.clone() }).await?.into_inner();
    let operation = answer.operation.unwrap_or_default();
    if operation.done {
        output::print(&format!("operation/{id} {}\n", progress::words(&operation)))?;
    } else {
        output::print(&format!("operation/{id} is asked to end\n"))?;
        session.terminal.say(&format!("what runs now is finished first; follow it with `vend wait operation/{id}`"));
    }
    Ok(Exit::Done)
}
