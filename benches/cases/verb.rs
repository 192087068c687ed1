//! What the host adds to one verb: bare wasmtime beside it, doing the same in the same program.
//!
//! The same component, a fresh instance each, the same input. Bare wasmtime has nothing linked that works, counts nothing and checks nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vend::app::{SystemClock, SystemEntropy};
use vend::capability::grants::Grants;
use vend::capability::journal::memory::MemoryJournal;
use vend::domain::contract::{Call, Input};
use vend::domain::limits::Limits;
use vend::driver::{Attempt, Driver, Past, Runtime, RuntimeConfig};
use vend::wit;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use crate::figure::{Figure, median};
use crate::ground::{Ground, driver};

/// Of each, in turn.
const ROUNDS: usize = 20;

pub fn run(ground: &Ground) -> Vec<Figure> {
    let each = ground.pick(1_000, 200);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (hosted, bare) = (runtime.block_on(hosted()), bare());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let per = |taken: Duration| taken.as_secs_f64() * 1e6 / each as f64;
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        runtime.block_on(async {
            for _ in 0..each {
                let report = hosted.run(attempt()).await;
                assert!(report.result.is_ok(), "{:?}", report.result);
            }
        });
        let of_host = per(begun.elapsed());
        let begun = Instant::now();
        runtime.block_on(async {
            for _ in 0..each {
                bare.validate().await;
            }
        });
        let of_bare = per(begun.elapsed());
        // The first is for caches.
        if round > 0 {
            with.push(of_host);
            without.push(of_bare);
        }
    }
    let (with, without) = (median(&mut with), median(&mut without));
    vec![
        Figure::new("one verb without effects, against bare wasmtime", with / without, "×").at_most(3.0, 1.2),
        Figure::new("  as the host runs it", with, "µs"),
        Figure::new("  bare", without, "µs"),
    ]
}

async fn hosted() -> Driver {
    let config = RuntimeConfig {
        cache_dir: None,
        max_instances: 24,
        max_limits: Limits::default(),
        entropy: Arc::new(SystemEntropy),
    };
    let runtime = Runtime::new(config).expect("an engine");
    runtime.load(driver()).await.expect("a driver")
}

fn params() -> Value {
    json!({ "name": "measured", "size": 1, "wait-ms": 0, "rounds": 0 })
}

fn context() -> Value {
    json!({ "project": "default", "environment": "dev", "order": "measured", "resource": "thing", "generation": 1 })
}

const RESOURCE: &str = "res_01kb1m0000000000000000000";
const LABELS: [(&str, &str); 3] =
    [("vend-core", "core_01kb1m000000000000000000"), ("vend-resource", RESOURCE), ("vend-incarnation", "1")];

fn attempt() -> Attempt {
    let input = Input {
        resource_id: RESOURCE.into(),
        incarnation: 1,
        resource_type: "thing".into(),
        labels: LABELS.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        config: json!({}),
        params: params(),
        unknown: Vec::new(),
        prior: None,
        continuation: None,
        context: context(),
    };
    Attempt {
        call: Call::Validate(input),
        grants: Grants::default(),
        limits: Limits::default(),
        past: Past::default(),
        journal: Arc::new(MemoryJournal::new()),
        secrets: Vec::new(),
        handle_key: [7; 32],
        seed: [7; 32],
        trace: String::new(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    }
}

struct Bare {
    engine: Engine,
    linked: wit::DriverPre<()>,
}

fn bare() -> Bare {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // The same pool as the host's, so that the difference is what the host does.
    let mut pool = PoolingAllocationConfig::default();
    pool.linear_memory_keep_resident(256 << 10).table_keep_resident(16 << 10).pagemap_scan(Enabled::Auto);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::from_binary(&engine, &driver()).expect("a component");
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component).expect("linked");
    let linked = wit::DriverPre::new(linker.instantiate_pre(&component).expect("linked")).expect("a driver");
    Bare { engine, linked }
}

impl Bare {
    async fn validate(&self) {
        let mut store = Store::new(&self.engine, ());
        let instance = self.linked.instantiate_async(&mut store).await.expect("an instance");
        let input = wit::vend::driver::types::Input {
            resource_id: RESOURCE.into(),
            incarnation: 1,
            resource_type: "thing".into(),
            labels: LABELS.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            config: "{}".into(),
            params: params().to_string(),
            unknown: Vec::new(),
            prior: None,
            continuation: None,
            context: context().to_string(),
        };
        let answer = instance.vend_driver_lifecycle().call_validate(&mut store, &input).await.expect("an answer");
        let answer: Value = serde_json::from_str(&answer.expect("valid params")).expect("JSON");
        assert_eq!(answer["name"], "measured");
    }
}
