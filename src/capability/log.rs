//! What a driver says while it runs; bounded.

use crate::domain::limits::Limit;

use super::abort::Abort;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    Info,
    /// Shown to whoever planned or ordered.
    Warn,
    Error,
}

/// Lines in the order they were said.
#[derive(Debug)]
pub struct Log {
    lines: Vec<(LogLevel, String)>,
    bytes: u64,
    max_bytes: u64,
}

impl Log {
    /// Every line counts this much more than its text, so that empty ones end too.
    const LINE: u64 = 16;

    pub fn new(max_bytes: u64) -> Self {
        Self { lines: Vec::new(), bytes: 0, max_bytes }
    }

    pub fn push(&mut self, level: LogLevel, line: String) -> Result<(), Abort> {
        self.bytes += line.len() as u64 + Self::LINE;
        if self.bytes > self.max_bytes {
            return Err(Abort::Limit { limit: Limit::Log, max: self.max_bytes });
        }
        self.lines.push((level, line));
        Ok(())
    }

    /// The last few lines in one: what a crash said of itself, and what the language added.
    pub fn tail(&self) -> String {
        const LINES: usize = 3;
        let from = self.lines.len().saturating_sub(LINES);
        self.lines[from..].iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("; ")
    }

    pub fn take(&mut self) -> Vec<(LogLevel, String)> {
        std::mem::take(&mut self.lines)
    }
}
