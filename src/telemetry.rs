//! What vend says while it works: lines on stderr, for people or as JSON; numbers for Prometheus; traces for a collector.
//!
//! Must never know what is logged. Nothing secret is written: secrets print as handles or not at all.

pub mod metrics;
pub mod trace;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Overrides the configured level: `debug`, or a list such as `vend::engine=trace,warn`.
pub const FILTER: &str = "VEND_LOG";

#[derive(Debug, thiserror::Error)]
#[error("{FILTER} is no list of levels, such as `debug` or `vend::engine=trace,warn`")]
pub struct Error(#[from] ParseError);

/// Begins to write. In a process that already does, nothing changes.
pub fn begin(json: bool, level: &str, filter: Option<&str>) -> Result<(), Error> {
    let filter = match filter {
        Some(text) => EnvFilter::builder().parse(text)?,
        // Libraries speak up only when something is wrong.
        None => EnvFilter::builder().parse(format!("warn,vend={level}"))?,
    };
    // A line that cannot be written is lost: telling so in the same place would end the process.
    let lines = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter);
    let lines = lines.with_writer(std::io::stderr);
    // Refused only if this process writes already.
    let _ = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_told() {
        let error = begin(false, "info", Some("vend=loud")).expect_err("no such level");
        assert!(error.to_string().contains("VEND_LOG"), "{error}");
    }
}
