//! Time and chance as arguments: a point in time, and the two traits through which they come in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const ZERO: Self = Self(0);

    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    pub fn ms(self) -> u64 {
        self.0
    }

    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here; 0 if it lies ahead.
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(stamp) => write!(f, "{stamp:.3}"),
            Err(_) => write!(f, "{ms} ms"),
        }
    }
}

/// Where the time comes from. Monotonic is not promised: wall clocks jump.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// Where chance comes from: cryptographically strong outside tests.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}
