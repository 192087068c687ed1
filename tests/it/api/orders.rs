//! Orders as far as the API itself goes: places, names, request ids, etags. What drivers do is tested elsewhere.

use vend::pb;

use crate::support::core::{Caller, Core, reason, source};

fn order(head: &str) -> Option<pb::Source> {
    Some(source("order.yaml", &format!("apiVersion: vend/v1\nkind: Order\nname: checkout\n{head}resources: {{}}\n")))
}

async fn apply(caller: &Caller, request: pb::ApplyOrderRequest) -> Result<pb::ApplyOrderResponse, String> {
    caller.orders().apply_order(request).await.map(|it| it.into_inner()).map_err(|status| reason(&status))
}

fn here(source: Option<pb::Source>) -> pb::ApplyOrderRequest {
    pb::ApplyOrderRequest { source, project: "default".into(), environment: "dev".into(), ..Default::default() }
}

#[tokio::test]
async fn an_order_goes_to_the_one_place_that_file_and_call_agree_on() {
    let core = Core::start().await;
    let admin = core.admin();
    let nowhere = pb::ApplyOrderRequest { source: order(""), ..Default::default() };
    assert_eq!(apply(&admin, nowhere.clone()).await, Err("REQUEST_INVALID".into()));
    let disagree = here(order("project: other\n"));
    let status = admin.orders().apply_order(disagree).await.expect_err("disagree");
    assert_eq!(reason(&status), "DOCUMENT_INVALID");
    assert!(status.message().starts_with("order.yaml:4:"), "{}", status.message());
    let unknown = pb::ApplyOrderRequest { project: "nonesuch".into(), ..here(order("")) };
    assert_eq!(apply(&admin, unknown).await, Err("NOT_FOUND".into()));
    let unknown = pb::ApplyOrderRequest { environment: "nonesuch".into(), ..here(order("")) };
    assert_eq!(apply(&admin, unknown).await, Err("NOT_FOUND".into()));
    let none = here(Some(source("x.yaml", "apiVersion: vend/v1\nkind: Project\nname: shop\n")));
    assert_eq!(apply(&admin, none).await, Err("DOCUMENT_INVALID".into()));
    assert_eq!(apply(&admin, here(None)).await, Err("REQUEST_INVALID".into()));
    let other = pb::ApplyOrderRequest { order: "other".into(), ..here(order("")) };
    assert_eq!(apply(&admin, other).await, Err("REQUEST_INVALID".into()));
    core.stop().await;
}

#[tokio::test]
async fn a_request_id_is_good_for_one_content() {
    let core = Core::start().await;
    let admin = core.admin();
    let with = |head: &str, id: &str| pb::ApplyOrderRequest { request_id: id.into(), ..here(order(head)) };
    let first = apply(&admin, with("", "r1")).await.expect("accepted");
    let again = apply(&admin, with("", "r1")).await.expect("answered again");
    let id = |it: &pb::ApplyOrderResponse| it.operation.as_ref().map(|it| it.id.clone());
    assert!(id(&first).is_some());
    assert_eq!(id(&first), id(&again));
    assert_eq!(apply(&admin, with("title: Other\n", "r1")).await, Err("REQUEST_ID_REUSED".into()));
    assert_eq!(apply(&admin, with("", &"x".repeat(129))).await, Err("REQUEST_INVALID".into()));
    core.stop().await;
}

#[tokio::test]
async fn an_order_is_shown_listed_and_deleted_by_its_etag() {
    let core = Core::start().await;
    let admin = core.admin();
    let applied = apply(&admin, here(order("labels: { team: shop }\n"))).await.expect("accepted");
    let name = applied.order.expect("an order").name;
    let get = async || {
        let request = pb::GetOrderRequest { name: name.clone() };
        admin.orders().get_order(request).await.map(|it| it.into_inner().order.expect("an order"))
    };
    let shown = get().await.expect("there");
    let manifest: serde_json::Value = serde_json::from_str(&shown.manifest_json).expect("JSON");
    assert_eq!((manifest["kind"].as_str(), manifest["name"].as_str()), (Some("Order"), Some("checkout")));
    let listed = async |team: &str| {
        let labels = [("team".to_owned(), team.to_owned())].into();
        let request = pb::ListOrdersRequest { project: "default".into(), labels, ..Default::default() };
        admin.orders().list_orders(request).await.expect("listed").into_inner().orders.len()
    };
    assert_eq!((listed("shop").await, listed("other").await), (1, 0));

    let stale = pb::ApplyOrderRequest { etag: "\"99\"".into(), ..here(order("title: New\n")) };
    assert_eq!(apply(&admin, stale).await, Err("ETAG_MISMATCH".into()));
    let current = pb::ApplyOrderRequest { etag: get().await.expect("there").etag, ..here(order("title: New\n")) };
    apply(&admin, current).await.expect("accepted");

    let delete = async |etag: &str, allow_missing| {
        let request = pb::DeleteOrderRequest {
            name: name.clone(),
            etag: etag.into(),
            allow_missing,
            allow_destroy: true,
            ..Default::default()
        };
        admin.orders().delete_order(request).await.map(drop).map_err(|status| reason(&status))
    };
    assert_eq!(delete("\"99\"", false).await, Err("ETAG_MISMATCH".into()));
    assert_eq!(delete("", false).await, Ok(()));
    assert_eq!(reason(&get().await.expect_err("gone")), "NOT_FOUND");
    assert_eq!(delete("", false).await, Err("NOT_FOUND".into()));
    assert_eq!(delete("", true).await, Ok(()));
    core.stop().await;
}

#[tokio::test]
async fn names_and_ids_that_are_none_are_told_from_those_of_nothing() {
    let core = Core::start().await;
    let admin = core.admin();
    let nothing = "op_01arz3ndektsv4rrffq69g5fav";
    let get = async |id: &str| {
        let request = pb::GetOperationRequest { id: id.into() };
        admin.operations().get_operation(request).await.map(drop).map_err(|status| reason(&status))
    };
    assert_eq!(get("nonsense").await, Err("REQUEST_INVALID".into()));
    assert_eq!(get(nothing).await, Err("NOT_FOUND".into()));
    let wait = pb::WaitOperationRequest { id: nothing.into(), timeout: None };
    assert_eq!(reason(&admin.operations().wait_operation(wait).await.expect_err("none")), "NOT_FOUND");
    let outputs = pb::GetOutputsRequest { name: "projects/default/environments/dev/orders/x".into() };
    assert_eq!(reason(&admin.resources().get_outputs(outputs).await.expect_err("none")), "NOT_FOUND");
    let resource = pb::GetResourceRequest { name: "projects/default/environments/dev/orders/x".into() };
    assert_eq!(reason(&admin.resources().get_resource(resource).await.expect_err("an order")), "REQUEST_INVALID");
    let entry = pb::GetCatalogEntryRequest {
        project: "default".into(),
        environment: "dev".into(),
        resource_type: "nonesuch".into(),
        class: String::new(),
    };
    let status = admin.catalog().get_catalog_entry(entry).await.expect_err("no type");
    assert_eq!(reason(&status), "RESOURCE_TYPE_UNKNOWN");
    core.stop().await;
}
