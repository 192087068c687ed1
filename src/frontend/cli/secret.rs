//! `vend secret`: values go in by name and never come out.

use std::io::Read;

use anyhow::Context as _;
use clap::Subcommand;

use super::connect::Session;
use super::error::Failure;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Format};
use super::records::{self, Filter};
use crate::pb;

/// Longest secret, bytes; the core has the same limit.
const LONGEST: usize = 64 << 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set a secret to what stands on standard input; one line end behind it is cut off
    Set { name: String },
    /// List names, never values
    List {
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Set { name } => {
            if session.terminal.stdin {
                session.terminal.say(&format!("type the value of `{name}`, then Enter and Ctrl-D"));
            }
            let mut bytes = Vec::new();
            let most = u64::try_from(LONGEST).unwrap_or(u64::MAX) + 3;
            std::io::stdin().lock().take(most).read_to_end(&mut bytes).context("cannot read standard input")?;
            let request = pb::SetSecretRequest { name: name.clone(), value: value(bytes)? };
            let secret = session.secrets().set_secret(request).await?.into_inner().secret.unwrap_or_default();
            output::print(&format!("secret/{name} set (revision {})\n", secret.revision))?;
        }
        Action::List { output } => {
            let found = records::list(session, Kind::Secret, &Filter::default()).await?;
            output::print(&output::records(Kind::Secret, &found.records, *output, false)?)?;
        }
    }
    Ok(Exit::Done)
}

/// The value in what was typed or piped. Messages never repeat any of it.
fn value(bytes: Vec<u8>) -> Result<String, Failure> {
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::usage("the value is not UTF-8"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    match text.len() {
        0 => {
            Err(Failure::usage("the value is empty").with_hint("pipe it in: `printf %s VALUE | vend secret set NAME`"))
        }
        1..=LONGEST => Ok(text),
        _ => Err(Failure::usage(format!("the value is longer than {} KiB", LONGEST >> 10))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (typed, expected) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            assert_eq!(value(typed.into()).expect("a value"), expected);
        }
        assert!(value(b"\n".to_vec()).is_err());
        assert!(value(vec![0xff]).is_err());
        assert!(value(vec![b'a'; LONGEST]).is_ok());
        assert!(value(vec![b'a'; LONGEST + 1]).is_err());
    }
}
