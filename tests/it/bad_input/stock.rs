//! A stocked core with one order that stands: what bad input could damage.

use std::net::TcpListener;

use vend::pb;

use super::table::{apply, ask, order, wait};
use crate::support::core::{Caller, Core};
use crate::support::drivers::component;
use crate::support::postgres::{PASSWORD, SUPERUSER, Server};

const TYPES: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: sqlite-database
holds-data: true
params:
  type: object
  required: [name]
  additionalProperties: false
  properties:
    name: { type: string, pattern: "^[a-z0-9_-]{1,63}$" }
    schema: { type: array, items: { type: string } }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: ResourceType
name: probe
classes: [{ name: pg }, { name: powerful }, { name: down }, { name: unserved }]
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
kind: ResourceType
name: dream
params: { type: object }
outputs: { type: object }
"#;

const PLACES: &str = r#"
apiVersion: vend/v1
kind: Connection
name: files
type: sqlite
endpoint: databases
allow: { databases: ["*"] }
---
apiVersion: vend/v1
kind: Connection
name: pg
type: postgres
endpoint: postgres://127.0.0.1:PORT
credential: { username: bad_write, password: { secret: pg-write } }
read-credential: { username: bad_read, password: { secret: pg-read } }
allow: { databases: ["postgres"], networks: ["127.0.0.0/8"] }
---
apiVersion: vend/v1
kind: Connection
name: powerful
type: postgres
endpoint: postgres://127.0.0.1:PORT
credential: { username: bad_write, password: { secret: pg-write } }
read-credential: { username: postgres, password: { secret: pg-super } }
allow: { databases: ["postgres"], networks: ["127.0.0.0/8"] }
---
apiVersion: vend/v1
kind: Connection
name: down
type: postgres
endpoint: postgres://127.0.0.1:CLOSED
credential: { username: bad_write, password: { secret: pg-write } }
read-credential: { username: bad_read, password: { secret: pg-read } }
allow: { databases: ["postgres"], networks: ["127.0.0.0/8"] }
"#;

pub const ORDER: &str =
    "\n  db: { type: sqlite-database, params: { name: kept } }\n  spare: { type: probe, params: { name: spare } }";
pub const REQUEST_ID: &str = "the-first";

pub fn recipe(name: &str, makes: &str, matching: &str, driver: &str, connections: &str) -> String {
    format!(
        "apiVersion: vend/v1\nkind: Recipe\nname: {name}\ntype: {makes}\nmatch: [{matching}]\ndriver: {driver}\nconnections: {connections}\n"
    )
}

pub async fn stocked() -> Core {
    let core = Core::start().await;
    std::fs::create_dir_all(core.data().join("databases")).expect("a directory");
    let admin = core.admin();
    for driver in ["sqlite", "probe"] {
        install(&admin, &component(driver)).await.expect("installed");
    }
    let server = Server::shared();
    let roles = "create role bad_write login password 'write'; create role bad_read login password 'read'";
    server.admin("postgres").await.batch_execute(roles).await.expect("roles");
    for (name, value) in [("pg-write", "write"), ("pg-read", "read"), ("pg-super", PASSWORD)] {
        let request = pb::SetSecretRequest { name: name.into(), value: value.into() };
        admin.secrets().set_secret(request).await.expect("set");
    }
    assert_eq!(SUPERUSER, "postgres");
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let places = PLACES.replace("PORT", &server.port.to_string()).replace("CLOSED", &closed.to_string());
    let here = "{ environment-type: development }";
    let by_class = |class: &str| format!("{{ environment-type: development, class: {class} }}");
    let documents = [
        TYPES.to_owned(),
        places,
        recipe("sqlite-files", "sqlite-database", here, "sqlite@^0.1", "{ server: files }"),
        recipe("probe-files", "probe", here, "probe@^0.1", "{ server: files }"),
        recipe("probe-pg", "probe", &by_class("pg"), "probe@^0.1", "{ server: pg }"),
        recipe("probe-powerful", "probe", &by_class("powerful"), "probe@^0.1", "{ server: powerful }"),
        recipe("probe-down", "probe", &by_class("down"), "probe@^0.1", "{ server: down }"),
    ];
    admin.apply(&documents.join("---\n")).await.expect("stocked");
    let request = pb::ApplyOrderRequest { request_id: REQUEST_ID.into(), ..ask(&order("standing", ORDER)) };
    let accepted = apply(&admin, request).await.expect("accepted");
    let done = wait(&admin, &accepted.operation.expect("work").id).await;
    assert_eq!(done.state(), pb::operation::State::Succeeded, "{done:?}");
    core
}

pub async fn install(caller: &Caller, bytes: &[u8]) -> Result<pb::InstallDriverResponse, tonic::Status> {
    let chunk = |chunk: &[u8]| pb::InstallDriverRequest { chunk: chunk.to_vec(), file_name: "bad.wasm".into() };
    let messages: Vec<_> = bytes.chunks(1 << 20).map(chunk).collect();
    Ok(caller.drivers().install_driver(tokio_stream::iter(messages)).await?.into_inner())
}
