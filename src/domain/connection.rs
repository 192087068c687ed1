//! Connections as people write them: named ways to reach a backend, held by the host.
//!
//! What is sent through one, and how, is the business of `capability/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::meta::Meta;
use super::name::Name;

/// A named, host-held way to reach a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Connection {
    #[serde(flatten)]
    pub meta: Meta,
    /// `postgres`, `sqlite` or `http`.
    #[serde(rename = "type")]
    pub connection_type: String,
    /// It leads to whatever resource of a type it is filled from: `${outputs.NAME}` in endpoint and user names, and secrets that it offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled_from: Option<FilledFrom>,
    /// `postgres://host:port`; `https://host/base`; for `sqlite` a directory, absolute or below the data directory.
    pub endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_credential: Option<ReadCredential>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Allow>,
    /// HTTP requests that are never sent, whatever is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<RequestRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ConnectionLimits>,
    /// A path below an HTTP endpoint that answers a GET with 2xx to those whose credential it accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// What recipes may put into the config of drivers: `${connections.SLOT.facts.PATH}`. Nothing secret.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
}

/// A type whose resources a connection can lead to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FilledFrom {
    #[serde(rename = "type")]
    pub resource_type: Name,
    /// Secrets of this connection that are outputs of the resource: their names here → the outputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<Name, String>,
}

/// Whom to be at the backend, in one of several forms: [`Credential::form`] tells which.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Credential {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<SecretReference>,
    /// The header's value, with `{}` where the secret stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<ClientCredentials>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<Signature>,
}

/// A credential, read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form<'a> {
    /// A user and a password; over HTTP as RFC 7617 has it.
    Login {
        username: &'a str,
        password: &'a SecretReference,
    },
    /// A token (RFC 6750).
    Bearer(&'a SecretReference),
    /// A header of the backend's own.
    Header {
        name: &'a str,
        value: &'a SecretReference,
        template: &'a str,
    },
    ClientCredentials(&'a ClientCredentials),
    Signature(&'a Signature),
}

impl Credential {
    /// The error says what is missing, or too much.
    pub fn form(&self) -> Result<Form<'_>, &'static str> {
        let Self { username, password, bearer, header, value, template, oauth2, sigv4 } = self;
        let one_form = [username.is_some() || password.is_some(), bearer.is_some(), oauth2.is_some(), sigv4.is_some()];
        let of_header = header.is_some() || value.is_some() || template.is_some();
        match one_form.into_iter().chain([of_header]).filter(|given| *given).count() {
            0 => return Err("a credential says nothing"),
            1 => {}
            _ => return Err("a credential has one form, not several"),
        }
        if let Some(bearer) = bearer {
            return Ok(Form::Bearer(bearer));
        }
        if let Some(oauth2) = oauth2 {
            return Ok(Form::ClientCredentials(oauth2));
        }
        if let Some(sigv4) = sigv4 {
            return Ok(Form::Signature(sigv4));
        }
        if of_header {
            let (Some(name), Some(value)) = (header, value) else {
                return Err("a credential in a header needs both `header` and `value`");
            };
            return Ok(Form::Header { name, value, template: template.as_deref().unwrap_or("{}") });
        }
        let (Some(username), Some(password)) = (username, password) else {
            return Err("a credential needs both `username` and `password`");
        };
        Ok(Form::Login { username, password })
    }

    /// The secrets it names, each with the JSON Pointer to its name.
    pub fn secrets(&self) -> Vec<(&'static str, &Name)> {
        let sigv4 = self.sigv4.as_ref();
        let all = [
            ("/password/secret", self.password.as_ref()),
            ("/bearer/secret", self.bearer.as_ref()),
            ("/value/secret", self.value.as_ref()),
            ("/oauth2/client-secret/secret", self.oauth2.as_ref().map(|it| &it.client_secret)),
            ("/sigv4/secret-access-key/secret", sigv4.map(|it| &it.secret_access_key)),
            ("/sigv4/session-token/secret", sigv4.and_then(|it| it.session_token.as_ref())),
        ];
        all.into_iter().filter_map(|(pointer, reference)| Some((pointer, &reference?.secret))).collect()
    }
}

/// Tokens fetched with a client's own id and secret (RFC 6749, section 4.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClientCredentials {
    /// A URL.
    pub token_endpoint: String,
    pub client_id: String,
    pub client_secret: SecretReference,
    /// Scopes, with spaces between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// Requests signed as AWS has it, Signature Version 4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signature {
    pub region: String,
    pub service: String,
    pub access_key_id: String,
    pub secret_access_key: SecretReference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretReference>,
}

/// A secret that an operator set by name (`vend secret set NAME`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecretReference {
    pub secret: Name,
}

/// A credential that the backend holds to reading, or the word `same`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReadCredential {
    Own(Box<Credential>),
    Same(Same),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Same {
    #[serde(rename = "same")]
    Same,
}

/// What may be reached through a connection. Absent means nothing beyond the least.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Allow {
    /// Names of databases; `*` stands for any run of characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// CIDRs of loopback, private or otherwise special addresses that this connection may reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// HTTP requests that change nothing; of `GET` and `HEAD` where no methods are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<RequestRule>,
    /// HTTP requests that may change something; of `POST`, `PUT`, `PATCH` and `DELETE` where no methods are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<RequestRule>,
}

/// Which HTTP requests are meant: all that is given must hold. In patterns `*` stands for any run of characters, within a
/// path for a run without `/`; `**` for any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RequestRule {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Below the endpoint, normalised. `/a/**` means `/a` as well.
    pub path: String,
    /// Name → pattern of the one value of that name in the query.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Name → pattern of the one field of that name in a form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, String>,
    /// Name → pattern of the one header of that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// JSON Pointer → pattern of the text, number or truth value there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectionLimits {
    /// Sessions at once; 8 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
    /// A span such as `30s`; 30 s if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tls {
    /// PEM of the authorities to trust. Absent: for `http` those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// PEM of the certificates that vend shows to an HTTP backend, its own first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The PEM of its private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretReference>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(json: serde_json::Value) -> Result<String, &'static str> {
        let credential: Credential = serde_json::from_value(json).expect("a credential");
        credential.form().map(|form| format!("{form:?}").split(['(', ' ']).next().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_credential_has_one_form() {
        use serde_json::json;
        let secret = json!({ "secret": "s" });
        for (json, expected) in [
            (json!({ "username": "u", "password": secret }), Ok("Login")),
            (json!({ "bearer": secret }), Ok("Bearer")),
            (json!({ "header": "X-Key", "value": secret }), Ok("Header")),
            (json!({ "header": "X-Key", "value": secret, "template": "Key {}" }), Ok("Header")),
            (json!({}), Err("nothing")),
            (json!({ "username": "u" }), Err("both `username`")),
            (json!({ "value": secret }), Err("both `header`")),
            (json!({ "bearer": secret, "username": "u", "password": secret }), Err("one form")),
            (json!({ "bearer": secret, "header": "X-Key" }), Err("one form")),
        ] {
            match (form(json.clone()), expected) {
                (Ok(form), Ok(expected)) => assert_eq!(form, expected),
                (Err(message), Err(part)) => assert!(message.contains(part), "{json}: {message}"),
                (got, expected) => panic!("{json}: {got:?}, expected {expected:?}"),
            }
        }
    }
}
