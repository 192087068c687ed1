//! What tests of capabilities and drivers share: chance and time that are the same on every run.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::time::{Clock, Entropy, Timestamp};

use super::digest;

/// SHA-256 over a counter: different bytes on every call, the same on every run.
pub struct Counter {
    seed: u64,
    calls: AtomicU64,
}

impl Counter {
    pub fn new(seed: u64) -> Self {
        Self { seed, calls: AtomicU64::new(0) }
    }
}

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let call = self.calls.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let block = digest::keyed(&[0; 32], &[&self.seed.to_be_bytes(), &call]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// A clock that moves by one millisecond whenever somebody looks.
pub struct Ticking(AtomicU64);

impl Ticking {
    pub fn from_ms(ms: u64) -> Self {
        Self(AtomicU64::new(ms))
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
