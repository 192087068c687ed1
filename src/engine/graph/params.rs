//! Params as a driver is given them: what was written, with everything in place that placeholders refer to, filled, checked and with its
//! secrets hidden.
//!
//! Secrets stand in the clear only while schemas look at them. What is lent by another resource keeps its handle; whatever else stands at a
//! place that the type marks secret becomes a secret of this resource.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::contract::{Answer, Call, Violation};
use crate::domain::id::ResourceId;
use crate::domain::json::strings;
use crate::domain::marker;
use crate::domain::name::{Key, OrderName, ResourceName};
use crate::domain::placeholder::{self, Found, is_any};
use crate::domain::reason::Reason;
use crate::domain::reference::Output;
use crate::domain::refusal::Refusal;
use crate::domain::secret::{Fresh, Handle, Plain};
use crate::engine::asked::{Asked, params_invalid, refused, unfit};
use crate::engine::{Engine, Error};

use super::outputs::{Known, Outputs};

/// Resources that had the same name and secret, one after the other.
const NAMESAKES: usize = 100;

/// Params, and what came up on the way to them.
#[derive(Debug)]
pub struct Made {
    pub params: Value,
    /// JSON Pointers into the driver's input (`/params/target`) to what is not known yet.
    pub unknown: Vec<String>,
    /// Secrets of this resource that the params contain.
    pub secrets: Vec<Fresh>,
    /// As they were written, with handles where secrets stood in the clear.
    pub written: Value,
    /// Where a secret of another resource stands, and whose it is.
    pub lent: BTreeMap<String, ResourceId>,
}

