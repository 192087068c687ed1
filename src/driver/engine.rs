//! The one place where the WebAssembly engine is configured, and the clock that interrupts guests.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy, WasmFeatures};

/// Time between two interruptions of a running guest.
pub const TICK: Duration = Duration::from_millis(5);

/// What a guest's call stack may take.
pub const STACK_BYTES: usize = 1 << 20;

/// Handles of resources that a guest may hold at once. They stand in tables of the host's, which its memory limit does not see.
pub const HANDLES: usize = 10_000;

/// What the pool keeps ready for each attempt, and what an attempt gets without a pool. A Rust driver is a handful of core instances,
/// CPython about 22.
pub const INSTANCES_EACH: u32 = 40;
pub const MEMORIES_EACH: u32 = 4;
pub const TABLES_EACH: u32 = 24;

/// An engine over a pool with room for `attempts` at once, of `memory_bytes` each; on demand where the pool's address space is not to
/// be had.
pub fn engine(attempts: u32, memory_bytes: u64, table_elements: u64) -> wasmtime::Result<Engine> {
    Engine::new(&config(Some((attempts, memory_bytes, table_elements)))).or_else(|error| {
        tracing::warn!(%error, "no pool of instances: each attempt allocates its own memory");
        Engine::new(&config(None))
    })
}

fn config(pool: Option<(u32, u64, u64)>) -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    config.wasm_component_model(true);
    // The sequence of effects is a list, and so is the journal.
    config.concurrency_support(false);
    config.wasm_features(WasmFeatures::THREADS, false);
    config.shared_memory(false);
    // The same bits on every machine and on every replay.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK_BYTES);
    config.async_stack_size(2 * STACK_BYTES);
    config.memory_init_cow(true);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8));
    if let Some((attempts, memory_bytes, table_elements)) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(room(attempts, memory_bytes, table_elements)));
    }
    config
}

fn room(attempts: u32, memory_bytes: u64, table_elements: u64) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(attempts)
        .total_core_instances(attempts.saturating_mul(INSTANCES_EACH))
        .total_memories(attempts.saturating_mul(MEMORIES_EACH))
        .total_tables(attempts.saturating_mul(TABLES_EACH))
        .total_stacks(attempts)
        .max_core_instances_per_component(INSTANCES_EACH)
        .max_memories_per_component(MEMORIES_EACH)
        .max_tables_per_component(TABLES_EACH)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(usize::try_from(memory_bytes).unwrap_or(usize::MAX))
        .table_elements(usize::try_from(table_elements).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        // What an attempt has touched is found by the kernel, and those pages stay: the next one does not fault on them.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Moves the engine's epoch on as long as attempts run, and sleeps otherwise. Ends when it is dropped.
pub struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    running: AtomicUsize,
    ended: AtomicBool,
}

/// Guests are interrupted as long as this lives.
pub struct Ticking(Weak<Shared>);

impl Ticker {
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { running: AtomicUsize::new(0), ended: AtomicBool::new(false) });
        let (engine, seen) = (engine.weak(), shared.clone());
        let handle = thread::Builder::new().name("vend-epoch".to_owned()).spawn(move || {
            while !seen.ended.load(Ordering::Acquire) {
                if seen.running.load(Ordering::Acquire) == 0 {
                    thread::park();
                    continue;
                }
                thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { shared, thread: handle.thread().clone() })
    }

    pub fn tick(&self) -> Ticking {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Ticking(Arc::downgrade(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.running.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
