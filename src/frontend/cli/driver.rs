//! `vend driver`: install, list, describe, uninstall.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;

use super::connect::{LONG_DEADLINE, Session, within};
use super::error::Failure;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Format};
use super::records::{self, Filter};
use super::{names, view};
use crate::pb;

/// Bytes per message; the core takes up to 1 MiB.
const CHUNK: usize = 512 << 10;
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Install components (`*.wasm`)
    Install {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List what is installed
    List {
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Show one driver: NAME, NAME@VERSION or a digest
    Describe {
        name: String,
        #[arg(short, long, value_enum, default_value = "yaml")]
        output: Format,
    },
    /// Uninstall one driver: NAME, NAME@VERSION or a digest
    Uninstall { name: String },
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Install { files } => {
            for file in files {
                install(session, file).await?;
            }
        }
        Action::List { output } => {
            let found = records::list(session, Kind::Driver, &Filter::default()).await?;
            output::print(&output::records(Kind::Driver, &found.records, *output, false)?)?;
        }
        Action::Describe { name, output } => {
            let record = records::one(session, Kind::Driver, name).await?;
            output::print(&output::records(Kind::Driver, &[record], *output, true)?)?;
        }
        Action::Uninstall { name } => {
            let request = pb::GetDriverRequest { name: names::full(session, Kind::Driver, name)? };
            let found = session.drivers().get_driver(request).await?.into_inner().driver.unwrap_or_default();
            let request = pb::UninstallDriverRequest { digest: found.digest.clone() };
            session.drivers().uninstall_driver(request).await?;
            output::print(&format!("driver/{} uninstalled ({})\n", label(&found), found.digest))?;
        }
    }
    Ok(Exit::Done)
}

async fn install(session: &Session, file: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    if bytes.is_empty() {
        return Err(Failure::usage(format!("`{}` is empty", file.display())).into());
    }
    session.terminal.say(&format!("sending {} ({} KiB)", file.display(), bytes.len().div_ceil(1024)));
    let messages = chunks(&bytes, &file.display().to_string());
    let answer = session.drivers().install_driver(within(tokio_stream::iter(messages), LONG_DEADLINE)).await?;
    let answer = answer.into_inner();
    let driver = answer.driver.unwrap_or_default();
    let did = if answer.unchanged { "unchanged" } else { "installed" };
    output::print(&format!("driver/{} {did}: {}\n", label(&driver), driver.resource_types.join(", ")))?;
    session.terminal.detail(&view::driver(&driver).to_string());
    Ok(())
}

fn chunks(bytes: &[u8], file_name: &str) -> Vec<pb::InstallDriverRequest> {
    let name_of = |number: usize| if number == 0 { file_name.to_owned() } else { String::new() };
    let message = |(number, chunk): (usize, &[u8])| pb::InstallDriverRequest {
        chunk: chunk.to_vec(),
        file_name: name_of(number),
    };
    bytes.chunks(CHUNK).enumerate().map(message).collect()
}

fn label(driver: &pb::Driver) -> String {
    format!("{}@{}", names::short(&driver.name), driver.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_names_the_file() {
        let messages = chunks(&vec![7; CHUNK + 1], "postgres.wasm");
        let sizes: Vec<_> = messages.iter().map(|it| (it.chunk.len(), it.file_name.as_str())).collect();
        assert_eq!(sizes, [(CHUNK, "postgres.wasm"), (1, "")]);
    }
}
