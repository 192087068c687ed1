//! Chance that is none: the same bytes for every attempt of a step.

use crate::capability::digest;

/// HMAC-SHA256 of a counter under the step's seed.
pub struct Random {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    left: usize,
}

impl Random {
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0, block: [0; 32], left: 0 }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    pub fn number(&mut self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn byte(&mut self) -> u8 {
        if self.left == 0 {
            self.block = digest::keyed(&self.seed, &[b"wasi:random", &self.counter.to_be_bytes()]);
            self.counter += 1;
            self.left = self.block.len();
        }
        self.left -= 1;
        self.block[self.left]
    }
}
