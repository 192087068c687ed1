//! `vend:driver/context`: log, status and time. The same in every profile.

use crate::wit::vend::driver::context::{Host, Level};

use super::convert::line;
use super::host::Live;
use super::log::LogLevel;

const LONGEST_STATUS: usize = 1 << 10;

impl Host for Live<'_> {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        Ok(self.0.log.push(level, message)?)
    }

    async fn status(&mut self, message: String) -> wasmtime::Result<()> {
        self.0.status = Some(line(message, LONGEST_STATUS));
        Ok(())
    }

    async fn now_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(self.0.tape.now().ms())
    }
}
