//! What a driver has observed against what was applied. Pure, and only over what is observed: drivers answer in normal form, so that
//! another spelling of the same is no difference; a secret is its handle on both sides.

use serde_json::{Number, Value};

use crate::domain::contract::{Change, Observation};
use crate::domain::json::pointer_push;
use crate::domain::observation::Presence;

#[derive(Debug, Clone, PartialEq)]
pub struct Refreshed {
    pub presence: Presence,
    /// What is observed and differs from what was applied. `before`: as applied.
    pub drift: Vec<Change>,
}

impl Refreshed {
    pub fn bare(presence: Presence) -> Self {
        Self { presence, drift: Vec::new() }
    }
}

/// `applied`: params.
pub fn compare(applied: &Value, observation: Observation) -> Refreshed {
    let (presence, observed) = match observation {
        Observation::Absent => return Refreshed::bare(Presence::Absent),
        Observation::Ready(observed) => (Presence::Ready, observed),
        Observation::Unready(observed) => (Presence::Unready, observed),
    };
    let mut drift = Vec::new();
    differences("/params", Some(applied), &observed.params, &mut drift);
    Refreshed { presence, drift }
}

/// Members that are not observed say nothing; lists are compared whole.
fn differences(pointer: &str, applied: Option<&Value>, observed: &Value, found: &mut Vec<Change>) {
    match (applied, observed) {
        (Some(Value::Object(applied)), Value::Object(observed)) => {
            for (name, value) in observed {
                differences(&pointer_push(pointer, name), applied.get(name), value, found);
            }
        }
        (applied, observed) if same(applied, observed) => {}
        _ => found.push(Change {
            pointer: pointer.to_owned(),
            before: applied.cloned(),
            after: Some(observed.clone()),
            forces_replacement: false,
        }),
    }
}

/// Nothing is nothing, whether it is written down or not; 1.0 is 1.
fn same(applied: Option<&Value>, observed: &Value) -> bool {
    match (applied, observed) {
        (None, observed) => observed.is_null(),
        (Some(Value::Number(applied)), Value::Number(observed)) => applied == observed || equal(applied, observed),
        (Some(Value::Array(applied)), Value::Array(observed)) => {
            applied.len() == observed.len() && applied.iter().zip(observed).all(|(one, other)| same(Some(one), other))
        }
        (Some(Value::Object(applied)), Value::Object(observed)) => {
            applied.len() == observed.len() && observed.iter().all(|(name, value)| same(applied.get(name), value))
        }
        (Some(applied), observed) => applied == observed,
    }
}

/// One of them is written with a fraction. Where that cannot tell whole numbers apart, it does not count.
fn equal(one: &Number, other: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |it: &Number| it.is_i64() || it.is_u64();
    if whole(one) && whole(other) {
        return false;
    }
    one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one == other && one.abs() < EXACT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::{Object, Observed};

    #[test]
    fn what_is_observed_and_differs_is_drift() {
        let applied = json!({
            "name": "a", "limit": 5, "more": { "x": 1, "y": 2 }, "list": [1, 2], "ratio": 1.5, "note": null,
            "password": "vendsecret_aaaa",
        });
        let cases = [
            (json!({}), vec![]),
            (json!({ "name": "a", "limit": 5 }), vec![]),
            (json!({ "limit": 6 }), vec!["/params/limit"]),
            (json!({ "limit": 5.0 }), vec![]),
            (json!({ "limit": "5" }), vec!["/params/limit"]),
            (json!({ "ratio": 1.5 }), vec![]),
            (json!({ "more": { "x": 1, "y": 3 } }), vec!["/params/more/y"]),
            (json!({ "more": { "y": 2 } }), vec![]),
            (json!({ "more": null }), vec!["/params/more"]),
            (json!({ "list": [2, 1] }), vec!["/params/list"]),
            (json!({ "list": [1, 2.0] }), vec![]),
            (json!({ "list": [1] }), vec!["/params/list"]),
            (json!({ "new": true }), vec!["/params/new"]),
            (json!({ "new": null, "note": null }), vec![]),
            (json!({ "note": "x" }), vec!["/params/note"]),
            (json!({ "password": "vendsecret_aaaa" }), vec![]),
            (json!({ "password": "vendsecret_bbbb" }), vec!["/params/password"]),
        ];
        for (params, expected) in cases {
            let object = Object { external_id: "x".into(), state: json!({}), outputs: json!({}) };
            let refreshed = compare(&applied, Observation::Ready(Observed { object, params: params.clone() }));
            let pointers: Vec<_> = refreshed.drift.iter().map(|it| it.pointer.as_str()).collect();
            assert_eq!((refreshed.presence, pointers), (Presence::Ready, expected), "{params}");
        }
        assert_eq!(compare(&applied, Observation::Absent).presence, Presence::Absent);
    }

    #[test]
    fn large_numbers_that_differ_are_different() {
        let one = json!(9_007_199_254_740_993_u64);
        assert!(!same(Some(&one), &json!(9_007_199_254_740_992_u64)));
        assert!(same(Some(&one), &one));
    }
}
