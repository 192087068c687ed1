//! Existing objects taken under management: looked at while planning, on record when the order is accepted. Nothing is changed by it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::contract::{Action, Answer, Call, Change, ErrorKind, Observed, Prior, Violation};
use crate::domain::document::ResourceEntry;
use crate::domain::json::pointer_push;
use crate::domain::name::{Key, Name, ResourceName};
use crate::domain::plan::{Plan, PlanRead, PlannedAction};
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, ExternalObject, Pin, Resource};
use crate::domain::secret::Fresh;
use crate::driver::Failure;
use crate::engine::asked::{Asked, read_made, refused, unfit};
use crate::engine::{Engine, Error};
use crate::policy;
use crate::secret::Sealer;
use crate::store::{Filter, Paging};

/// An object that is there, as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopting {
    pub observed: Observed,
    pub state_version: u32,
}

impl Adopting {
    pub fn external_id(&self) -> &str {
        &self.observed.object.external_id
    }

    pub fn prior(&self, config: &Value) -> Prior {
        let object = self.observed.object.clone();
        Prior {
            claim: crate::domain::contract::Claim { external_id: Some(object.external_id), state: object.state },
            params: self.observed.params.clone(),
            config: config.clone(),
            outputs: object.outputs,
        }
    }

    /// As a resource keeps it.
    pub fn object(&self, resource: &Resource, config: &Value, sealer: &Sealer<'_>) -> ExternalObject {
        let id = &resource.id;
        let object = &self.observed.object;
        ExternalObject {
            incarnation: resource.incarnation,
            claimed: true,
            external_id: Some(object.external_id.clone()),
            state: sealer.state(id, &object.state),
            state_version: self.state_version,
            applied: sealer.applied(id, &Desired::new(self.observed.params.clone(), config.clone())),
            outputs: sealer.outputs(id, &object.outputs),
            complete: true,
        }
    }
}

/// A resource and its object.
pub struct Holder {
    pub external_id: String,
    pub connections: BTreeMap<String, Name>,
    pub name: ResourceName,
}

/// Whether the entry takes over an object. What has one already keeps it.
pub fn adopts<'a>(
    key: &Key,
    entry: &'a ResourceEntry,
    existing: Option<&Resource>,
) -> Result<Option<&'a str>, Refusal> {
    let before = existing.and_then(|it| it.care.adopted.as_deref());
    let Some(wanted) = entry.adopt.as_deref() else {
        if entry.observe_only && before.is_none() {
            let message = format!("`{key}` is to be observed only, and says no object to `adopt`");
            return Err(Refusal::new(Reason::DocumentInvalid, message.clone())
                .hint("write `adopt: EXTERNAL-ID` beside it")
                .violations(vec![at(key, "observe-only", message)]));
        }
        return Ok(None);
    };
    let object = existing.and_then(|it| it.object.as_ref());
    match object {
        _ if before == Some(wanted) => Ok(None),
        None => Ok(Some(wanted)),
        Some(object) if object.external_id.as_deref() == Some(wanted) => Ok(None),
        Some(object) => {
            let has = object.external_id.as_deref().map_or("an object".to_owned(), |id| format!("object `{id}`"));
            let message = format!("`{key}` has {has} already, and cannot adopt `{wanted}` in its place");
            Err(Refusal::new(Reason::ReplacementRefused, message.clone())
                .hint("adopt it under a key of its own, or `vend release` this one first")
                .violations(vec![at(key, "adopt", message)]))
        }
    }
}

/// Who says which object is whose could take anything for their own: it takes what resolving a lost create takes.
pub fn may(principal: &Principal, plan: &Plan) -> Result<(), Refusal> {
    let Some(first) = plan.resources.iter().find(|it| it.action == PlannedAction::Adopt) else { return Ok(()) };
    policy::authorize(principal, policy::Action::OperationsResolve, &plan.order.to_string()).map_err(|denied| {
        let message = format!("{principal} may not take existing objects under management, as `{}` would", first.key);
        let violation = at(&first.key, "adopt", message.clone());
        Refusal::new(Reason::PolicyDenied, message).hint(denied.hint).violations(vec![violation])
    })
}

/// What an object has that is replaced, not changed, where the order says something else.
pub fn refuse_replacement(key: &Key, adopting: &Adopting, changes: &[Change]) -> Refusal {
    let forcing: Vec<_> = changes.iter().filter(|it| it.forces_replacement).map(|it| it.pointer.as_str()).collect();
    let message = format!(
        "`{key}` adopts `{}`, which differs from what is ordered in {}: that would replace it",
        adopting.external_id(),
        if forcing.is_empty() { "something".to_owned() } else { forcing.join(", ") }
    );
    Refusal::new(Reason::ReplacementRefused, message.clone())
        .hint("write the params as the object has them")
        .violations(vec![at(key, "adopt", message)])
}

