//! The data of one attempt's store, and its hold on memory.

use wasmtime::ResourceLimiter;

use crate::capability::host::{Host, Hosted};
use crate::domain::limits::{Limit, Limits};

use super::engine::{INSTANCES_EACH, MEMORIES_EACH, TABLES_EACH};
use super::wasi::Wasi;

pub struct State {
    pub host: Host,
    pub wasi: Wasi,
    pub limiter: Limiter,
}

impl Hosted for State {
    fn host(&mut self) -> &mut Host {
        &mut self.host
    }
}

/// Counts over all memories and all tables of an instance. A growth over the limit fails as WebAssembly has it, and is remembered: if
/// the guest then traps, everybody knows why.
pub struct Limiter {
    memory: Hold,
    table: Hold,
}

struct Hold {
    now: u64,
    most: u64,
    max: u64,
    hit: bool,
}

impl Limiter {
    pub fn new(limits: &Limits) -> Self {
        let hold = |max| Hold { now: 0, most: 0, max, hit: false };
        Self { memory: hold(limits.memory_bytes), table: hold(limits.table_elements) }
    }

    /// The most memory that was held at once, bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.most
    }

    /// The limit that a growth met, and its value.
    pub fn hit(&self) -> Option<(Limit, u64)> {
        match (self.memory.hit, self.table.hit) {
            (true, _) => Some((Limit::Memory, self.memory.max)),
            (_, true) => Some((Limit::Table, self.table.max)),
            _ => None,
        }
    }
}

impl Hold {
    /// `maximum` is the module's own, or what a slot of the pool holds: only the latter is a limit of ours.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        if let Some(maximum) = maximum.filter(|maximum| desired > *maximum) {
            self.hit |= maximum as u64 >= self.max;
            return false;
        }
        let wanted = self.now + desired.saturating_sub(current) as u64;
        if wanted > self.max {
            self.hit = true;
            return false;
        }
        self.now = wanted;
        self.most = self.most.max(wanted);
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    /// The host had no room, though the limit would have allowed it: the slots of the pool are that large and no larger.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.hit = true;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired, maximum))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.table.hit = true;
        Ok(())
    }

    // A component with more of them is refused when it is compiled, where there is a pool; without one it is refused here.

    fn instances(&self) -> usize {
        INSTANCES_EACH as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_EACH as usize
    }

    fn tables(&self) -> usize {
        TABLES_EACH as usize
    }
}
