//! A kill with very many operations in flight: how soon the core accepts again, and how soon all of them move.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use vend::pb;
use vend::pb::operation::State;

use super::door::Door;
use super::found::operations;
use super::{LONG, number};
use crate::proof::core::Core;
use crate::support::core::{Caller, caller, source};
use crate::support::fakecloud::Cloud;

/// Resources of one order.
const EACH: u64 = 100;
/// In `make test`; `make crash` has ten thousand.
const FEW: u64 = 300;
const MANY: u64 = 10_000;
const ACCEPTS: Duration = Duration::from_secs(5);
const MOVE: Duration = Duration::from_secs(30);
/// As long as nobody waits.
const PROVISION_MS: u64 = 86_400_000;

async fn place(caller: &Caller, number: u64) -> Result<(), tonic::Status> {
    let resource = |at: u64| {
        format!(
            "r{at}: {{ type: cloud-named, params: {{ name: n{number}-{at}, size: 1, provision-ms: {PROVISION_MS} }} }}"
        )
    };
    let resources: Vec<String> = (0..EACH).map(resource).collect();
    let text = format!(
        "{{ apiVersion: vend/v1, kind: Order, name: many-{number}, resources: {{ {} }} }}\n",
        resources.join(", ")
    );
    let request = pb::ApplyOrderRequest {
        source: Some(source("order.yaml", &text)),
        project: "default".into(),
        environment: "dev".into(),
        request_id: format!("many-{number}"),
        ..Default::default()
    };
    caller.orders().apply_order(request).await.map(|_| ())
}

#[test]
fn killed_with_many_operations_in_flight() {
    let is_long = number("CYCLES", 0) >= LONG as u64;
    let many = number("MANY", if is_long { MANY } else { FEW });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let cloud = Cloud::start(&[]);
    let mut core = Core::idle();
    core.level = "warn";
    core.restart();
    core.install(&["fakecloud"]);
    core.apply(&cloud.platform());
    let door = Door::shut();
    let open = |core: &Core| {
        let caller = runtime.block_on(caller(&core.url(), &core.token())).expect("connected");
        door.set(Some(caller.clone()));
        caller
    };
    let admin = open(&core);
    let accepted: Vec<_> = runtime
        .block_on(stream::iter((0..many / EACH).map(|number| place(&admin, number))).buffer_unordered(8).collect());
    accepted.into_iter().for_each(|it| it.expect("accepted"));
    let listed = |runtime: &tokio::runtime::Runtime| {
        let all = runtime.block_on(operations(&door));
        all.into_iter().filter(|it| !it.parent.is_empty()).collect::<Vec<_>>()
    };
    // What the database of the cloud holds of them does not matter: in flight is what is accepted and not done.
    let before = listed(&runtime);
    assert!(before.len() as u64 == many && before.iter().all(|it| !it.done), "{} in flight", before.len());
    core.kill();

    let killed = Instant::now();
    core.restart();
    let admin = open(&core);
    runtime.block_on(place(&admin, many)).expect("accepted");
    let accepts = killed.elapsed();
    let moving = loop {
        let all = listed(&runtime);
        let still = all.iter().filter(|it| it.state() == State::Queued).count();
        if still == 0 {
            break killed.elapsed();
        }
        assert!(killed.elapsed() < Duration::from_secs(600), "{still} of {} have not begun", all.len());
        std::thread::sleep(Duration::from_millis(100));
    };
    println!("in-flight={many} accepts-ms={} all-moving-ms={}", accepts.as_millis(), moving.as_millis());
    let failed = listed(&runtime).into_iter().find(|it| matches!(it.state(), State::Failed | State::NeedsAttention));
    assert!(failed.is_none(), "{failed:?}");
    assert!(accepts <= ACCEPTS, "accepts after {accepts:?}");
    assert!(moving <= MOVE, "all move after {moving:?}");
}