/// What the object has and what is ordered, where its driver only says that it is to be completed.
pub fn differences(adopting: &Adopting, action: Action, desired: &Value) -> Vec<Change> {
    let (Action::Create, Some(wanted)) = (action, desired.as_object()) else { return Vec::new() };
    let has = |name: &String| adopting.observed.params.get(name).filter(|it| !it.is_null());
    let change = |(name, after): (&String, &Value)| {
        let before = has(name);
        (before != Some(after)).then(|| Change {
            pointer: pointer_push("/params", name),
            before: before.cloned(),
            after: Some(after.clone()),
            forces_replacement: false,
        })
    };
    wanted.iter().filter_map(change).collect()
}

fn at(key: &Key, member: &str, message: String) -> Violation {
    Violation { pointer: format!("/resources/{key}/{member}"), message }
}

impl Engine {
    /// Looks at the object that the entry names.
    pub(in crate::engine) async fn adopting(
        &self,
        asked: &Asked<'_>,
        pin: &Pin,
        external_id: &str,
        desired: &Desired,
        unknown: &[String],
        secrets: &[Fresh],
    ) -> Result<(Adopting, Vec<PlanRead>), Error> {
        let mut input = asked.input(self, desired.params.clone(), desired.config.clone(), None);
        input.unknown = unknown.to_vec();
        let call = Call::Adopt { input, external_id: external_id.to_owned() };
        let grants = self.stock.grants(pin, asked.offer.driver.description()).await?;
        let attempt = self.looking(call, grants.clone(), secrets, asked).await?;
        let report = asked.run(attempt).await?;
        let reads = report.rest.entries.iter().filter_map(|entry| read_made(entry, &grants)).collect();
        match report.result {
            Ok(Answer::Adopted(observed)) => {
                let state_version = asked.offer.driver.description().state_version;
                Ok((Adopting { observed, state_version }, reads))
            }
            Ok(other) => Err(unfit(asked, &format!("{other:?} to adopt")).into()),
            Err(failure) => Err(not_adopted(asked, external_id, &failure).into()),
        }
    }

    /// None of these objects has a resource already, and none is named twice.
    pub(in crate::engine) async fn nobody_has(&self, adopted: &[(Key, Name, Pin, String)]) -> Result<(), Error> {
        let mut seen: BTreeMap<(&Name, Vec<&Name>, &str), &Key> = BTreeMap::new();
        for (key, resource_type, pin, external_id) in adopted {
            let place = (resource_type, pin.connections.values().collect(), external_id.as_str());
            if let Some(other) = seen.insert(place, key) {
                return Err(taken(key, external_id, &format!("`{other}`")).into());
            }
        }
        let types: BTreeSet<&Name> = adopted.iter().map(|(_, resource_type, ..)| resource_type).collect();
        for resource_type in types {
            for holder in self.holders(resource_type).await? {
                let place = (resource_type, holder.connections.values().collect(), holder.external_id.as_str());
                if let Some(key) = seen.get(&place) {
                    return Err(taken(key, &holder.external_id, &holder.name.to_string()).into());
                }
            }
        }
        Ok(())
    }

    /// All resources of a type that have an object.
    pub(in crate::engine) async fn holders(&self, resource_type: &Name) -> Result<Vec<Holder>, Error> {
        let filter = Filter { resource_type: Some(resource_type.to_string()), ..Filter::default() };
        let all = self.store.resources(&filter, &Paging::all()).await?.items;
        let holder = |it: Resource| {
            let external_id = it.object?.external_id?;
            Some(Holder { external_id, connections: it.pin.connections, name: it.name })
        };
        Ok(all.into_iter().filter_map(holder).collect())
    }
}

/// The backend is not there before another resource is.
pub fn unreachable(key: &Key) -> Refusal {
    let message = format!("`{key}` adopts an object at a backend that is itself not made yet");
    Refusal::new(Reason::NotFound, message.clone())
        .hint("leave `adopt` out, or apply what makes the backend first")
        .violations(vec![at(key, "adopt", message)])
}

/// What a composite is made of has objects, not the composite.
pub fn of_parts(key: &Key, entry: &ResourceEntry) -> Result<(), Refusal> {
    let (member, word) = match (&entry.adopt, entry.observe_only) {
        (Some(_), _) => ("adopt", "adopt an object"),
        (None, true) => ("observe-only", "be observed only"),
        (None, false) => return Ok(()),
    };
    let message = format!("`{key}` is made of other resources, and cannot {word}");
    Err(Refusal::new(Reason::DocumentInvalid, message.clone())
        .hint("order its parts by themselves")
        .violations(vec![at(key, member, message)]))
}

