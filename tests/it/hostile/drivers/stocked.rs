//! A whole core with the probe on offer, over its API.

use vend::config::Settings;
use vend::pb;
use vend::pb::operation::State;

use crate::support::core::{Caller, Core, source};
use crate::support::drivers::component;

const OFFER: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: probe
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs:
  type: object
  required: [name]
  properties:
    name: { type: string }
    writes: { type: integer }
    note: { type: string }
    password: { type: string, x-vend-secret: true }
    url: { type: string, x-vend-secret: true }
---
apiVersion: vend/v1
kind: Connection
name: files
type: sqlite
endpoint: databases
allow: { databases: ["*"] }
limits: { concurrency: 32 }
---
apiVersion: vend/v1
kind: Recipe
name: probe
type: probe
match: [{ environment-type: development }]
driver: probe@^0.1
connections: { server: files }
"#;

pub async fn start(change: impl FnOnce(&mut Settings)) -> Core {
    let core = Core::start_with(change).await;
    std::fs::create_dir_all(core.data().join("databases")).expect("a directory");
    install(&core.admin(), &component("probe")).await.expect("installed");
    core.admin().apply(OFFER).await.expect("stocked");
    core
}

pub async fn install(caller: &Caller, bytes: &[u8]) -> Result<pb::InstallDriverResponse, tonic::Status> {
    let chunk = |chunk: &[u8]| pb::InstallDriverRequest { chunk: chunk.to_vec(), file_name: "hostile.wasm".into() };
    let messages: Vec<_> = bytes.chunks(1 << 20).map(chunk).collect();
    Ok(caller.drivers().install_driver(tokio_stream::iter(messages)).await?.into_inner())
}

/// An order of one resource of the type `probe`; `params` in YAML, without the name, which is the order's.
pub fn order(name: &str, params: &str) -> String {
    let more = if params.is_empty() { String::new() } else { format!(", {params}") };
    format!(
        "apiVersion: vend/v1\nkind: Order\nname: {name}\nresources:\n  it: {{ type: probe, params: {{ name: {name}{more} }} }}\n"
    )
}

pub async fn apply(caller: &Caller, text: &str) -> Result<pb::ApplyOrderResponse, tonic::Status> {
    let request = pb::ApplyOrderRequest {
        source: Some(source("order.yaml", text)),
        project: "default".into(),
        environment: "dev".into(),
        ..Default::default()
    };
    Ok(caller.orders().apply_order(request).await?.into_inner())
}

pub async fn accepted(caller: &Caller, text: &str) -> String {
    let answer = apply(caller, text).await.unwrap_or_else(|status| panic!("{text}: {status:?}"));
    answer.operation.expect("work").id
}

pub async fn operation(caller: &Caller, id: &str) -> pb::Operation {
    let request = pb::GetOperationRequest { id: id.into() };
    caller.operations().get_operation(request).await.expect("it is there").into_inner().operation.expect("an operation")
}

/// The operation on the one resource of an order's operation.
pub async fn child(caller: &Caller, parent: &str) -> pb::Operation {
    let request = pb::ListOperationsRequest { project: "default".into(), parent: parent.into(), ..Default::default() };
    let listed = caller.operations().list_operations(request).await.expect("listed").into_inner().operations;
    listed.into_iter().next().expect("a child")
}

/// The child once `holds`; within two minutes, since the machine may be busy.
pub async fn until(caller: &Caller, parent: &str, holds: impl Fn(&pb::Operation) -> bool) -> pb::Operation {
    for _ in 0..2_400 {
        let child = child(caller, parent).await;
        if holds(&child) {
            return child;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("not within two minutes: {:?}", child(caller, parent).await);
}

pub fn rests(operation: &pb::Operation) -> bool {
    operation.done || operation.state() == State::NeedsAttention
}
