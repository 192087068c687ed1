//! The built-in roles: what each may do.
//!
//! An administrator may do everything. Of the others, each does its own part of the machine's day: infra stocks it
//! (drivers, connections, secrets), the platform team defines its front (documents), developers press buttons (orders),
//! auditors look.

use crate::domain::principal::Role;

use super::action::Action;

/// Whether `role` may do `action` to `name`; an empty name stands for any.
pub fn allows(role: Role, action: Action, name: &str) -> bool {
    use Role::{Admin, Auditor, Developer, Infra, Platform};

    if role == Admin {
        return true;
    }
    match action {
        Action::SystemStatus | Action::SystemWhoAmI => true,
        Action::CatalogList | Action::CatalogGet | Action::CatalogMatch => true,
        Action::DriversList | Action::DriversGet => true,
        Action::OrdersGet | Action::OrdersList | Action::ResourcesGet | Action::ResourcesList => true,
        Action::OperationsGet | Action::OperationsList | Action::OperationsJournal | Action::Watch => true,
        // A connection says where backends are and who logs in to them.
        Action::DocumentsGet | Action::DocumentsList => role != Developer || !is_connection(name),
        // Whoever moves a connection's endpoint decides where its credentials are sent.
        Action::DocumentsDelete => document_role(name).is_none_or(|it| it == role) && matches!(role, Platform | Infra),
        // An order among documents is only checked and named: applying it is another call.
        Action::DocumentsApply => document_role(name).is_none_or(|it| it == role) && role != Auditor,
        // Who changes it also stops it. An order is stopped by whoever has to do with it.
        Action::DocumentsPause | Action::DocumentsResume => {
            document_role(name).is_none_or(|it| it == role) && matches!(role, Platform | Infra)
        }
        Action::OrdersPause | Action::OrdersResume => matches!(role, Developer | Platform | Infra),
        Action::ConnectionsCheck => matches!(role, Infra | Platform),
        Action::OrdersPlan => matches!(role, Developer | Platform),
        Action::OrdersApply | Action::OrdersDelete => role == Developer,
        // What makes resources is the business of those who stock the machine and define its front.
        Action::OrdersUpgrade => matches!(role, Platform | Infra),
        Action::ResourcesOutputs => matches!(role, Developer | Platform),
        // It asks a backend, at the cost of its limits.
        Action::ResourcesRefresh => matches!(role, Developer | Platform | Infra),
        // What else is at a backend is its owners' business: whoever adopts takes this role too.
        Action::ResourcesDiscover => role == Infra,
        // Who may have it deleted may let it go; who runs backends cleans up behind those that are gone.
        Action::ResourcesRelease => matches!(role, Developer | Infra),
        Action::ResourcesReveal => role == Developer,
        Action::OperationsCancel | Action::OperationsRetry => matches!(role, Developer | Infra),
        // Whoever says which object is whose could take anything for their own.
        Action::OperationsResolve => role == Infra,
        Action::DriversInstall | Action::DriversUninstall | Action::SecretsSet => role == Infra,
        // All that is known of anybody, if sealed.
        Action::BackupsCreate => false,
        Action::BackupsVerify => role == Infra,
        Action::DriversPause | Action::DriversResume | Action::SystemPause | Action::SystemResume => role == Infra,
        Action::SecretsList => matches!(role, Infra | Auditor),
        Action::AuditList => role == Auditor,
    }
}

/// The roles that may, for a hint.
pub fn who_may(action: Action, name: &str) -> Option<String> {
    let roles: Vec<_> = Role::ALL.into_iter().filter(|role| allows(*role, action, name)).map(Role::as_str).collect();
    (!roles.is_empty()).then(|| roles.join(", "))
}

/// Who changes the document called `name`; `None` if nobody in particular.
fn document_role(name: &str) -> Option<Role> {
    if name.is_empty() {
        return None;
    }
    if is_connection(name) {
        return Some(Role::Infra);
    }
    Some(if name.contains("/orders/") { Role::Developer } else { Role::Platform })
}

fn is_connection(name: &str) -> bool {
    name.starts_with("connections/")
}
