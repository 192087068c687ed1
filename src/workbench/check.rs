//! `vend driver check`: loads a component as installing it would, and prints what it says of itself.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::domain::limits::Limits;
use crate::driver::{Runtime, RuntimeConfig};

use super::{Machine, show};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The component (`*.wasm`)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub async fn run(args: &Args, machine: Machine) -> Result<()> {
    let file = args.file.display();
    let bytes = fs::read(&args.file).with_context(|| format!("cannot read `{file}`"))?;
    let size = bytes.len() as u64;
    let limits = Limits::default();
    let runtime = Runtime::new(RuntimeConfig {
        // What was compiled here is used once.
        cache_dir: None,
        max_instances: 1,
        max_limits: limits.clone(),
        entropy: machine.entropy,
    })?;
    let driver = runtime.load(bytes).await.with_context(|| format!("`{file}` is no driver that vend would install"))?;
    let limits = limits.asked(&driver.description().limits);
    print!("{}", show::driver(driver.description(), driver.imports(), &limits));
    println!("\ncomponent: {}, {}", show::size(size), driver.digest());
    println!("vend would install it.");
    Ok(())
}
