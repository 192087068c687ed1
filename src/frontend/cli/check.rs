//! `vend check connection`: is the backend there, and does it take our credentials?

use clap::Subcommand;

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::{names, output};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Reach the backend and log in, with both credentials
    #[command(alias = "conn")]
    Connection { name: String },
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let What::Connection { name } = &args.what;
    let request = pb::CheckConnectionRequest { name: names::full(session, Kind::Connection, name)? };
    let answer = session.documents().check_connection(request).await?.into_inner();
    let (text, exit) = verdict(names::short(name), &answer);
    output::print(&text)?;
    Ok(exit)
}

fn verdict(name: &str, answer: &pb::CheckConnectionResponse) -> (String, Exit) {
    let (words, exit) = match (answer.reachable, answer.credentials_accepted) {
        (true, false) if answer.reason.is_empty() => ("is reachable", Exit::Done),
        (true, true) => ("is reachable and accepts the credentials", Exit::Done),
        (true, false) => ("is reachable, but not usable", Exit::Failed),
        (false, _) => ("is not reachable", Exit::Failed),
    };
    let mut text = format!("connection/{name} {words}");
    if !answer.message.is_empty() {
        text.push_str(&format!(": {}", answer.message));
    }
    if !answer.reason.is_empty() {
        text.push_str(&format!(" ({})", answer.reason));
    }
    text.push('\n');
    for warning in &answer.warnings {
        text.push_str(&format!("  warning: {warning}\n"));
    }
    (text, exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let refused = pb::CheckConnectionResponse {
            reachable: true,
            reason: "CREDENTIALS_REJECTED".to_owned(),
            message: "password authentication failed for user vend".to_owned(),
            warnings: vec!["there is no read credential".to_owned()],
            ..pb::CheckConnectionResponse::default()
        };
        let (text, exit) = verdict("pg-dev", &refused);
        assert_eq!(
            text,
            "connection/pg-dev is reachable, but not usable: password authentication failed for user vend \
             (CREDENTIALS_REJECTED)\n  warning: there is no read credential\n"
        );
        assert_eq!(exit, Exit::Failed);
    }
}
