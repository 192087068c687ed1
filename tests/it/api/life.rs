//! An order from catalog to deletion, through the API alone, with the project's own SQLite driver.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_stream::StreamExt;
use tonic::Request;
use vend::domain::principal::Role;
use vend::pb;
use vend::pb::operation::State;
use vend::pb::watch_response::Kind;

use crate::support::core::{Caller, Core, reason, source};
use crate::support::drivers::component;

const STOCK: &str = r#"
apiVersion: vend/v1
kind: Connection
name: files
type: sqlite
endpoint: databases
allow: { databases: ["*"] }
---
apiVersion: vend/v1
kind: ResourceType
name: sqlite-database
params:
  type: object
  required: [name]
  additionalProperties: false
  properties:
    name: { type: string }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: files
type: sqlite-database
driver: sqlite@^0.1
connections: { server: files }
"#;

const ORDER: &str = "apiVersion: vend/v1\nkind: Order\nname: notes\nresources:\n  db: { type: sqlite-database, params: { name: notes } }\n";

pub async fn stocked() -> Core {
    let core = Core::start().await;
    std::fs::create_dir_all(core.data().join("databases")).expect("a directory");
    let infra = core.caller(&[Role::Infra]).await;
    let component = component("sqlite");
    let install = async || {
        let chunks: Vec<_> = component.chunks(1 << 20).map(<[u8]>::to_vec).collect();
        let messages =
            chunks.into_iter().map(|chunk| pb::InstallDriverRequest { chunk, file_name: "sqlite.wasm".into() });
        let stream = tokio_stream::iter(messages.collect::<Vec<_>>());
        infra.drivers().install_driver(stream).await.expect("installed").into_inner()
    };
    let installed = install().await;
    assert!(!installed.unchanged);
    assert!(install().await.unchanged);
    let driver = installed.driver.expect("a driver");
    let get = async |name: String| {
        let found = infra.drivers().get_driver(pb::GetDriverRequest { name }).await;
        found.map(|it| it.into_inner().driver.expect("a driver").digest).map_err(|status| reason(&status))
    };
    assert_eq!(get("drivers/sqlite".into()).await, Ok(driver.digest.clone()));
    assert_eq!(get(format!("drivers/sqlite@{}", driver.version)).await, Ok(driver.digest.clone()));
    assert_eq!(get(driver.digest.clone()).await, Ok(driver.digest.clone()));
    assert_eq!(get("drivers/sqlite@9.9.9".into()).await, Err("NOT_FOUND".into()));
    core.admin().apply(STOCK).await.expect("applied");
    let check = pb::CheckConnectionRequest { name: "connections/files".into() };
    let checked = infra.documents().check_connection(check).await.expect("checked").into_inner();
    assert!(checked.reachable && checked.credentials_accepted, "{checked:?}");
    core
}

pub async fn apply(caller: &Caller, validate_only: bool) -> pb::ApplyOrderResponse {
    let mut request = Request::new(pb::ApplyOrderRequest {
        source: Some(source("notes.yaml", ORDER)),
        project: "default".into(),
        environment: "dev".into(),
        validate_only,
        ..Default::default()
    });
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.metadata_mut().insert("traceparent", trace.parse().expect("a header"));
    caller.orders().apply_order(request).await.expect("accepted").into_inner()
}

