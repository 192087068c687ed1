//! What a guest language's standard library wants of its surroundings (WASI 0.2, any patch version): nothing real.
//!
//! No environment, no files, no terminal; time is the tape's, chance derives from the step's seed, output goes to the log. What a
//! component imports beyond these interfaces is refused when it is loaded. Functions are defined by name against the component's own
//! types, so that a later patch version links as well.

mod clock;
mod link;
mod random;
mod stream;

pub use link::link;

use clock::Timers;
use random::Random;
use stream::Output;

/// What stands behind the functions during one attempt.
pub struct Wasi {
    random: Random,
    timers: Timers,
    stdout: Output,
    stderr: Output,
}

impl Wasi {
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            random: Random::new(seed),
            timers: Timers::default(),
            stdout: Output::new(crate::capability::log::LogLevel::Debug),
            stderr: Output::new(crate::capability::log::LogLevel::Info),
        }
    }

    /// Lines that were begun and not ended go to the log too.
    pub fn flush(&mut self, log: &mut crate::capability::log::Log) {
        for output in [&mut self.stdout, &mut self.stderr] {
            // The attempt has ended: what does not fit any more is left out.
            let _ = output.flush(log);
        }
    }
}

/// The parts of `wasi:interface/name@version`, if that is an interface that is stood in for.
pub fn provides(import: &str) -> bool {
    const INTERFACES: [&str; 20] = [
        "cli/environment",
        "cli/exit",
        "cli/stdin",
        "cli/stdout",
        "cli/stderr",
        "cli/terminal-input",
        "cli/terminal-output",
        "cli/terminal-stdin",
        "cli/terminal-stdout",
        "cli/terminal-stderr",
        "io/error",
        "io/poll",
        "io/streams",
        "clocks/wall-clock",
        "clocks/monotonic-clock",
        "random/random",
        "random/insecure",
        "random/insecure-seed",
        "filesystem/types",
        "filesystem/preopens",
    ];
    let parts = import.strip_prefix("wasi:").and_then(|rest| rest.split_once("@0.2."));
    parts.is_some_and(|(name, patch)| {
        INTERFACES.contains(&name) && !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests;
