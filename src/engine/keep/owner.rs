//! Who an order belongs to: whoever applies it first, from where that was. Pure.

use crate::domain::order::Order;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

/// `source`: where it is applied from now; empty if nobody says.
pub fn check(order: Option<&Order>, source: &str, principal: &Principal, take_over: bool) -> Result<(), Refusal> {
    let Some(order) = order else { return Ok(()) };
    if take_over || source.is_empty() || order.source.is_empty() || order.source == source {
        return Ok(());
    }
    let message = format!(
        "order `{}` is applied from `{}` (by {}), and this is `{source}` (by {})",
        order.name.order, order.source, order.principal, principal.name
    );
    Err(Refusal::new(Reason::OrderConflict, message)
        .hint("change it there; or give `--take-over`, after which it belongs here"))
}

/// Where the order is applied from afterwards.
pub fn after(order: Option<&Order>, source: &str) -> String {
    if source.is_empty() { order.map_or_else(String::new, |it| it.source.clone()) } else { source.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::Role;
    use crate::engine::testing::order;

    #[test]
    fn another_source_is_told_of_the_first() {
        let bob = Principal { name: "token:bob".into(), roles: vec![Role::Developer] };
        for (before, now, take_over, refused) in [
            ("", "a", false, false),
            ("a", "a", false, false),
            ("a", "b", false, true),
            ("a", "b", true, false),
            ("a", "", false, false),
        ] {
            let order = Order { source: before.into(), ..order() };
            let checked = check(Some(&order), now, &bob, take_over);
            assert_eq!(checked.is_err(), refused, "{before} {now}");
            if let Err(refusal) = checked {
                assert_eq!(refusal.reason, Reason::OrderConflict);
                let words = ["`a`", "`b`", "token:admin", "token:bob"];
                assert!(words.iter().all(|word| refusal.message.contains(word)), "{}", refusal.message);
                assert!(refusal.hint.contains("--take-over"), "{}", refusal.hint);
            }
        }
        assert_eq!(check(None, "b", &bob, false), Ok(()));
        assert_eq!(after(Some(&Order { source: "a".into(), ..order() }), ""), "a");
        assert_eq!(after(None, "b"), "b");
    }
}
