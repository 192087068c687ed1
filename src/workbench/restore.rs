//! `vend restore`: a data directory made of a backup, where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::secret::{self, Keyring};
use crate::store::{backup, sqlite};

use super::Machine;

/// As the core calls it.
const KEY_FILE: &str = "sealing.key";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What `vend backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data directory to make: missing, or empty but for `sealing.key`
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// The sealing key, which is copied there; without it, it has to be there
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub fn run(args: &Args, machine: &Machine) -> Result<()> {
    let source = backup::open(&args.file)?;
    let own_key = args.data.join(KEY_FILE);
    is_free(&args.data, args.key.is_some())?;
    let key = args.key.as_ref().unwrap_or(&own_key);
    let keyring = match Keyring::read(key) {
        Err(secret::Error::File { source: missing, .. }) if missing.kind() == std::io::ErrorKind::NotFound => bail!(
            "there is no sealing key `{}`: a backup does not hold it; name the one that the core of the backup had with --key",
            key.display()
        ),
        read => read?,
    };
    if keyring.check() != source.manifest.key_check {
        bail!(
            "the sealing key `{}` is not the one of backup `{}`: what is sealed in it would stay closed; name the `{KEY_FILE}` \
             that the core had when the backup was made with --key",
            key.display(),
            args.file.display()
        );
    }
    let beside = || match args.key.is_some() {
        true => Ok(Keyring::copy(key, &own_key)?),
        false => Ok(()),
    };
    let restored = sqlite::restore(source, &args.data, &beside, machine.clock.as_ref(), machine.entropy.as_ref());
    let restored = restored.with_context(|| format!("cannot restore into `{}`", args.data.display()))?;
    println!("restored the records of {} into {}", restored.backup_time, args.data.display());
    eprintln!(
        "the core that made the backup must never run again beside this one. `vend serve --data {}` starts with all work paused; \
         `vend verify` finds out what became of everything since, and `vend resume core` lets work go on",
        args.data.display()
    );
    Ok(())
}

/// Nothing is ever restored over something.
fn is_free(directory: &Path, key_is_brought: bool) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot look into `{}`", directory.display()))?,
    };
    for entry in entries {
        let name = entry.with_context(|| format!("cannot look into `{}`", directory.display()))?.file_name();
        if name != KEY_FILE || key_is_brought {
            bail!(
                "`{}` is not empty: `{}` is in it; name a directory that is empty, or not there yet",
                directory.display(),
                name.to_string_lossy()
            );
        }
    }
    Ok(())
}
