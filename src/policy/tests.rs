//! The table of roles and actions, and that no call of the API is missing from it.

use prost::Message;

use super::{Action, authorize};
use crate::domain::principal::{Principal, Role};
use crate::domain::reason::Reason;

fn principal(roles: &[Role]) -> Principal {
    Principal { name: "token:test".into(), roles: roles.to_vec() }
}

fn check(action: Action, name: &str, expected: &str) {
    let letters =
        [(Role::Admin, 'a'), (Role::Platform, 'p'), (Role::Infra, 'i'), (Role::Developer, 'd'), (Role::Auditor, 'u')];
    let allowed: String = letters
        .into_iter()
        .filter(|(role, _)| authorize(&principal(&[*role]), action, name).is_ok())
        .map(|(_, letter)| letter)
        .collect();
    assert_eq!(allowed, expected, "{action} on `{name}`");
}

#[test]
fn every_call_of_the_api_has_its_action() {
    let set = prost_types::FileDescriptorSet::decode(crate::pb::DESCRIPTORS).expect("our own descriptors");
    let mut methods = Vec::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("vend.")) {
        for service in &file.service {
            for method in &service.method {
                methods.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    assert!(methods.len() > 25, "the walk found only {methods:?}");
    for method in &methods {
        assert!(Action::of_method(method).is_some(), "{method} has no action: list it in policy/action.rs");
    }
    for action in Action::ALL {
        assert!(methods.iter().any(|method| Action::of_method(method) == Some(*action)), "{action} belongs to no call");
    }
    assert_eq!(Action::of_method("/vend.v1.OrderService/Nonesuch"), None);
    assert_eq!(Action::of_method("/other.v1.OrderService/ApplyOrder"), None);
}

#[test]
fn roles_do_their_part() {
    for action in [Action::OrdersApply, Action::OrdersDelete, Action::ResourcesReveal] {
        check(action, "projects/shop/environments/dev/orders/checkout", "ad");
    }
    for action in [Action::DriversInstall, Action::DriversUninstall, Action::SecretsSet] {
        check(action, "pg-admin", "ai");
    }
    for action in [Action::OrdersGet, Action::OrdersList, Action::Watch, Action::CatalogGet, Action::SystemWhoAmI] {
        check(action, "projects/shop", "apidu");
    }
    for action in [Action::DriversPause, Action::DriversResume, Action::SystemPause, Action::SystemResume] {
        check(action, "", "ai");
    }
    for action in [Action::OrdersPause, Action::OrdersResume] {
        check(action, "projects/shop/environments/dev/orders/checkout", "apid");
    }
    check(Action::BackupsCreate, "", "a");
    check(Action::BackupsVerify, "", "ai");
    check(Action::AuditList, "", "au");
    check(Action::SecretsList, "", "aiu");
    check(Action::OperationsCancel, "op_x", "aid");
    check(Action::OperationsRetry, "op_x", "aid");
    check(Action::OperationsResolve, "op_x", "ai");
    check(Action::OrdersPlan, "", "apd");
    check(Action::ResourcesOutputs, "", "apd");
    check(Action::ResourcesRefresh, "", "apid");
    check(Action::ConnectionsCheck, "connections/pg", "api");
}

#[test]
fn who_changes_a_document_depends_on_its_kind() {
    let changes = [Action::DocumentsApply, Action::DocumentsDelete, Action::DocumentsPause, Action::DocumentsResume];
    for action in changes {
        check(action, "connections/pg-dev", "ai");
        check(action, "recipes/shared", "ap");
        check(action, "projects/shop/environments/dev", "ap");
    }
    check(Action::DocumentsApply, "projects/shop/environments/dev/orders/checkout", "ad");
    check(Action::DocumentsGet, "connections/pg-dev", "apiu");
    check(Action::DocumentsGet, "recipes/shared", "apidu");
    // Open to some name at all: asked before anything is parsed.
    check(Action::DocumentsApply, "", "apid");
    check(Action::DocumentsDelete, "", "api");
}

#[test]
fn without_a_role_nothing_is_allowed_and_the_hint_names_the_roles() {
    for action in Action::ALL {
        let refusal = authorize(&principal(&[]), *action, "x").expect_err("no role");
        assert_eq!(refusal.reason, Reason::PolicyDenied);
        assert!(refusal.hint.contains("admin"), "{}", refusal.hint);
    }
}

#[test]
fn roles_add_up() {
    let both = principal(&[Role::Auditor, Role::Developer]);
    assert!(authorize(&both, Action::AuditList, "").is_ok());
    assert!(authorize(&both, Action::OrdersApply, "x").is_ok());
    assert!(authorize(&both, Action::DriversInstall, "x").is_err());
}
