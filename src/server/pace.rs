//! How slowly a message may come: somebody who sends a byte now and then does not hold a call's place for long.

use std::time::Duration;

use tonic::Status;

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

#[derive(Clone, Copy)]
pub struct Pace {
    /// Time that every message has, however small.
    pub grace: Duration,
    /// What comes at least on the average, from then on.
    pub bytes_per_second: u64,
}

/// 16 MiB in 17 minutes, which no call waits for.
pub const USUAL: Pace = Pace { grace: Duration::from_secs(20), bytes_per_second: 16 << 10 };

impl Pace {
    /// From the beginning, for what more there is when so much has come.
    pub fn time_of(self, came: u64) -> Duration {
        self.grace + Duration::from_millis(came.saturating_mul(1_000) / self.bytes_per_second)
    }

    pub fn too_slow(self, came: u64) -> Status {
        let message = format!("the message comes too slowly: {came} bytes so far");
        let hint = format!("send it within {} s, or {} bytes a second", self.grace.as_secs(), self.bytes_per_second);
        Refusal::new(Reason::DeadlineExceeded, message).hint(hint).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_buys_time() {
        assert_eq!(USUAL.time_of(0), USUAL.grace);
        assert_eq!(USUAL.time_of(16 << 10), USUAL.grace + Duration::from_secs(1));
        assert_eq!(USUAL.time_of(16 << 20), USUAL.grace + Duration::from_secs(1_024));
        assert!(USUAL.time_of(u64::MAX) > USUAL.grace);
    }
}
