//! `vend backup`: a copy of all records into a file, which is there whole or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::connect::{LONG_DEADLINE, Session, within};
use super::error::Failure;
use super::exit::Exit;
use super::output::{self, Plain};
use super::view;
use crate::pb::{self, create_backup_response::Part};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write, which must not be there yet; or the directory to make one in
    #[arg(value_name = "FILE|DIR")]
    target: PathBuf,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    // Before anything is asked for.
    let in_directory = args.target.is_dir();
    if !in_directory {
        must_be_free(&args.target)?;
    }
    let request = within(pb::CreateBackupRequest {}, LONG_DEADLINE);
    let mut stream = session.backups().create_backup(request).await?.into_inner();
    let Some(Part::Head(head)) = stream.message().await?.and_then(|it| it.part) else {
        return Err(cut_off(0, 0).into());
    };
    let file = if in_directory { args.target.join(file_name(&head)) } else { args.target.clone() };
    must_be_free(&file)?;
    let mut draft = Draft::new(&file)?;
    while let Some(response) = stream.message().await? {
        if let Some(Part::Chunk(chunk)) = response.part {
            draft.write(&chunk)?;
        }
    }
    let size = u64::try_from(head.size_bytes).unwrap_or(0);
    if draft.written != size {
        return Err(cut_off(draft.written, size).into());
    }
    draft.keep()?;
    let shown = json!({
        "file": file.display().to_string(),
        "size-bytes": size,
        "core-id": head.core_id,
        "incarnation": head.incarnation,
        "time": view::time(&head.time),
        "schema": head.schema,
        "database-sha256": head.database_sha256,
        "key-file": head.key_file,
    });
    let text = match output::plain(&shown, args.output)? {
        Some(text) => text,
        None => format!("{} ({} KiB)\n", file.display(), size.div_ceil(1024)),
    };
    output::print(&text)?;
    session.terminal.warn(&format!(
        "the sealing key is not in it, and without it nobody can read it: keep a copy of `{}` of the core's machine elsewhere, \
         and never beside the backup. Configuration, certificates and directories of `sqlite` connections are not in it either",
        head.key_file
    ));
    Ok(Exit::Done)
}

fn file_name(head: &pb::BackupHead) -> String {
    let time = view::time(&head.time);
    let time: String = time.as_str().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}-{time}.vendbackup", head.core_id)
}

fn must_be_free(file: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(file) {
        Ok(_) => {
            Err(Failure::new(Exit::Failed, format!("`{}` is there already, and is not written over", file.display()))
                .with_hint("name another file, or a directory to make one in"))
        }
        Err(_) => Ok(()),
    }
}

fn cut_off(written: u64, size: u64) -> Failure {
    let message = format!("the backup was cut off after {written} of {size} bytes: nothing is kept of it");
    Failure::new(Exit::Failed, message).with_hint("take it again")
}

/// The file under another name; it goes with this unless it is kept.
struct Draft {
    file: File,
    path: PathBuf,
    target: PathBuf,
    written: u64,
    kept: bool,
}

impl Draft {
    fn new(target: &Path) -> anyhow::Result<Self> {
        let mut path = target.as_os_str().to_owned();
        path.push(format!(".{}.partial", std::process::id()));
        let path = PathBuf::from(path);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("cannot make `{}`", path.display()))?;
        Ok(Self { file, path, target: target.to_owned(), written: 0, kept: false })
    }

    fn write(&mut self, chunk: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(chunk).with_context(|| format!("cannot write `{}`", self.path.display()))?;
        self.written += chunk.len() as u64;
        Ok(())
    }

    /// On the disk, under its own name, which nobody has taken meanwhile.
    fn keep(mut self) -> anyhow::Result<()> {
        let failed = || format!("cannot write `{}`", self.target.display());
        self.file.sync_all().with_context(failed)?;
        fs::hard_link(&self.path, &self.target)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => Err(error),
                // Not every file system has links.
                _ => fs::rename(&self.path, &self.target),
            })
            .with_context(failed)?;
        let folder = self.target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).with_context(failed)?;
        let _ = fs::remove_file(&self.path);
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}
