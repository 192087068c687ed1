//! Who sits in front: which of the three streams is a terminal, and how much is to be said.

use std::io::{BufRead, IsTerminal, Write};

use super::paint::Paint;
use super::settings::process_env;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// Neither `NO_COLOR` (no-color.org) nor a terminal that cannot.
    colour: bool,
    pub quiet: bool,
    verbose: bool,
}

impl Terminal {
    pub fn of_process(quiet: bool, verbose: bool) -> Self {
        Terminal {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            colour: process_env("NO_COLOR").is_none() && process_env("TERM").is_none_or(|term| term != "dumb"),
            quiet,
            verbose,
        }
    }

    /// The same, with neither progress nor advice.
    pub fn silent(&self) -> Self {
        Terminal { quiet: true, ..self.clone() }
    }

    #[cfg(test)]
    pub fn of_tests() -> Self {
        Terminal { stdin: false, stdout: false, stderr: false, colour: false, quiet: true, verbose: false }
    }

    pub fn stdout_paint(&self) -> Paint {
        Paint::new(self.colour && self.stdout)
    }

    pub fn stderr_paint(&self) -> Paint {
        Paint::new(self.colour && self.stderr)
    }

    /// Progress or advice: a line on stderr unless `--quiet`.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// Something that must be read: a line on stderr, even with `--quiet`.
    pub fn warn(&self, line: &str) {
        eprintln!("{} {line}", self.stderr_paint().yellow("warning:"));
    }

    /// A line on stderr with `--verbose`.
    pub fn detail(&self, line: &str) {
        if self.verbose {
            eprintln!("{}", self.stderr_paint().dim(line));
        }
    }

    /// Whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        self.stdin && self.stderr
    }

    /// Asks for the word `yes`; anything else, and the end of input, is no.
    pub fn confirm(&self, question: &str) -> std::io::Result<bool> {
        eprint!("{question} Only `yes` will do: ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == "yes")
    }
}
