//! Documents through the API.

use tonic_types::StatusExt;
use vend::pb;
use vend::pb::applied_document::Action;

use crate::support::core::{Core, reason, source};

const SHOP: &str = "apiVersion: vend/v1\nkind: Project\nname: shop\n---\napiVersion: vend/v1\nkind: Environment\nname: dev\nproject: shop\ntype: development\n";

#[tokio::test]
async fn documents_are_applied_once_shown_and_deleted_by_etag() {
    let core = Core::start().await;
    let admin = core.admin();
    let actions = |found: Vec<pb::AppliedDocument>| found.iter().map(|it| it.action()).collect::<Vec<_>>();
    assert_eq!(actions(admin.apply(SHOP).await.expect("made")), [Action::Created, Action::Created]);
    assert_eq!(actions(admin.apply(SHOP).await.expect("there")), [Action::Unchanged, Action::Unchanged]);

    let get = async |name: &str| {
        let request = pb::GetDocumentRequest { name: name.into() };
        admin.documents().get_document(request).await.map(|it| it.into_inner().document.expect("a document"))
    };
    let shop = get("projects/shop").await.expect("there");
    assert_eq!((shop.kind.as_str(), shop.revision, shop.etag.as_str()), ("Project", 1, "\"1\""));
    let manifest: serde_json::Value = serde_json::from_str(&shop.manifest_json).expect("JSON");
    assert_eq!(manifest["apiVersion"], "vend/v1");
    assert_eq!(manifest["kind"], "Project");
    let again = admin.apply(&shop.manifest_json).await.expect("what is shown can be applied");
    assert_eq!(actions(again), [Action::Unchanged]);

    let delete = async |name: &str, etag: &str| {
        let request = pb::DeleteDocumentRequest { name: name.into(), etag: etag.into() };
        admin.documents().delete_document(request).await.map(drop).map_err(|status| reason(&status))
    };
    assert_eq!(delete("projects/shop", "").await, Err("NOT_EMPTY".into()));
    assert_eq!(delete("projects/shop/environments/dev", "\"7\"").await, Err("ETAG_MISMATCH".into()));
    assert_eq!(delete("projects/shop/environments/dev", "7").await, Err("REQUEST_INVALID".into()));
    assert_eq!(delete("projects/shop/environments/dev", "\"1\"").await, Ok(()));
    assert_eq!(delete("projects/shop/environments/dev", "").await, Err("NOT_FOUND".into()));
    assert_eq!(delete("projects/shop", "").await, Ok(()));
    assert_eq!(reason(&get("projects/shop").await.expect_err("gone")), "NOT_FOUND");
    core.stop().await;
}

#[tokio::test]
async fn every_problem_of_every_file_is_told_with_its_place_and_nothing_is_applied() {
    let core = Core::start().await;
    let sources = vec![
        source("good.yaml", SHOP),
        source("bad.yaml", "apiVersion: vend/v1\nkind: Project\nname: UPPER\n"),
        source("worse.yaml", "apiVersion: vend/v1\nkind: Environment\nname: x\nprojct: shop\n"),
    ];
    let request = pb::ApplyDocumentsRequest { sources, ..Default::default() };
    let status = core.admin().documents().apply_documents(request).await.expect_err("wrong");
    assert_eq!(reason(&status), "DOCUMENT_INVALID");
    let details = status.get_error_details();
    let fields: Vec<_> =
        details.bad_request().expect("violations").field_violations.iter().map(|it| &*it.field).collect();
    assert!(fields.contains(&"bad.yaml:3:7"), "{fields:?}");
    assert!(fields.contains(&"worse.yaml:4:1"), "{fields:?}");
    let request = pb::GetDocumentRequest { name: "projects/shop".into() };
    let status = core.admin().documents().get_document(request).await.expect_err("not applied");
    assert_eq!(reason(&status), "NOT_FOUND");
    core.stop().await;
}

#[tokio::test]
async fn what_is_only_validated_changes_nothing() {
    let core = Core::start().await;
    let request =
        pb::ApplyDocumentsRequest { sources: vec![source("a", SHOP)], validate_only: true, ..Default::default() };
    let answer = core.admin().documents().apply_documents(request).await.expect("valid").into_inner();
    assert_eq!(answer.documents.len(), 2);
    let request = pb::GetDocumentRequest { name: "projects/shop".into() };
    let status = core.admin().documents().get_document(request).await.expect_err("not applied");
    assert_eq!(reason(&status), "NOT_FOUND");
    core.stop().await;
}

#[tokio::test]
async fn orders_among_documents_are_named_at_their_place() {
    let core = Core::start().await;
    let order = "apiVersion: vend/v1\nkind: Order\nname: checkout\nresources: {}\n";
    let sources = vec![source("order.yaml", order), source("shop.yaml", SHOP)];
    let request = pb::ApplyDocumentsRequest {
        sources,
        project: "default".into(),
        environment: "dev".into(),
        ..Default::default()
    };
    let found = core.admin().documents().apply_documents(request).await.expect("applied").into_inner().documents;
    let shown: Vec<_> = found.iter().map(|it| (it.action(), it.source, it.name.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Action::Order, 0, "projects/default/environments/dev/orders/checkout"),
            (Action::Created, 1, "projects/shop"),
            (Action::Created, 1, "projects/shop/environments/dev"),
        ]
    );
    core.stop().await;
}

#[tokio::test]
async fn secrets_go_in_and_only_their_names_come_out() {
    let core = Core::start().await;
    let set = async |name: &str, value: String| {
        let request = pb::SetSecretRequest { name: name.into(), value };
        core.admin().secrets().set_secret(request).await.map(|it| it.into_inner().secret).map_err(|it| reason(&it))
    };
    let secret = set("pg-admin", "hunter2".into()).await.expect("set").expect("a secret");
    assert_eq!((secret.name.as_str(), secret.revision), ("pg-admin", 1));
    assert_eq!(set("pg-admin", "hunter3".into()).await.expect("set").expect("a secret").revision, 2);
    assert_eq!(set("pg-admin", String::new()).await, Err("REQUEST_INVALID".into()));
    assert_eq!(set("pg-admin", "x".repeat((64 << 10) + 1)).await, Err("REQUEST_INVALID".into()));
    assert_eq!(set("No Name", "x".into()).await, Err("REQUEST_INVALID".into()));
    let list = core.admin().secrets().list_secrets(pb::ListSecretsRequest::default()).await.expect("listed");
    assert_eq!(list.get_ref().secrets.len(), 1);
    assert!(!format!("{list:?}").contains("hunter"));
    core.stop().await;
}
