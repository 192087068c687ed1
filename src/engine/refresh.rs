//! How a resource is at its backend, right now: asked, compared, told. Nothing is changed, and nothing is kept.

use serde_json::Value;

use crate::domain::contract::{Answer, Call, Change, Observation};
use crate::domain::json::pointer_push;
use crate::domain::resource::{Desired, ExternalObject, Resource};

use super::survey::{Asked, refused, unfit};
use super::{Engine, Error};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Ready,
    /// There, and not in working order.
    Unready,
    /// For certain not there.
    Absent,
    /// Nothing was made yet.
    Unmade,
}

impl Presence {
    pub fn as_str(self) -> &'static str {
        match self {
            Presence::Ready => "ready",
            Presence::Unready => "unready",
            Presence::Absent => "absent",
            Presence::Unmade => "unmade",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Refreshed {
    pub presence: Presence,
    /// What is observed and differs from what was applied. `before`: as applied.
    pub drift: Vec<Change>,
}

impl Engine {
    /// Asks the driver. An error means inconclusive, never absent.
    pub async fn refresh(&self, resource: &Resource) -> Result<Refreshed, Error> {
        match resource.object.as_ref().filter(|object| object.claimed) {
            // Its parts are at a backend, and asked about on their own.
            Some(_) if resource.pin.is_composite() => Ok(Refreshed { presence: Presence::Ready, drift: Vec::new() }),
            Some(object) => self.refreshed(resource, object).await,
            None => Ok(Refreshed { presence: Presence::Unmade, drift: Vec::new() }),
        }
    }

    /// Of the current object of a resource, or the one it replaces.
    pub(super) async fn refreshed(&self, resource: &Resource, object: &ExternalObject) -> Result<Refreshed, Error> {
        let offer = self.stock.pinned(&resource.resource_type, &resource.pin).await?;
        let prior = self.prior(resource, object)?;
        let what = Desired::new(prior.params.clone(), prior.config.clone());
        let applied = prior.params.clone();
        let call = Call::Read(self.input(resource, object.incarnation, what, Some(prior)));
        let grants = self.stock.grants(&resource.pin, offer.driver.description()).await?;
        let (order, key, id) = (&resource.name.order, &resource.name.key, &resource.id);
        let class = resource.class.as_ref();
        let asked = Asked { order, key, class, offer: &offer, id, existing: Some(resource), apart: false };
        let attempt = self.looking(call, grants, &[], &asked).await?;
        match offer.driver.run(attempt).await.result {
            Ok(Answer::Observed(observation)) => Ok(compare(&applied, observation)),
            Ok(other) => Err(unfit(&asked, &format!("{other:?} to read")).into()),
            Err(failure) => Err(refused(&asked, &failure).into()),
        }
    }
}

fn compare(applied: &Value, observation: Observation) -> Refreshed {
    let (presence, observed) = match observation {
        Observation::Absent => return Refreshed { presence: Presence::Absent, drift: Vec::new() },
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
        (Some(applied), observed) if applied == observed => {}
        (Some(Value::Object(applied)), Value::Object(observed)) => {
            for (name, value) in observed {
                differences(&pointer_push(pointer, name), applied.get(name), value, found);
            }
        }
        _ => found.push(Change {
            pointer: pointer.to_owned(),
            before: applied.cloned(),
            after: Some(observed.clone()),
            forces_replacement: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::{Object, Observed};

    #[test]
    fn what_is_observed_and_differs_is_drift() {
        let applied = json!({ "name": "a", "limit": 5, "more": { "x": 1, "y": 2 }, "list": [1, 2] });
        let cases = [
            (json!({}), vec![]),
            (json!({ "name": "a", "limit": 5 }), vec![]),
            (json!({ "limit": 6 }), vec!["/params/limit"]),
            (json!({ "more": { "x": 1, "y": 3 } }), vec!["/params/more/y"]),
            (json!({ "list": [2, 1] }), vec!["/params/list"]),
            (json!({ "new": true }), vec!["/params/new"]),
        ];
        for (params, expected) in cases {
            let object = Object { external_id: "x".into(), state: json!({}), outputs: json!({}) };
            let refreshed = compare(&applied, Observation::Ready(Observed { object, params: params.clone() }));
            let pointers: Vec<_> = refreshed.drift.iter().map(|it| it.pointer.as_str()).collect();
            assert_eq!((refreshed.presence, pointers), (Presence::Ready, expected), "{params}");
        }
        assert_eq!(compare(&applied, Observation::Absent).presence, Presence::Absent);
    }
}
