//! What is on record of how a resource is to be treated: what changes of it, and what it forbids. Pure.

use serde_json::{Value, json};

use crate::domain::care::Care;
use crate::domain::contract::{Change, Violation};
use crate::domain::name::{Key, SharedId};
use crate::domain::plan::PlannedAction;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

/// Protection is lifted by an apply that does nothing else to the resource.
pub fn forbids(care: &Care, before: Option<&Care>, action: PlannedAction) -> bool {
    let lost = matches!(action, PlannedAction::Delete | PlannedAction::Replace | PlannedAction::Release);
    lost && (care.protect || before.is_some_and(|it| it.protect))
}

/// `forbidden`: protected resources, and what was to be done to them.
pub fn refuse(forbidden: &[(Key, PlannedAction)]) -> Result<(), Refusal> {
    let [(key, action), more @ ..] = forbidden else { return Ok(()) };
    let mut message = format!("`{key}` is protected, and this would {} it", action.as_str());
    if !more.is_empty() {
        let names: Vec<_> = more.iter().take(5).map(|(key, action)| format!("{} `{key}`", action.as_str())).collect();
        let rest = if more.len() > names.len() { ", …" } else { "" };
        message.push_str(&format!("; also {}{rest}", names.join(", ")));
    }
    let violation = |(key, action): &(Key, PlannedAction)| Violation {
        pointer: format!("/resources/{key}"),
        message: format!("`{key}` is protected: it is not to {}", action.as_str()),
    };
    Err(Refusal::new(Reason::ResourceProtected, message)
        .hint(format!("to lift that, apply the order with `protect: false` at `{key}`; then ask again"))
        .violations(forbidden.iter().map(violation).collect()))
}

/// What changes on record only. `name`: the former one and the new one, if it is renamed; `ids`: likewise, those that it is shared under.
pub fn recorded(
    care: &Care,
    before: &Care,
    name: Option<(&str, &str)>,
    ids: (Option<&SharedId>, Option<&SharedId>),
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut put = |pointer: &str, before: Value, after: Value| {
        if before != after {
            let some = |value: Value| Some(value).filter(|value| !value.is_null());
            let (before, after) = (some(before), some(after));
            changes.push(Change { pointer: pointer.to_owned(), before, after, forces_replacement: false });
        }
    };
    if let Some((before, after)) = name {
        put("/name", json!(before), json!(after));
    }
    put("/id", json!(ids.0), json!(ids.1));
    put("/protect", json!(before.protect), json!(care.protect));
    put("/on-remove", json!(before.on_remove), json!(care.on_remove));
    put("/observe-only", json!(before.observe_only), json!(care.observe_only));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::care::OnRemove;

    #[test]
    fn what_is_protected_neither_goes_nor_is_replaced() {
        use PlannedAction::{Create, Delete, None as Nothing, Record, Release, Replace, Update};
        let guarded = Care { protect: true, ..Care::default() };
        let free = Care::default();
        for (action, lost) in [
            (Nothing, false),
            (Create, false),
            (Update, false),
            (Record, false),
            (Replace, true),
            (Delete, true),
            (Release, true),
        ] {
            assert_eq!(forbids(&guarded, None, action), lost, "{action:?}");
            assert_eq!(forbids(&free, Some(&guarded), action), lost, "lifted in the same breath: {action:?}");
            assert!(!forbids(&free, Some(&free), action), "{action:?}");
        }
    }

    #[test]
    fn a_refusal_names_them_and_says_how_to_lift_it() {
        let key = |text: &str| Key::parse(text).expect("a key");
        let refusal = refuse(&[(key("db"), PlannedAction::Delete), (key("dns"), PlannedAction::Replace)]);
        let refusal = refusal.expect_err("refused");
        assert_eq!(refusal.reason, Reason::ResourceProtected);
        assert_eq!(refusal.message, "`db` is protected, and this would delete it; also replace `dns`");
        assert!(refusal.hint.contains("`protect: false`"), "{}", refusal.hint);
        assert_eq!(refusal.violations[1].pointer, "/resources/dns");
        assert_eq!(refuse(&[]), Ok(()));
    }

    #[test]
    fn what_changes_on_record_is_told() {
        let before = Care::default();
        let after = Care { protect: true, on_remove: OnRemove::Retain, observe_only: true, adopted: Some("x".into()) };
        let id = SharedId::new("company.db").expect("an id");
        let pointers = |changes: Vec<Change>| changes.into_iter().map(|it| it.pointer).collect::<Vec<_>>();
        assert_eq!(
            pointers(recorded(&after, &before, Some(("a", "b")), (None, Some(&id)))),
            ["/name", "/id", "/protect", "/on-remove", "/observe-only"]
        );
        assert_eq!(recorded(&after, &after, None, (Some(&id), Some(&id))), []);
    }
}
