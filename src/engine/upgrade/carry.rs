//! An object gets into other hands: whether it can, and what its driver remembers of it in the form that the other one writes.

use serde_json::{Value, json};

use crate::domain::contract::{Answer, Call, Change, Prior};
use crate::domain::name::Key;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{ExternalObject, Pin, Resource};
use crate::engine::asked::{Asked, unfit};
use crate::engine::{Engine, Error};
use crate::stock::Offer;

/// Versions of a driver's state that an upgrade may lie behind.
const MOST_VERSIONS: u32 = 100;

/// What a resource was made with until now.
#[derive(Debug, Clone, PartialEq)]
pub struct Upgraded {
    /// `NAME@VERSION`; empty for a composite.
    pub driver: String,
    /// What is remembered of its object in the form of another version, and that version.
    pub state: Option<(Value, u32)>,
}

impl Upgraded {
    /// As the driver gets to see it that is to be at it.
    pub fn prior(it: Option<&Self>, mut prior: Prior) -> Prior {
        if let Some((state, _)) = it.and_then(|it| it.state.as_ref()) {
            prior.claim.state = state.clone();
        }
        prior
    }

    /// What changes on record; `driver` is the one from now on.
    pub fn changes(&self, before: &Pin, after: &Pin, driver: &str) -> Vec<Change> {
        let recipe = |pin: &Pin| json!(format!("{}@{}", pin.recipe, pin.recipe_revision));
        let mut all = vec![("/recipe".to_owned(), Some(recipe(before)), Some(recipe(after)))];
        if before.driver_digest != after.driver_digest {
            all.push(("/driver".to_owned(), Some(json!(self.driver)), Some(json!(driver))));
        }
        let slots = before
            .connections
            .keys()
            .chain(after.connections.keys().filter(|slot| !before.connections.contains_key(*slot)));
        for slot in slots {
            let of = |pin: &Pin| pin.connections.get(slot).map(|name| json!(name));
            all.push((format!("/connections/{slot}"), of(before), of(after)));
        }
        all.retain(|(_, before, after)| before != after);
        let change = |(pointer, before, after)| Change { pointer, before, after, forces_replacement: false };
        all.into_iter().map(change).collect()
    }
}

impl Engine {
    /// `asked`: with what is to make it from now on; `pin` likewise.
    pub(in crate::engine) async fn upgraded(
        &self,
        asked: &Asked<'_>,
        existing: &Resource,
        pin: &Pin,
    ) -> Result<Upgraded, Error> {
        let (key, recipe) = (asked.key, &asked.offer.recipe.meta.name);
        if existing.pin.is_composite() {
            return Err(
                other_kind(key, "is made of parts", &format!("recipe `{recipe}` makes it with a driver")).into()
            );
        }
        let old = self.stock.pinned(&existing.resource_type, &existing.pin).await?;
        let (was, is) = (old.driver.description(), asked.offer.driver.description());
        if was.name != is.name {
            let why = format!("recipe `{recipe}` makes it with driver `{}`", is.name);
            return Err(other_kind(key, &format!("is made by driver `{}`", was.name), &why).into());
        }
        if existing.former.is_some() {
            let message = format!("`{key}` has replaced an object that is still there");
            let hint = "apply its order, and upgrade when that has gone";
            return Err(Refusal::new(Reason::ConcurrentOperation, message).hint(hint).into());
        }
        let state = match &existing.object {
            Some(object) => {
                self.stays_where_it_is(key, &existing.pin, pin).await?;
                self.migrated(asked, existing, object, &old).await?
            }
            None => None,
        };
        Ok(Upgraded { driver: format!("{}@{}", was.name, was.version), state })
    }

    pub(in crate::engine) fn upgraded_parts(&self, key: &Key, existing: &Resource) -> Result<Upgraded, Refusal> {
        if !existing.pin.is_composite() {
            return Err(other_kind(key, "is made by a driver", "its recipe makes it of parts now"));
        }
        Ok(Upgraded { driver: String::new(), state: None })
    }

