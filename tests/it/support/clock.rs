//! Clocks: one that moves when told to, and the real one.

use std::sync::atomic::{AtomicU64, Ordering};

use vend::domain::time::{Clock, Timestamp};

pub struct Manual(AtomicU64);

impl Manual {
    /// Stands at 2025-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self(AtomicU64::new(1_735_689_600_000))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.ms(), Ordering::SeqCst);
    }

    pub fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// What the machine says.
pub struct Real;

impl Clock for Real {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "somewhere a real clock has to come from")]
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).expect("the machine's clock is set");
        Timestamp::from_ms(u64::try_from(since.as_millis()).expect("this side of the year 500 million"))
    }
}
