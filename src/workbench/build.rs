//! `vend driver build`: runs cargo for the target of drivers, and says what came out.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::show;

const TARGET: &str = "wasm32-wasip2";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The driver's directory, with its Cargo.toml
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let dir = &args.dir;
    if !dir.join("Cargo.toml").is_file() {
        bail!("there is no Cargo.toml in `{}`: begin a driver with `vend driver new NAME`", dir.display());
    }
    check_target(dir)?;
    let components = build(dir)?;
    if components.is_empty() {
        bail!("cargo built no component: Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\"]`");
    }
    for path in components {
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        println!("{}", path.display());
        println!("  {}, {}", show::size(bytes.len() as u64), show::digest(&bytes));
        println!("  check it:    vend driver check {}", path.display());
        println!("  install it:  vend driver install {}", path.display());
    }
    Ok(())
}

/// Cargo's own message for a missing target does not say what to do about it.
fn check_target(dir: &Path) -> Result<()> {
    let rustc = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(dir).output();
    let output = rustc.context("cannot run rustc: install Rust with rustup, see https://rustup.rs")?;
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&libraries).is_dir() {
        return Ok(());
    }
    bail!("the Rust target of drivers is not installed here; install it with: rustup target add {TARGET}")
}

/// Paths of the components, as cargo reports them. Its own output goes to stderr.
fn build(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut cargo = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo: install Rust with rustup, see https://rustup.rs")?;
    let stdout = cargo.stdout.take().expect("it was piped");
    let mut components = Vec::new();
    for line in BufReader::new(stdout).lines() {
        components.extend(component(&line.context("cannot read what cargo says")?));
    }
    let status = cargo.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("cargo failed: {status}");
    }
    Ok(components)
}

/// The component that a line of cargo's report tells of.
fn component(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let is_library = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "cdylib");
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
    files.filter(|_| is_library).map(PathBuf::from).find(|path| path.extension().is_some_and(|it| it == "wasm"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::component;

    #[test]
    fn cargo_tells_where_the_component_is() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"kind":["cdylib"]},"filenames":["/t/release/notes.wasm"]}"#;
        assert_eq!(component(line), Some(PathBuf::from("/t/release/notes.wasm")));
        assert_eq!(
            component(r#"{"reason":"compiler-artifact","target":{"kind":["lib"]},"filenames":["/t/libserde.rlib"]}"#),
            None
        );
        assert_eq!(component(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(component("warning: something"), None);
    }
}