    /// Another connection must lead to the same backend: an object does not go from one to another.
    async fn stays_where_it_is(&self, key: &Key, before: &Pin, after: &Pin) -> Result<(), Error> {
        for (slot, connection) in &after.connections {
            let Some(was) = before.connections.get(slot) else { continue };
            let (filled_before, filled_after) = (before.filled.get(slot), after.filled.get(slot));
            if was == connection && filled_before == filled_after {
                continue;
            }
            if self.stock.identity(was, filled_before).await? != self.stock.identity(connection, filled_after).await? {
                let message = format!(
                    "`{key}` is at the backend that connection `{was}` leads to, and `{connection}` leads to another"
                );
                return Err(Refusal::new(Reason::ReplacementRefused, message)
                    .hint("order a new one beside it, move what uses it, then take this one out of its order")
                    .into());
            }
        }
        Ok(())
    }

    async fn migrated(
        &self,
        asked: &Asked<'_>,
        existing: &Resource,
        object: &ExternalObject,
        old: &Offer,
    ) -> Result<Option<(Value, u32)>, Error> {
        let (was, is) = (old.driver.description(), asked.offer.driver.description());
        let (from, to) = (was.state_version, is.state_version);
        if from == to || !object.claimed {
            return Ok(None);
        }
        let unable = |why: String| {
            let message = format!(
                "`{}`: {}@{} cannot take over from {}@{}, whose state is of version {from}, not {to}: {why}",
                asked.key, is.name, is.version, was.name, was.version
            );
            Error::from(
                Refusal::new(Reason::RecipeUnfit, message)
                    .hint("upgrade to a version in between first, if there is one"),
            )
        };
        if from.abs_diff(to) > MOST_VERSIONS {
            return Err(unable(format!("more than {MOST_VERSIONS} versions lie between them")));
        }
        // The newer of the two knows both forms.
        let by = if to > from { asked.offer } else { old };
        let Asked { order, key, class, id, apart, .. } = *asked;
        let by = Asked { order, key, class, offer: by, id, existing: asked.existing, apart };
        let mut state: Value = self.sealer_of(existing).open_state(&existing.id, &object.state)?;
        let mut version = from;
        while version != to {
            let next = if to > version { version + 1 } else { version - 1 };
            let resource_type = existing.resource_type.to_string();
            let call = Call::Migrate { resource_type, from_version: version, to_version: next, state };
            let attempt = self.looking(call, Default::default(), &[], &by).await?;
            state = match by.run(attempt).await?.result {
                Ok(Answer::Migrated(state)) => state,
                Ok(other) => return Err(unfit(&by, &format!("{other:?} to migrate")).into()),
                Err(failure) => return Err(unable(failure.to_string())),
            };
            version = next;
        }
        Ok(Some((state, to)))
    }
}

fn other_kind(key: &Key, is: &str, would_be: &str) -> Refusal {
    let message = format!("`{key}` {is}, and {would_be}");
    Refusal::new(Reason::ReplacementRefused, message)
        .hint("order a new one beside it, move what uses it, then take this one out of its order")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{name, resource};

    #[test]
    fn what_changes_on_record_is_told() {
        let before =
            Pin { connections: [("a".into(), name("one")), ("b".into(), name("two"))].into(), ..resource().pin };
        let upgraded = Upgraded { driver: "d@1.0.0".into(), state: None };
        let told = |after: &Pin| {
            let changes = upgraded.changes(&before, after, "d@2.0.0");
            let value = |value: Option<Value>| value.map_or_else(String::new, |it| it.to_string().replace('"', ""));
            changes
                .into_iter()
                .map(|it| format!("{} {} {}", it.pointer, value(it.before), value(it.after)))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&before), Vec::<String>::new());
        let recipe = format!("{}@{}", before.recipe, before.recipe_revision);
        let after = Pin {
            recipe_revision: before.recipe_revision + 1,
            driver_digest: "other".into(),
            connections: [("a".into(), name("one")), ("b".into(), name("three")), ("c".into(), name("four"))].into(),
            ..before.clone()
        };
        let next = format!("{}@{}", after.recipe, after.recipe_revision);
        let lines = [
            format!("/recipe {recipe} {next}"),
            "/driver d@1.0.0 d@2.0.0".into(),
            "/connections/b two three".into(),
            "/connections/c  four".into(),
        ];
        assert_eq!(told(&after), lines);
    }
}
