//! What a driver says while it runs; bounded.

use crate::domain::limits::Limit;

use super::abort::Abort;
use super::convert::printable;

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
    /// Every line counts this much more than its text: each is a row of the journal, empty or not.
    pub const LINE: u64 = 64;

    pub fn new(max_bytes: u64) -> Self {
        Self { lines: Vec::new(), bytes: 0, max_bytes }
    }

    pub fn push(&mut self, level: LogLevel, line: String) -> Result<(), Abort> {
        self.bytes += line.len() as u64 + Self::LINE;
        if self.bytes > self.max_bytes {
            return Err(Abort::Limit { limit: Limit::Log, max: self.max_bytes });
        }
        self.lines.push((level, printable(line, |c| matches!(c, '\n' | '\t'))));
        Ok(())
    }

    /// The last few lines in one: what a crash said of itself, and what the language added.
    pub fn tail(&self) -> String {
        const LINES: usize = 3;
        let from = self.lines.len().saturating_sub(LINES);
        self.lines[from..].iter().map(|(_, line)| line.replace(['\n', '\t'], " ")).collect::<Vec<_>>().join("; ")
    }

    pub fn take(&mut self) -> Vec<(LogLevel, String)> {
        std::mem::take(&mut self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_bounded_to_the_byte() {
        let line = || "x".repeat(36);
        let mut log = Log::new(200);
        assert!(
            log.push(LogLevel::Info, line()).and_then(|()| log.push(LogLevel::Info, line())).is_ok(),
            "exactly 200"
        );
        let mut log = Log::new(199);
        assert!(log.push(LogLevel::Info, line()).is_ok());
        assert!(matches!(log.push(LogLevel::Info, line()), Err(Abort::Limit { limit: Limit::Log, max: 199 })));
        assert_eq!(log.take().len(), 1, "what was said before is kept");
    }

    #[test]
    fn a_line_keeps_its_breaks_and_loses_what_a_terminal_obeys() {
        let mut log = Log::new(1_000);
        log.push(LogLevel::Warn, "a\n\tb\u{1b}]0;title\u{7}".to_owned()).expect("room");
        assert_eq!(log.tail(), "a  b ]0;title ");
        assert_eq!(log.take()[0].1, "a\n\tb ]0;title ");
    }
}