impl Engine {
    /// `config`: what the driver is given beside them.
    pub(in crate::engine) async fn make_params(
        &self,
        asked: &Asked<'_>,
        written: Option<&Value>,
        config: &Value,
        known: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<Made, Error> {
        let empty = json!({});
        let written = self.reopened(asked.order, asked.key, asked.id, written.unwrap_or(&empty)).await?;
        let (filled, joined, secrets) = self.filled(asked, &written, known).await?;
        let resource_type = &asked.offer.resource_type;
        let invalid = |found| Error::Refused(params_invalid(asked.key, &resource_type.meta.name, found));
        let (plain, lent) = in_the_clear(filled.value, &secrets);
        let name = &resource_type.meta.name;
        let place = self.stock.wanted(asked.order, asked.key, name, asked.class, None).await?.context();
        let params = self.stock.params(asked.offer, &place, Some(&plain), &filled.unknown).map_err(invalid)?;
        let marked = marker::pointers(&resource_type.params, &params);
        let places = lent.iter().map(|(pointer, _)| pointer).chain(&joined);
        let stray: Vec<_> = places.filter(|pointer| !marker::covers(&marked, pointer)).map(|it| exposed(it)).collect();
        if !stray.is_empty() {
            return Err(invalid(stray));
        }
        let (params, fresh) = self.hide(asked.order, asked.key, asked.id, params, &marked, &lent).await?;
        let unknown: Vec<String> = filled.unknown.iter().map(|pointer| format!("/params{pointer}")).collect();
        let has_secrets = !fresh.is_empty() || !lent.is_empty();
        let params = match unknown.is_empty() && !has_secrets && self.is_normal(asked, &params, config)? {
            true => params,
            false => self.normal(asked, params, &unknown, config, &fresh).await?,
        };
        let lent = lent.iter().filter_map(|(pointer, handle)| Some((pointer.clone(), owner(handle, known)?)));
        Ok(Made { lent: lent.collect(), written: hidden(written, &fresh), params, unknown, secrets: fresh })
    }

    /// A manifest is kept with handles where secrets were written: schemas look at what stands behind them.
    pub(super) async fn reopened(
        &self,
        order: &OrderName,
        key: &Key,
        id: &ResourceId,
        written: &Value,
    ) -> Result<Value, Error> {
        let mut written = written.clone();
        let handles: Vec<_> =
            strings(&written).into_iter().filter_map(|(pointer, text)| Some((pointer, Handle::parse(text)?))).collect();
        for (pointer, handle) in handles {
            let Some(record) = self.store.secret(handle.as_str()).await? else { continue };
            if record.resource.as_ref() != Some(id) {
                let message = format!("`{key}` has the handle of a secret that is not its own");
                return Err(Refusal::new(Reason::ParamsInvalid, message).into());
            }
            let plain = self.sealer(order.project.as_str()).open_secret(&record)?;
            if let Some(place) = written.pointer_mut(&pointer) {
                // What stood there had no placeholders, whatever it looks like.
                *place = Value::String(placeholder::escape(plain.reveal()));
            }
        }
        Ok(written)
    }

    /// With everything in place, where secrets were joined into texts, and the secrets that stand there.
    async fn filled(
        &self,
        asked: &Asked<'_>,
        written: &Value,
        known: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<(placeholder::Filled, Vec<String>, HashMap<Handle, Plain>), Error> {
        if !is_any(written) {
            let filled = placeholder::Filled { value: written.clone(), unknown: Vec::new() };
            return Ok((filled, Vec::new(), HashMap::new()));
        }
        let secrets = self.referred_secrets(asked.order, written, known).await?;
        let (filled, joined) = put_in_place(written, known, &secrets)
            .map_err(|wrong| params_invalid(asked.key, &asked.offer.resource_type.meta.name, wrong))?;
        Ok((filled, joined, secrets))
    }

    /// Those that stand where `written` refers to.
    pub(super) async fn referred_secrets(
        &self,
        order: &OrderName,
        written: &Value,
        known: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<HashMap<Handle, Plain>, Error> {
        let mut secrets = HashMap::new();
        for (_, reference) in placeholder::references(written).unwrap_or_default() {
            let Ok(output) = Output::parse(&reference) else { continue };
            let found = known.get(&output.key).and_then(|known| known.find(&output.pointer()));
            let Some(Found::Value(value)) = found else { continue };
            for (_, text) in strings(&value) {
                let Some(handle) = Handle::parse(text).filter(|handle| !secrets.contains_key(handle)) else { continue };
                if let Some(record) = self.store.secret(handle.as_str()).await? {
                    let plain = self.sealer(order.project.as_str()).open_secret(&record)?;
                    secrets.insert(handle, plain);
                }
            }
        }
        Ok(secrets)
    }

    /// Puts handles in the place of secrets that stand in the clear.
    pub(in crate::engine) async fn hide(
        &self,
        order: &OrderName,
        key: &Key,
        id: &ResourceId,
        mut params: Value,
        marked: &[String],
        lent: &[(String, Handle)],
    ) -> Result<(Value, Vec<Fresh>), Error> {
        for (pointer, handle) in lent {
            if let Some(place) = params.pointer_mut(pointer) {
                *place = Value::String(handle.to_string());
            }
        }
        let mut secrets = Vec::new();
        let marked: Vec<_> = marked.iter().filter(|pointer| !lent.iter().any(|(lent, _)| lent == *pointer)).collect();
        if marked.is_empty() {
            return Ok((params, secrets));
        }
        let own = self.own_secrets(order, id).await?;
        for pointer in marked {
            let Some(Value::String(text)) = params.pointer_mut(pointer) else { continue };
            let name = format!("params{pointer}");
            let known = own.iter().find(|(of, _, value)| *of == name && value.reveal() == text);
            let handle = match known {
                Some((_, handle, _)) => handle.clone(),
                None => self.free_handle(&order.resource(key.clone()), id, pointer, text).await?,
            };
            let value = Plain::new(std::mem::replace(text, handle.to_string()));
            secrets.push(Fresh { handle, name, value });
        }
        Ok((params, secrets))
    }

    /// A value that was given before keeps its handle, whatever its resource is called by now.
    async fn own_secrets(&self, order: &OrderName, id: &ResourceId) -> Result<Vec<(String, Handle, Plain)>, Error> {
        let sealer = self.sealer(order.project.as_str());
        let mut own = Vec::new();
        for record in self.store.resource_secrets(id).await? {
            if let (Some(handle), true) = (Handle::parse(&record.key), record.name.starts_with("params/")) {
                let plain = sealer.open_secret(&record)?;
                own.push((record.name, handle, plain));
            }
        }
        Ok(own)
    }

    /// The same for every plan of the same order; another one if a resource that was called like this has taken it along.
    async fn free_handle(
        &self,
        name: &ResourceName,
        id: &ResourceId,
        pointer: &str,
        text: &str,
    ) -> Result<Handle, Error> {
        let whose = name.to_string();
        let mut of = vec!["param", &whose, pointer, text];
        for _ in 0..NAMESAKES {
            let handle = Handle::from_bytes(&self.keyring.derive(&of));
            match self.store.secret(handle.as_str()).await? {
                Some(taken) if taken.resource.as_ref() != Some(id) => of.push("another"),
                _ => return Ok(handle),
            }
        }
        let message = format!("`{}`: too many resources were called like this with the same secret", name.key);
        Err(Refusal::new(Reason::ParamsInvalid, message).hint("give it another name").into())
    }

    /// The same driver has written them like this, of the same resource: validating that again changes nothing.
    fn is_normal(&self, asked: &Asked<'_>, params: &Value, config: &Value) -> Result<bool, Error> {
        let Some(existing) = asked.existing else { return Ok(false) };
        let name = &existing.name;
        if existing.pin.driver_digest != asked.offer.driver.digest()
            || name.order != *asked.order
            || name.key != *asked.key
        {
            return Ok(false);
        }
        let desired = self.desired_of(existing)?;
        Ok(desired.is_bound() && desired.params == *params && desired.config == *config)
    }

    /// As the driver writes them.
    async fn normal(
        &self,
        asked: &Asked<'_>,
        params: Value,
        unknown: &[String],
        config: &Value,
        secrets: &[Fresh],
    ) -> Result<Value, Error> {
        let mut input = asked.input(self, params, config.clone(), None);
        input.unknown = unknown.to_vec();
        let attempt = self.looking(Call::Validate(input), Default::default(), secrets, asked).await?;
        match asked.run(attempt).await?.result {
            Ok(Answer::Validated(params)) => Ok(params),
            Ok(other) => Err(unfit(asked, &format!("{other:?} to validate")).into()),
            Err(failure) => Err(refused(asked, &failure).into()),
        }
    }
}

/// What `written` comes to, and where secrets were joined into texts.
pub(super) fn put_in_place(
    written: &Value,
    known: &BTreeMap<Key, Arc<Known>>,
    secrets: &HashMap<Handle, Plain>,
) -> Result<(placeholder::Filled, Vec<String>), Vec<Violation>> {
    let mut outputs = Outputs { known, secrets, named: &HashMap::new(), joined: Vec::new() };
    let violation = |(pointer, message)| Violation { pointer: format!("/params{pointer}"), message };
    let filled = placeholder::fill(written, &mut outputs)
        .map_err(|wrong| wrong.into_iter().map(violation).collect::<Vec<_>>())?;
    Ok((filled, outputs.joined))
}

/// Secrets of others in the place of their handles, and where they stand.
pub(super) fn in_the_clear(mut value: Value, secrets: &HashMap<Handle, Plain>) -> (Value, Vec<(String, Handle)>) {
    if secrets.is_empty() {
        return (value, Vec::new());
    }
    let lent: Vec<_> = strings(&value)
        .into_iter()
        .filter_map(|(pointer, text)| Some((pointer, Handle::parse(text)?)))
        .filter(|(_, handle)| secrets.contains_key(handle))
        .collect();
    for (pointer, handle) in &lent {
        if let (Some(place), Some(plain)) = (value.pointer_mut(pointer), secrets.get(handle)) {
            *place = Value::String(plain.reveal().to_owned());
        }
    }
    (value, lent)
}

fn exposed(pointer: &str) -> Violation {
    let message = "this is a secret of another resource, and this param is not kept secret: its type marks secret params `x-vend-secret`";
    Violation { pointer: format!("/params{pointer}"), message: message.to_owned() }
}

fn owner(handle: &Handle, known: &BTreeMap<Key, Arc<Known>>) -> Option<ResourceId> {
    known.values().find(|known| known.handles().contains(handle)).map(|known| known.resource.clone())
}

/// What has placeholders stays as it was written: what is behind them is no part of it.
pub(in crate::engine) fn hidden(mut written: Value, secrets: &[Fresh]) -> Value {
    for secret in secrets {
        let pointer = secret.name.trim_start_matches("params");
        match written.pointer_mut(pointer) {
            Some(Value::String(text)) if !text.contains("${") || !has_references(text) => {
                *text = secret.handle.to_string();
            }
            _ => {}
        }
    }
    written
}

fn has_references(text: &str) -> bool {
    placeholder::Template::parse(text).is_ok_and(|template| template.references().next().is_some())
}
