//! Calls that are wrong as calls: who asks, the message itself, names, ids and page tokens.

use tonic::Code::{InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unimplemented};
use vend::domain::principal::Role;
use vend::domain::time::Timestamp;
use vend::pb;

use super::table::Table;

const GET: &str = "/vend.v1.OrderService/GetOrder";
const NO_OPERATION: &str = "op_01arz3ndektsv4rrffq69g5fav";

pub async fn rows(table: &mut Table) {
    tokens(table).await;
    messages(table).await;
    names(table).await;
    pages(table).await;
}

async fn tokens(table: &mut Table) {
    let expired = table.core.give(&[Role::Admin], Some(Timestamp::from_ms(1))).await;
    let unknown = format!("vend_{}", "A".repeat(43));
    let auditor = table.core.caller(&[Role::Auditor]).await;
    for (case, token, reason) in [
        ("token: none", None, "UNAUTHENTICATED"),
        ("token: malformed", Some("hunter2"), "TOKEN_INVALID"),
        ("token: unknown", Some(&*unknown), "TOKEN_INVALID"),
        ("token: expired", Some(&*expired), "TOKEN_INVALID"),
    ] {
        let caller = table.core.with(token);
        let words = ["authorization: Bearer vend_…"];
        table.refuses(case, Unauthenticated, reason, &words, caller.raw(GET, "")).await;
    }
    let delete = pb::DeleteDocumentRequest { name: "recipes/sqlite-files".into(), etag: String::new() };
    let call = async { auditor.documents().delete_document(delete).await };
    table
        .refuses("token: of a role that may not", PermissionDenied, "POLICY_DENIED", &["documents.delete"], call)
        .await;
}

async fn messages(table: &mut Table) {
    let admin = table.admin.clone();
    for (case, bytes) in [
        ("message: random bytes", &b"\xff\xff\xff"[..]),
        ("message: cut off", b"\x0a\x05ab"),
        ("message: no UTF-8", b"\x0a\x02\xff\xfe"),
    ] {
        let words = ["the message cannot be read"];
        table.refuses(case, InvalidArgument, "REQUEST_INVALID", &words, admin.raw(GET, bytes)).await;
    }
    let big = vec![0u8; vend::server::MESSAGE_BYTES + 1];
    let call = admin.raw("/vend.v1.DocumentService/ApplyDocuments", big);
    table.refuses("message: over 16 MiB", InvalidArgument, "REQUEST_INVALID", &["too large"], call).await;
    let call = admin.raw("/vend.v1.OrderService/Nonesuch", "");
    let words = ["no call `/vend.v1.OrderService/Nonesuch`", "vend version"];
    table.refuses("message: to no call of ours", Unimplemented, "VERB_UNSUPPORTED", &words, call).await;
    let nothing = pb::ApplyOrderRequest::default();
    let call = async { admin.orders().apply_order(nothing).await };
    table.refuses("message: without what is required", InvalidArgument, "REQUEST_INVALID", &["source"], call).await;
}

async fn names(table: &mut Table) {
    let admin = table.admin.clone();
    for (case, name, code, reason, words) in [
        (
            "name: of no order's form",
            "orders/standing",
            InvalidArgument,
            "REQUEST_INVALID",
            "projects/*/environments/*/orders/*",
        ),
        (
            "name: too long",
            &format!("projects/{}/environments/dev/orders/x", "p".repeat(64)),
            InvalidArgument,
            "REQUEST_INVALID",
            "1 to 63",
        ),
        ("name: of no order", "projects/default/environments/dev/orders/none", NotFound, "NOT_FOUND", "orders/none"),
    ] {
        let request = pb::GetOrderRequest { name: name.into() };
        let call = async { admin.orders().get_order(request).await };
        table.refuses(case, code, reason, &[words], call).await;
    }
    for (case, id, code, reason) in [
        ("operation: an id that is none", "op_1", InvalidArgument, "REQUEST_INVALID"),
        ("operation: an id of nothing", NO_OPERATION, NotFound, "NOT_FOUND"),
    ] {
        let request = pb::CancelOperationRequest { id: id.into() };
        let call = async { admin.operations().cancel_operation(request).await };
        table.refuses(case, code, reason, &[id], call).await;
        let request = pb::RetryOperationRequest { id: id.into() };
        let call = async { admin.operations().retry_operation(request).await };
        table.refuses(&format!("{case}, to retry"), code, reason, &[id], call).await;
        let resolution = Some(pb::resolve_operation_request::Resolution::Afresh(()));
        let request = pb::ResolveOperationRequest { id: id.into(), resolution, ..Default::default() };
        let call = async { admin.operations().resolve_operation(request).await };
        table.refuses(&format!("{case}, to resolve"), code, reason, &[id], call).await;
    }
    let request = pb::ResolveOperationRequest { id: NO_OPERATION.into(), ..Default::default() };
    let call = async { admin.operations().resolve_operation(request).await };
    table.refuses("resolve: with nothing", InvalidArgument, "REQUEST_INVALID", &["afresh, or adopt"], call).await;
    let secret = pb::SetSecretRequest { name: "No Name".into(), value: "x".into() };
    let call = async { admin.secrets().set_secret(secret).await };
    table.refuses("secret: a bad name", InvalidArgument, "REQUEST_INVALID", &["1 to 63"], call).await;
    let secret = pb::SetSecretRequest { name: "empty".into(), value: String::new() };
    let call = async { admin.secrets().set_secret(secret).await };
    table.refuses("secret: an empty value", InvalidArgument, "REQUEST_INVALID", &["1 to 65536 bytes"], call).await;
}

async fn pages(table: &mut Table) {
    let admin = table.admin.clone();
    let list = pb::ListOrdersRequest { project: "default".into(), ..Default::default() };
    let documents = pb::ListDocumentsRequest { kind: "Recipe".into(), page_size: 1, ..Default::default() };
    let listed = admin.documents().list_documents(documents).await.expect("listed").into_inner();
    assert!(!listed.next_page_token.is_empty());
    for (case, page_size, page_token, words) in [
        ("page: a token that is none", 0, "AAAA".to_owned(), "page_token"),
        ("page: a token of another list", 0, listed.next_page_token, "same filter"),
        ("page: a size below zero", -1, String::new(), "page_size is -1"),
    ] {
        let request = pb::ListOrdersRequest { page_size, page_token, ..list.clone() };
        let call = async { admin.orders().list_orders(request).await };
        table.refuses(case, InvalidArgument, "REQUEST_INVALID", &[words], call).await;
    }
}
