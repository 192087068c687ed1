//! What entries say of a resource that they share: the same, or nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::contract::Violation;
use crate::domain::document::{OrderManifest, ResourceEntry};
use crate::domain::json::pointer_push;
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Resource};
use crate::engine::asked::Asked;
use crate::engine::graph::outputs::Known;
use crate::engine::graph::params::hidden;
use crate::engine::keep::grace;
use crate::engine::view::mask;
use crate::engine::{Engine, Error};

use super::{Home, Sharing, at};

/// An alias of another order's resource, held against that.
struct Said {
    known: Arc<Known>,
    /// Its params with handles for secrets, if it says any.
    params: Option<Value>,
}

impl Engine {
    /// The order without aliases. Its homes say what their aliases in it do, and what nobody says stays as it is.
    pub(in crate::engine) fn said_together<'a>(
        &self,
        manifest: &'a OrderManifest,
        sharing: &Sharing,
        existing: &BTreeMap<Key, Resource>,
    ) -> Result<Cow<'a, OrderManifest>, Error> {
        if manifest.resources.values().all(|entry| entry.id.is_none()) {
            return Ok(Cow::Borrowed(manifest));
        }
        let mut whole = manifest.clone();
        whole.resources.retain(|name, _| !sharing.aliases.contains_key(&Key::from(name)));
        for (name, entry) in &manifest.resources {
            let key = Key::from(name);
            let Some(Home::Here(home)) = sharing.aliases.get(&key).map(|it| &it.home) else { continue };
            let into = Name::new(home.as_str()).ok().and_then(|home| whole.resources.get_mut(&home));
            if let Some(into) = into {
                join(&key, home, entry, into)?;
            }
        }
        for (name, entry) in whole.resources.iter_mut().filter(|(_, entry)| entry.id.is_some()) {
            let Some(resource) = existing.get(&Key::from(name)).filter(|it| it.shared.is_some()) else { continue };
            entry.on_remove.get_or_insert(resource.care.on_remove);
            if entry.params.is_none() {
                entry.params = self.desired_of(resource)?.said;
            }
        }
        Ok(Cow::Owned(whole))
    }

    /// What others of the order may count on of resources of other orders, by their aliases. Their params are kept in `manifest` as those of
    /// all entries are.
    pub(in crate::engine) async fn shared_elsewhere(
        &self,
        manifest: &mut OrderManifest,
        sharing: &Sharing,
    ) -> Result<BTreeMap<Key, Arc<Known>>, Error> {
        let mut known = BTreeMap::new();
        for (key, shared) in &sharing.aliases {
            let Home::Elsewhere(home, _) = &shared.home else { continue };
            let entry = Name::new(key.as_str()).ok().and_then(|name| manifest.resources.get_mut(&name));
            let Some(entry) = entry else { continue };
            let said = self.said_of(key, entry, home).await?;
            entry.params = said.params;
            known.insert(key.clone(), said.known);
        }
        Ok(known)
    }

    /// Held against another order's resource.
    async fn said_of(&self, key: &Key, entry: &ResourceEntry, home: &Resource) -> Result<Said, Error> {
        let open = self.store.open_operations(&home.id).await?;
        if let Some(deletion) = open.iter().find(|it| it.verb.removes()) {
            let message = format!("`{key}` is `{}`, which is being deleted", home.name.short());
            let hint = match grace::is_kept(deletion) {
                true => format!("it is kept until {}: `vend cancel {}`, then apply again", deletion.due, deletion.id),
                false => "wait until it is gone, then apply again".to_owned(),
            };
            let violation = at(key, "id", message.clone());
            return Err(Refusal::new(Reason::ConcurrentOperation, message)
                .hint(hint)
                .violations(vec![violation])
                .into());
        }
        let desired = self.desired_of(home)?;
        let mut differing = Vec::new();
        let params = match &entry.params {
            Some(written) => {
                let (made, written) = self.params_for(key, written, home, &desired).await?;
                differences("/params", &desired.params, &made, &mut differing);
                Some(written)
            }
            None => None,
        };
        let care = [
            ("/protect", entry.protect.map(|it| json!(it)), json!(home.care.protect)),
            ("/on-remove", entry.on_remove.map(|it| json!(it)), json!(home.care.on_remove)),
        ];
        for (pointer, said, is) in care {
            if let Some(said) = said.filter(|said| *said != is) {
                differing.push((pointer.to_owned(), differ(Some(&is), Some(&said))));
            }
        }
        if !differing.is_empty() {
            return Err(says_otherwise(key, &home.name.short(), differing).into());
        }
        let stays = home.object.as_ref().filter(|object| object.complete && open.is_empty());
        let (id, resource_type) = (home.id.clone(), home.resource_type.clone());
        let known = match stays {
            Some(object) => {
                let outputs = self.sealer_of(home).open_outputs(&home.id, &object.outputs)?;
                Known::all(id, resource_type, outputs)
            }
            None => Known::planned(id, resource_type, json!({}), vec![String::new()]),
        };
        Ok(Said { known: Arc::new(known), params })
    }

    pub(in crate::engine) fn desired_of(&self, resource: &Resource) -> Result<Desired, Error> {
        Ok(self.sealer_of(resource).open_desired(&resource.id, &resource.desired)?)
    }

    /// What `written` comes to for this resource; and as it is kept.
    async fn params_for(
        &self,
        key: &Key,
        written: &Value,
        home: &Resource,
        desired: &Desired,
    ) -> Result<(Value, Value), Error> {
        let (order, class, id) = (&home.name.order, home.class.as_ref(), &home.id);
        let made = if home.pin.is_composite() {
            self.params_of_parts(order, written, home).await
        } else {
            let offer = self.stock.pinned(&home.resource_type, &home.pin).await?;
            let home_key = &home.name.key;
            let asked = Asked { order, key: home_key, class, offer: &offer, id, existing: Some(home), apart: false };
            let made = self.make_params(&asked, Some(written), &desired.config, &BTreeMap::new()).await;
            made.map(|made| (made.params, made.written))
        };
        made.map_err(|error| match error {
            Error::Refused(refusal) => Error::Refused(told_of(key, home, refusal)),
            other => other,
        })
    }

    async fn params_of_parts(
        &self,
        order: &OrderName,
        written: &Value,
        home: &Resource,
    ) -> Result<(Value, Value), Error> {
        let matched = self.stock.pinned_match(&home.resource_type, &home.pin).await?;
        let (key, id) = (&home.name.key, &home.id);
        let params = self.composite_params(order, key, home.class.as_ref(), Some(written), id, &matched).await?;
        let (params, secrets) = self.hide_of_whole(order, key, id, &matched.resource_type, params).await?;
        Ok((params, hidden(written.clone(), &secrets)))
    }
}

