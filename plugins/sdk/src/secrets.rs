//! Secrets are handles: a driver passes them on and says how the value is to be written, and never sees one.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bindings::vend::driver::secrets;
pub use crate::bindings::vend::driver::secrets::{Part, Policy};
pub use crate::bindings::vend::driver::types::SecretUse;

/// The handle of a secret, as it stands in params, outputs, state and statements. Its schema carries the secret marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn handle(&self) -> &str {
        &self.0
    }

    /// The value as it is.
    pub fn plain(&self) -> SecretUse {
        self.written("plain")
    }

    /// As the content of a JSON string.
    pub fn json(&self) -> SecretUse {
        self.written("json")
    }

    /// As a part of a URL.
    pub fn percent(&self) -> SecretUse {
        self.written("percent")
    }

    /// As PostgreSQL keeps passwords: a SCRAM verifier.
    pub fn scram(&self) -> SecretUse {
        self.written("scram-sha-256")
    }

    /// In any other encoding the host knows. The description lists what the driver needs.
    pub fn written(&self, encoding: &str) -> SecretUse {
        SecretUse { handle: self.0.clone(), encoding: encoding.to_owned() }
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-vend-secret": true })
    }
}

impl Policy {
    /// Letters and digits, at least one of each sort.
    pub fn alphanumeric(length: u32) -> Self {
        let sorts = ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"];
        Self { length, alphabet: sorts.concat(), at_least_one_of: sorts.map(String::from).into() }
    }
}

impl From<SecretUse> for Part {
    fn from(secret: SecretUse) -> Self {
        Part::Secret(secret)
    }
}

/// A piece of plain text of a composed secret.
pub fn text(text: impl Into<String>) -> Part {
    Part::Text(text.into())
}

/// Makes a secret. The same name in the same resource gives the same one, whatever the policy: a rotation is a new name.
/// Apply only.
pub fn generate(name: &str, policy: &Policy) -> Result<Secret, Error> {
    secrets::generate(name, policy).map(Secret)
}

/// Makes a secret of text and secrets: `compose([text("redis://:"), password.percent().into(), text("@cache")])`.
/// The same parts give the same one.
pub fn compose<const N: usize>(parts: [Part; N]) -> Result<Secret, Error> {
    secrets::compose(&parts).map(Secret)
}
