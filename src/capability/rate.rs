//! How often a connection may be used: a second's worth at once, then evenly.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A token bucket that keeps one number: when the next call would be due if calls came evenly (GCRA).
#[derive(Debug)]
pub(crate) struct Rate {
    interval: Duration,
    burst: Duration,
    due: Mutex<Option<Instant>>,
}

impl Rate {
    /// `per_second` is at least one.
    pub(crate) fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, burst: Duration::from_secs(1) - interval, due: Mutex::new(None) }
    }

    /// How long to wait before the call; `Err` with that time, and no place taken, if it is beyond `patience`.
    pub(crate) fn reserve(&self, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let at = due.map_or(now, |due| due.max(now));
        let wait = (at - now).saturating_sub(self.burst);
        if wait > patience {
            return Err(wait);
        }
        *due = Some(at + self.interval);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_evenly_then_refused() {
        let rate = Rate::new(4);
        let now = Instant::now();
        let wait = |at_ms, patience_ms| {
            let at = now + Duration::from_millis(at_ms);
            rate.reserve(at, Duration::from_millis(patience_ms))
                .map(|wait| wait.as_millis())
                .map_err(|wait| wait.as_millis())
        };
        for (at_ms, expected) in [
            (0, Ok(0)),
            (0, Ok(0)),
            (0, Ok(0)),
            (0, Ok(0)),
            (0, Ok(250)),
            (0, Ok(500)),
            (0, Err(750)),
            (250, Ok(500)),
            (5000, Ok(0)),
        ] {
            assert_eq!(wait(at_ms, 600), expected, "at {at_ms}");
        }
    }
}