/// What was found out under the name of the resource's home is told where it was written.
fn told_of(key: &Key, home: &Resource, refusal: Refusal) -> Refusal {
    let there = format!("/resources/{}/", home.name.key);
    let moved = |it: Violation| {
        let pointer = match it.pointer.strip_prefix(&there) {
            Some(rest) => format!("/resources/{key}/{rest}"),
            None => it.pointer,
        };
        Violation { pointer, ..it }
    };
    let message = format!("`{key}`, which is `{}`: {}", home.name.short(), refusal.message);
    Refusal { message, violations: refusal.violations.into_iter().map(moved).collect(), ..refusal }
}

/// What `entry` says goes for its home too, unless that says something else.
fn join(key: &Key, home: &Key, entry: &ResourceEntry, into: &mut ResourceEntry) -> Result<(), Refusal> {
    let mut differing = Vec::new();
    if let (Some(said), Some(has)) = (&entry.params, &into.params) {
        differences("/params", has, said, &mut differing);
    }
    if entry.protect.is_some_and(|said| into.protect.is_some_and(|has| has != said)) {
        differing.push(("/protect".to_owned(), String::new()));
    }
    if entry.on_remove.is_some_and(|said| into.on_remove.is_some_and(|has| has != said)) {
        differing.push(("/on-remove".to_owned(), String::new()));
    }
    if !differing.is_empty() {
        // Secrets stand in the clear here.
        differing.iter_mut().for_each(|(_, how)| *how = "the two say different things here".to_owned());
        return Err(says_otherwise(key, home.as_str(), differing));
    }
    into.params = into.params.take().or_else(|| entry.params.clone());
    into.protect = into.protect.or(entry.protect);
    into.on_remove = into.on_remove.or(entry.on_remove);
    Ok(())
}