pub async fn wait(caller: &Caller, id: &str) -> pb::Operation {
    let timeout = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let request = pb::WaitOperationRequest { id: id.into(), timeout };
    caller.operations().wait_operation(request).await.expect("waited").into_inner().operation.expect("an operation")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_lives_and_a_watcher_sees_it() {
    let core = stocked().await;
    let developer = core.caller(&[Role::Developer]).await;
    let place = pb::ListCatalogEntriesRequest { project: "default".into(), environment: "dev".into() };
    let catalog = developer.catalog().list_catalog_entries(place).await.expect("listed").into_inner().entries;
    assert_eq!((catalog.len(), catalog[0].recipe.as_str()), (1, "files"));

    let watch = pb::WatchRequest { project: "default".into(), environment: "dev".into(), ..Default::default() };
    let mut stream = developer.watches().watch(watch.clone()).await.expect("watching").into_inner();
    let first = stream.next().await.expect("a bookmark").expect("good");
    assert_eq!(first.kind(), Kind::Bookmark);

    let looked = apply(&developer, true).await;
    assert!(looked.operation.is_none() && looked.order.is_none());
    let accepted = apply(&developer, false).await;
    assert_eq!(looked.plan.expect("a plan").digest, accepted.plan.expect("a plan").digest);
    let done = wait(&developer, &accepted.operation.expect("work").id).await;
    assert_eq!((done.state(), done.done), (State::Succeeded, true), "{done:?}");
    assert_eq!(done.children.get("succeeded"), Some(&1));
    let id = vend::domain::id::OperationId::parse(&done.id).expect("an id");
    let kept = core.running.store.operation(&id).await.expect("read").expect("kept");
    assert!(kept.trace.contains("4bf92f3577b34da6a3ce929d0e0e4736"), "the trace travels: {}", kept.trace);

    let order = pb::GetOrderRequest { name: done.order.clone() };
    let order = developer.orders().get_order(order).await.expect("there").into_inner().order.expect("an order");
    assert_eq!((order.state.as_str(), order.resources, order.resources_ready), ("ready", 1, 1));
    let name = format!("{}/resources/db", done.order);
    let resource = pb::GetResourceRequest { name: name.clone() };
    let resource = developer.resources().get_resource(resource).await.expect("there").into_inner();
    let resource = resource.resource.expect("a resource");
    assert_eq!((resource.state.as_str(), resource.name.as_str()), ("ready", name.as_str()));
    for target in [done.order.clone(), name, resource.id.clone()] {
        let outputs = developer.resources().get_outputs(pb::GetOutputsRequest { name: target }).await.expect("there");
        assert!(outputs.into_inner().outputs_json["db"].contains("\"name\":\"notes\""));
    }
    let journal = pb::GetJournalRequest { id: done.id.clone() };
    let lines = developer.operations().get_journal(journal).await.expect("told").into_inner().lines;
    assert!(lines.iter().any(|line| line.kind() == pb::journal_line::Kind::Effect), "{lines:?}");

    // One commit ends the child, its resource and the order's operation; within it the order is the engine's.
    let mut missing = BTreeSet::from(["order's operation succeeded", "operation succeeded", "resource ready"]);
    while !missing.is_empty() {
        let told = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
        let told = told.unwrap_or_else(|_| panic!("never told: {missing:?}")).expect("no end").expect("good");
        let whose = if told.id == done.id { "order's " } else { "" };
        missing.remove(format!("{whose}{} {}", told.subject, told.state).as_str());
    }

    // Who comes later is told what is there.
    let mut later = developer.watches().watch(watch).await.expect("watching").into_inner();
    let mut initial = Vec::new();
    loop {
        let told = later.next().await.expect("no end").expect("good");
        if told.kind() == Kind::Bookmark {
            break;
        }
        assert_eq!(told.kind(), Kind::Initial);
        initial.push((told.subject, told.id));
    }
    assert_eq!(initial, [("order".to_owned(), order.id), ("resource".to_owned(), resource.id)]);
    core.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revealing_is_a_permission_of_its_own_and_on_record() {
    let core = stocked().await;
    let developer = core.caller(&[Role::Developer]).await;
    let accepted = apply(&developer, false).await;
    let done = wait(&developer, &accepted.operation.expect("work").id).await;
    let reveal = || pb::RevealOutputsRequest { name: done.order.clone() };
    let platform = core.caller(&[Role::Platform]).await;
    assert_eq!(reason(&platform.resources().reveal_outputs(reveal()).await.expect_err("denied")), "POLICY_DENIED");
    let shown = developer.resources().reveal_outputs(reveal()).await.expect("revealed").into_inner();
    assert!(shown.outputs_json["db"].contains("notes"));
    let auditor = core.caller(&[Role::Auditor]).await;
    let request = pb::ListAuditEntriesRequest { project: "default".into(), page_size: 1_000, ..Default::default() };
    let entries = auditor.audit().list_audit_entries(request).await.expect("listed").into_inner().entries;
    let revealed: Vec<_> = entries.iter().filter(|it| it.action == "resources.reveal").collect();
    assert_eq!((revealed.len(), revealed[0].principal.as_str()), (1, "token:test"), "{entries:?}");
    assert_eq!(revealed[0].name, done.order);
    core.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_destroys_is_shown_first_and_what_is_in_use_stays() {
    let core = stocked().await;
    let admin = core.admin();
    let accepted = apply(&admin, false).await;
    let done = wait(&admin, &accepted.operation.expect("work").id).await;
    let delete = async |allow_destroy| {
        let request = pb::DeleteOrderRequest { name: done.order.clone(), allow_destroy, ..Default::default() };
        admin.orders().delete_order(request).await.map(|it| it.into_inner().operation)
    };
    assert_eq!(reason(&delete(false).await.expect_err("destroys")), "PLAN_REQUIRED");
    for name in ["connections/files", "recipes/files", "resourceTypes/sqlite-database"] {
        let request = pb::DeleteDocumentRequest { name: name.into(), etag: String::new() };
        let status = admin.documents().delete_document(request).await.expect_err(name);
        assert_eq!(reason(&status), "IN_USE", "{name}");
    }
    let digest = done_driver(&admin).await;
    let uninstall = pb::UninstallDriverRequest { digest };
    assert_eq!(reason(&admin.drivers().uninstall_driver(uninstall.clone()).await.expect_err("pinned")), "IN_USE");

    let deleted = delete(true).await.expect("accepted").expect("work");
    let short = prost_types::Duration { seconds: 0, nanos: 1 };
    let request = pb::WaitOperationRequest { id: deleted.id.clone(), timeout: Some(short) };
    admin.operations().wait_operation(request).await.expect("a wait that is over answers how it stands");
    assert_eq!(wait(&admin, &deleted.id).await.state(), State::Succeeded);
    let status = admin.orders().get_order(pb::GetOrderRequest { name: done.order }).await.expect_err("gone");
    assert_eq!(reason(&status), "NOT_FOUND");
    let request = pb::DeleteDocumentRequest { name: "recipes/files".into(), etag: String::new() };
    admin.documents().delete_document(request).await.expect("nothing needs it");
    admin.drivers().uninstall_driver(uninstall).await.expect("nothing needs it");
    core.stop().await;
}

async fn done_driver(caller: &Caller) -> String {
    let drivers = caller.drivers().list_drivers(pb::ListDriversRequest {}).await.expect("listed").into_inner().drivers;
    assert_eq!(drivers.len(), 1);
    drivers[0].digest.clone()
}