fn taken(key: &Key, external_id: &str, holder: &str) -> Refusal {
    let message = format!("`{key}` adopts `{external_id}`, which {holder} has already");
    Refusal::new(Reason::AlreadyExists, message.clone())
        .hint("an object has one resource: refer to that, or release it there first")
        .violations(vec![at(key, "adopt", message)])
}

fn not_adopted(asked: &Asked<'_>, external_id: &str, failure: &Failure) -> Refusal {
    let key = asked.key;
    let described = asked.offer.driver.description();
    let (reason, message, hint) = match failure {
        Failure::Driver(error) if error.kind == ErrorKind::NotFound => (
            Reason::NotFound,
            format!("`{key}` adopts `{external_id}`, which is not there: {}", error.words()),
            "look for its id at the backend, or leave `adopt` out to have one made",
        ),
        Failure::Driver(error) if error.kind == ErrorKind::Unsupported => (
            Reason::VerbUnsupported,
            format!("`{key}`: driver `{}@{}` cannot adopt objects", described.name, described.version),
            "order a new one, or ask the driver's authors",
        ),
        Failure::Driver(error) if error.reason() == Reason::ForeignObjectExists => (
            Reason::ForeignObjectExists,
            format!("`{key}` adopts `{external_id}`, which is somebody else's: {}", error.words()),
            "whoever has labelled it has to let it go first",
        ),
        other => return refused(asked, other),
    };
    Refusal::new(reason, message.clone()).hint(hint).violations(vec![at(key, "adopt", message)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::Object;
    use crate::engine::testing::{name, object, resource};

    #[test]
    fn what_has_an_object_keeps_it() {
        let key = Key::from(name("db"));
        let entry = |more: Value| -> ResourceEntry {
            let mut value = json!({ "type": "thing" });
            value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value(value).expect("an entry")
        };
        let adopt = entry(json!({ "adopt": "x" }));
        let with = |id: Option<&str>, adopted: Option<&str>| {
            let mut it = resource();
            it.object = id.map(|id| ExternalObject { external_id: Some(id.into()), ..object(true, true) });
            it.care.adopted = adopted.map(str::to_owned);
            it
        };
        let found = |existing: Option<&Resource>| adopts(&key, &adopt, existing).map_err(|it| it.reason);
        assert_eq!(found(None), Ok(Some("x")));
        assert_eq!(found(Some(&with(None, None))), Ok(Some("x")), "its create has failed");
        assert_eq!(found(Some(&with(Some("x"), None))), Ok(None));
        assert_eq!(found(Some(&with(Some("y"), Some("x")))), Ok(None), "it was replaced since");
        assert_eq!(found(Some(&with(Some("y"), None))), Err(Reason::ReplacementRefused));
        let observed = entry(json!({ "observe-only": true }));
        assert_eq!(adopts(&key, &observed, None).map_err(|it| it.reason), Err(Reason::DocumentInvalid));
        assert_eq!(adopts(&key, &observed, Some(&with(Some("x"), Some("x")))).map_err(|it| it.reason), Ok(None));
    }

    #[test]
    fn not_everybody_says_which_object_is_whose() {
        use crate::domain::principal::Role;
        use crate::engine::plan::{Leaving, plan};
        let leaving = vec![Leaving { resource: resource(), driver: "d".into(), grace_ms: 0 }];
        let mut plan = plan(&crate::engine::testing::order_name(), Vec::new(), leaving, Vec::new()).expect("a plan");
        let who = |roles: &[Role]| Principal { name: "token:anna".into(), roles: roles.to_vec() };
        assert_eq!(may(&who(&[Role::Developer]), &plan), Ok(()), "it adopts nothing");
        plan.resources[0].action = PlannedAction::Adopt;
        let refused = may(&who(&[Role::Developer]), &plan).expect_err("denied");
        assert_eq!(refused.reason, Reason::PolicyDenied);
        assert!(refused.hint.contains("infra"), "{}", refused.hint);
        assert_eq!(refused.violations[0].pointer, "/resources/db/adopt");
        for roles in [&[Role::Developer, Role::Infra][..], &[Role::Admin]] {
            assert_eq!(may(&who(roles), &plan), Ok(()));
        }
    }

    #[test]
    fn what_is_to_be_completed_differs_in_what_it_shows() {
        let seen = Object { external_id: "x".into(), state: json!({}), outputs: json!({}) };
        let observed = Observed { object: seen, params: json!({ "name": "a", "size": 1 }) };
        let adopting = Adopting { observed, state_version: 1 };
        let pointers = |action| {
            let found = differences(&adopting, action, &json!({ "name": "a", "size": 2, "parts": 0 }));
            found.into_iter().map(|it| it.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers(Action::Create), ["/params/parts", "/params/size"]);
        assert!(pointers(Action::Update).is_empty(), "its driver says what differs");
    }
}
