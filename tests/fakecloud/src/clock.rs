//! The machine's clock. What is put on top of it to get virtual time is the cloud's own business.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub fn machine_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "somewhere a real clock has to come from")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
