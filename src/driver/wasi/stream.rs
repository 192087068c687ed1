//! Standard output and error: lines for the attempt's log.

use crate::capability::abort::Abort;
use crate::capability::log::{Log, LogLevel};

/// A line may be this long before it is broken.
const LONGEST_LINE: usize = 8 << 10;

pub struct Output {
    level: LogLevel,
    line: Vec<u8>,
}

impl Output {
    pub fn new(level: LogLevel) -> Self {
        Self { level, line: Vec::new() }
    }

    pub fn write(&mut self, bytes: &[u8], log: &mut Log) -> Result<(), Abort> {
        for byte in bytes {
            if *byte == b'\n' || self.line.len() >= LONGEST_LINE {
                self.flush(log)?;
            }
            if *byte != b'\n' {
                self.line.push(*byte);
            }
        }
        Ok(())
    }

    pub fn flush(&mut self, log: &mut Log) -> Result<(), Abort> {
        if self.line.is_empty() {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        log.push(self.level, line)
    }
}
