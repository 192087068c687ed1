//! Counts the effects of one attempt and the size of its journal; refuses what goes over a limit.

use std::io::{self, Write};

use serde::Serialize;

use crate::capability::abort::Abort;
use crate::domain::effect::{Class, Entry};
use crate::domain::limits::{Limit, Limits};

/// Reads and writes count when they are live: a replay costs nothing, so that an attempt ended by a limit still made progress.
/// The journal counts as a whole, because every attempt reads all of it.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    reads: u32,
    writes: u32,
    journal_bytes: u64,
}

impl Meter {
    pub fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), reads: 0, writes: 0, journal_bytes: 0 }
    }

    pub fn reads(&self) -> u32 {
        self.reads
    }

    pub fn writes(&self) -> u32 {
        self.writes
    }

    pub fn max_body(&self) -> u64 {
        self.limits.body_bytes
    }

    pub fn count(&mut self, class: Class) -> Result<(), Abort> {
        let (counted, max, limit) = match class {
            Class::Read => (&mut self.reads, self.limits.reads, Limit::Reads),
            _ => (&mut self.writes, self.limits.writes, Limit::Writes),
        };
        if *counted >= max {
            return Err(Abort::Limit { limit, max: max.into() });
        }
        *counted += 1;
        Ok(())
    }

    /// `body` is a request or an answer.
    pub fn check_body(&self, body: &impl Serialize) -> Result<(), Abort> {
        within(size(body), self.limits.body_bytes, Limit::Body)
    }

    /// An entry that a former attempt wrote and this one keeps.
    pub fn add_kept(&mut self, entry: &Entry) {
        self.journal_bytes += size(entry);
    }

    pub fn add(&mut self, entry: &Entry) -> Result<(), Abort> {
        self.journal_bytes += size(entry);
        within(self.journal_bytes, self.limits.journal_bytes, Limit::Journal)
    }
}

fn within(bytes: u64, max: u64, limit: Limit) -> Result<(), Abort> {
    if bytes > max { Err(Abort::Limit { limit, max }) } else { Ok(()) }
}

/// Bytes of `value` as JSON, without making the text.
fn size(value: &impl Serialize) -> u64 {
    struct Count(u64);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("effects are made of JSON values");
    count.0
}
