//! Connections that lead to what was ordered: filled from the outputs of a resource.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::connection::check_endpoint;
use crate::domain::connection::{Connection, Credential, ReadCredential};
use crate::domain::document::{Document, Kind, Manifest};
use crate::domain::id::ResourceId;
use crate::domain::json::pointer_push;
use crate::domain::name::Name;
use crate::domain::placeholder::{Part, Template};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::sealed::Sealed;
use crate::domain::secret::{Handle, Plain};
use crate::secret::Sealer;

use super::{Error, Stock};

/// The outputs that a connection is filled from.
pub struct Source {
    outputs: Value,
    /// As they are stored: others are another source.
    pub sealed: Sealed,
    /// By the name that the connection has for them.
    pub secrets: BTreeMap<String, Handle>,
}

impl Stock {
    /// The connection of this name is filled from resources of this type.
    pub async fn filled_from(&self, name: &Name) -> Result<Option<Name>, Error> {
        match self.store.document(Kind::Connection, "", name.as_str()).await? {
            Some(Document { manifest: Manifest::Connection(it), .. }) => {
                Ok(it.filled_from.map(|from| from.resource_type))
            }
            _ => Ok(None),
        }
    }

    pub(super) async fn source(&self, name: &Name, id: &ResourceId) -> Result<Source, Error> {
        let unresolved = |message: String| Error::from(Refusal::new(Reason::UnresolvedReference, message));
        let resource = self.store.resource(id).await?;
        let resource =
            resource.ok_or_else(|| unresolved(format!("connection `{name}` leads to {id}, which is gone")))?;
        let Some(object) = resource.object.filter(|object| object.complete) else {
            let message = format!("connection `{name}` leads to `{}`, which was not made yet", resource.name.key);
            return Err(unresolved(message));
        };
        let project = resource.name.order.project.as_str();
        let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project };
        let outputs: Value = sealer.open_outputs(id, &object.outputs)?;
        let document = self.store.document(Kind::Connection, "", name.as_str()).await?;
        let mut secrets = BTreeMap::new();
        if let Some(Document { manifest: Manifest::Connection(it), .. }) = document {
            for (secret, output) in it.filled_from.into_iter().flat_map(|from| from.secrets) {
                let handle = outputs.get(&output).and_then(Value::as_str).and_then(Handle::parse);
                let missing =
                    || unresolved(format!("connection `{name}`: `{}` offers no secret `{output}`", resource.name.key));
                secrets.insert(secret.to_string(), handle.ok_or_else(missing)?);
            }
        }
        Ok(Source { outputs, sealed: object.outputs, secrets })
    }

    pub(super) async fn opened_handle(&self, handle: &Handle) -> Result<Plain, Error> {
        let gone = || Refusal::new(Reason::UnresolvedReference, "a secret that a connection is filled with is gone");
        let record = self.store.secret(handle.as_str()).await?.ok_or_else(gone)?;
        let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: &record.project };
        Ok(sealer.open_secret(&record)?)
    }
}

/// The connection with everything in place.
pub fn fill(mut it: Connection, source: Option<&Source>) -> Result<Connection, Refusal> {
    let name = it.meta.name.clone();
    let Some(from) = &it.filled_from else { return Ok(it) };
    let Some(source) = source else {
        let message =
            format!("connection `{name}` is filled from a `{}`, and nothing says from which", from.resource_type);
        return Err(Refusal::new(Reason::UnresolvedReference, message)
            .hint("a part of a composite says so with `connections: { SLOT: PART }`"));
    };
    let put = |text: &str| put(text, &source.outputs).map_err(|why| unfit(&name, &why));
    it.endpoint = put(&it.endpoint)?;
    check_endpoint(&it.connection_type, &it.endpoint).map_err(|why| unfit(&name, why))?;
    let read = match &mut it.read_credential {
        Some(ReadCredential::Own(credential)) => Some(&mut **credential),
        _ => None,
    };
    for Credential { username, .. } in it.credential.iter_mut().chain(read) {
        if let Some(text) = username {
            *text = put(text)?;
        }
    }
    Ok(it)
}

fn unfit(name: &Name, why: &str) -> Refusal {
    Refusal::new(Reason::RecipeUnfit, format!("connection `{name}` cannot be filled: {why}"))
}

fn put(text: &str, outputs: &Value) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    let mut filled = String::new();
    for part in template.parts() {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Reference(reference) => {
                let segments = reference.segments();
                let path = segments.iter().skip(1).fold(String::new(), |at, name| pointer_push(&at, name));
                match outputs.pointer(&path) {
                    Some(Value::String(text)) if Handle::parse(text).is_none() => filled.push_str(text),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => filled.push_str(&value.to_string()),
                    Some(Value::String(_)) => return Err(format!("`{reference}` is a secret")),
                    Some(_) => return Err(format!("`{reference}` is no text")),
                    None => return Err(format!("there is no output for `{reference}`")),
                }
            }
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_take_their_place_and_secrets_do_not() {
        let secret = Handle::from_bytes(&[1; 32]).to_string();
        let outputs =
            serde_json::json!({ "host": "h", "port": 5, "more": { "user": "u" }, "password": secret, "list": [] });
        for (text, expected) in [
            ("postgres://${outputs.host}:${outputs.port}", Ok("postgres://h:5")),
            ("${outputs.more.user}$${x}", Ok("u${x}")),
            ("${outputs.password}", Err("is a secret")),
            ("${outputs.list}", Err("is no text")),
            ("${outputs.none}", Err("there is no output")),
        ] {
            match (put(text, &outputs), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(why), Err(words)) => assert!(why.contains(words), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