/// A place, and how the two differ there.
type Differing = (String, String);

/// Without secrets: of these there are handles, which are not shown.
fn differences(pointer: &str, has: &Value, said: &Value, found: &mut Vec<Differing>) {
    match (has, said) {
        (Value::Object(has), Value::Object(said)) => {
            for (name, value) in has {
                let pointer = pointer_push(pointer, name);
                match said.get(name) {
                    Some(said) => differences(&pointer, value, said, found),
                    None => found.push((pointer, differ(Some(value), None))),
                }
            }
            for (name, value) in said.iter().filter(|(name, _)| !has.contains_key(*name)) {
                found.push((pointer_push(pointer, name), differ(None, Some(value))));
            }
        }
        (has, said) if has == said => {}
        (has, said) => found.push((pointer.to_owned(), differ(Some(has), Some(said)))),
    }
}

fn differ(has: Option<&Value>, said: Option<&Value>) -> String {
    let shown = |it: Option<&Value>| it.map_or("nothing".to_owned(), |it| mask(it).to_string());
    format!("the resource has {} here, and this entry says {}", shown(has), shown(said))
}

fn says_otherwise(key: &Key, home: &str, differing: Vec<Differing>) -> Refusal {
    let pointers: Vec<_> = differing.iter().take(5).map(|(pointer, _)| pointer.as_str()).collect();
    let more = if differing.len() > pointers.len() { ", …" } else { "" };
    let places = pointers.join(", ");
    let message = format!("`{key}` is the same resource as `{home}`, and says something else of {places}{more}");
    let violation =
        |(pointer, message): Differing| Violation { pointer: format!("/resources/{key}{pointer}"), message };
    Refusal::new(Reason::ParamsInvalid, message)
        .hint(format!("leave it out, or say what `{home}` does; what is to change is changed there"))
        .violations(differing.into_iter().map(violation).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::care::OnRemove;

    #[test]
    fn what_differs_is_told_by_its_place() {
        let mut found = Vec::new();
        let (has, said) = (json!({"a": 1, "b": {"c": [1]}, "d": "x"}), json!({"a": 1, "b": {"c": [2]}, "e": true}));
        differences("/params", &has, &said, &mut found);
        let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/params/b/c", "/params/d", "/params/e"]);
        let refusal = says_otherwise(&Key::parse("db").expect("a key"), "billing/db", found);
        assert_eq!(refusal.violations[0].pointer, "/resources/db/params/b/c");
        assert_eq!(refusal.violations[1].message, "the resource has \"x\" here, and this entry says nothing");
        assert!(refusal.hint.contains("say what `billing/db` does"), "{}", refusal.hint);
    }

    #[test]
    fn entries_of_one_order_speak_for_one_another() {
        let key = |text: &str| Key::parse(text).expect("a key");
        let entry = |more: Value| -> ResourceEntry {
            let mut value = json!({ "type": "thing", "id": "x" });
            value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value(value).expect("an entry")
        };
        let mut home = entry(json!({ "protect": true }));
        let second = entry(json!({ "params": { "password": "first-secret" }, "on-remove": "retain" }));
        join(&key("b"), &key("a"), &second, &mut home).expect("nothing differs");
        assert_eq!((home.params.clone(), home.on_remove), (second.params, Some(OnRemove::Retain)));
        let third = entry(json!({ "params": { "password": "other-secret" }, "protect": false }));
        let refusal = join(&key("c"), &key("a"), &third, &mut home).expect_err("refused");
        let pointers: Vec<_> = refusal.violations.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, ["/resources/c/params/password", "/resources/c/protect"]);
        assert!(!format!("{refusal:?}").contains("-secret"), "{refusal:?}");
    }
}
