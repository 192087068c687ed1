//! Who gets in, and what each may do.

use prost::Message;
use tonic::Code;
use vend::domain::principal::Role;
use vend::domain::time::Timestamp;
use vend::pb;
use vend::policy::Action;

use crate::support::core::{Core, reason};

fn unary_methods() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(pb::DESCRIPTORS).expect("our own descriptors");
    let mut methods = Vec::new();
    for file in set.file.iter().filter(|file| file.package() == "vend.v1") {
        for service in &file.service {
            let unary = service.method.iter().filter(|it| !it.client_streaming() && !it.server_streaming());
            methods.extend(unary.map(|it| format!("/vend.v1.{}/{}", service.name(), it.name())));
        }
    }
    methods
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let core = Core::start().await;
    let expired = core.give(&[Role::Admin], Some(Timestamp::from_ms(1))).await;
    let unknown = format!("vend_{}", "A".repeat(43));
    let callers = [
        (core.with(None), "UNAUTHENTICATED"),
        (core.with(Some("")), "TOKEN_INVALID"),
        (core.with(Some("hunter2")), "TOKEN_INVALID"),
        (core.with(Some(&unknown)), "TOKEN_INVALID"),
        (core.with(Some(&expired)), "TOKEN_INVALID"),
    ];
    for (caller, expected) in callers {
        for method in unary_methods() {
            let status = caller.raw(&method, "").await.expect_err(&method);
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, expected), "{method}");
        }
    }
    core.stop().await;
}

#[tokio::test]
async fn each_call_is_open_to_the_roles_of_its_action_and_to_no_others() {
    let core = Core::start().await;
    let nobody = core.caller(&[]).await;
    for method in unary_methods() {
        let status = nobody.raw(&method, "").await.expect_err(&method);
        assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "POLICY_DENIED"), "{method}");
    }
    for role in Role::ALL {
        let caller = core.caller(&[role]).await;
        for method in unary_methods() {
            let action = Action::of_method(&method).expect("listed");
            let principal = vend::domain::principal::Principal { name: "x".into(), roles: vec![role] };
            let allowed = vend::policy::authorize(&principal, action, "").is_ok();
            let answer = caller.raw(&method, "").await;
            let denied = answer.as_ref().err().is_some_and(|status| status.code() == Code::PermissionDenied);
            assert_eq!(denied, !allowed, "{method} as {}: {answer:?}", role.as_str());
        }
    }
    core.stop().await;
}

#[tokio::test]
async fn a_denial_does_not_tell_whether_the_thing_exists() {
    let core = Core::start().await;
    let auditor = core.caller(&[Role::Auditor]).await;
    let mut answers = Vec::new();
    for name in ["projects/default", "projects/nonesuch"] {
        let request = pb::DeleteDocumentRequest { name: name.into(), etag: String::new() };
        let status = auditor.documents().delete_document(request).await.expect_err("denied");
        answers.push((status.code(), status.message().replace(name, "NAME")));
    }
    assert_eq!(answers[0], answers[1]);
    core.stop().await;
}

#[tokio::test]
async fn a_developer_applies_files_of_orders_only() {
    let core = Core::start().await;
    let developer = core.caller(&[Role::Developer]).await;
    let order = "apiVersion: vend/v1\nkind: Order\nname: checkout\nproject: default\nenvironment: dev\nresources: {}\n";
    let found = developer.apply(order).await.expect("named");
    assert_eq!(found[0].action(), pb::applied_document::Action::Order);
    assert_eq!(found[0].name, "projects/default/environments/dev/orders/checkout");
    let both = format!("{order}---\napiVersion: vend/v1\nkind: Project\nname: mine\n");
    let status = developer.apply(&both).await.expect_err("denied");
    assert_eq!(reason(&status), "POLICY_DENIED");
    core.stop().await;
}

#[tokio::test]
async fn whoami_tells_the_caller() {
    let core = Core::start().await;
    let answer = core.admin().system().who_am_i(pb::WhoAmIRequest {}).await.expect("known").into_inner();
    assert_eq!((answer.principal.as_str(), answer.roles), ("token:admin", vec!["admin".to_owned()]));
    let status = core.admin().system().get_status(pb::GetStatusRequest {}).await.expect("told").into_inner();
    assert!(status.core_id.starts_with("core_") && status.version == env!("CARGO_PKG_VERSION"));
    core.stop().await;
}
