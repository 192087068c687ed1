//! `make bench`: what vend costs, beside what the machine can do. Prints a table, and writes `target/bench.json`.
//!
//! The core is the released program in a process of its own, the shelf (the backend of the driver that is measured with) another, the load
//! comes from this one: all on the same machine. `docs/performance.md` says what the figures mean.

// Of which benchmarks use a part.
#[allow(dead_code)]
#[path = "../tests/it/support/caller.rs"]
mod caller;
mod cases;
mod core;
mod customer;
mod figure;
mod ground;
mod machine;
mod shelf;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use ground::Ground;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    if let [first, port @ ..] = arguments.as_slice()
        && first == shelf::COMMAND
    {
        return shelf::serve(port.first().and_then(|it| it.parse().ok()).unwrap_or(0));
    }
    let unknown = arguments.iter().find(|it| !cases::ALL.iter().any(|(name, _)| name == it));
    if let Some(unknown) = unknown {
        let names: Vec<&str> = cases::ALL.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no case `{unknown}`; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let quick = std::env::var_os("QUICK").is_some_and(|it| !it.is_empty() && it != "0");
    let ground = Ground::new(quick);
    let mut figures = Vec::new();
    let mut broken = Vec::new();
    for (name, case) in cases::ALL {
        if arguments.is_empty() || arguments.iter().any(|it| it == name) {
            eprintln!("… {name}");
            // What is counted wrongly is said, and the others are measured all the same.
            match std::panic::catch_unwind(AssertUnwindSafe(|| case(&ground))) {
                Ok(found) => figures.extend(found),
                Err(_) => broken.push(name),
            }
        }
    }
    figure::print(&figures);
    if let Err(error) = figure::write(&figures, ground::target("bench.json")) {
        eprintln!("cannot write the figures: {error}");
        return ExitCode::FAILURE;
    }
    if !broken.is_empty() {
        eprintln!("not measured: {}", broken.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
