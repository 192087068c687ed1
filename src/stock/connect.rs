//! Connections opened: a document and its secrets become a backend, kept until one of them changes.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::capability::backend::Backend;
use crate::capability::grants::{Grant, Grants};
use crate::capability::settings::{
    ClientCredentials, Credential, Login, ReadCredential, Requests, Settings, Signature,
};
use crate::capability::standing::Checked;
use crate::capability::standing::{Condition, Sight, Standing};
use crate::capability::tls::Identity;
use crate::document::span;
use crate::domain::connection::{self, Connection, Form, RequestRule, SecretReference};
use crate::domain::contract;
use crate::domain::description::{AskedRequest, Description};
use crate::domain::document::{Document, Kind, Manifest};
use crate::domain::id::ResourceId;
use crate::domain::name::Name;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Pin;
use crate::domain::sealed::Sealed;
use crate::domain::secret::Plain;
use crate::secret::Place;

use super::filled::{self, Source};
use super::{Error, Stock};

const DEFAULT_CONCURRENCY: u32 = 8;
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

impl Stock {
    /// What a driver may use under this pin: each of its slots, bound to the pinned connection.
    pub async fn grants(&self, pin: &Pin, description: &Description) -> Result<Grants, Error> {
        let mut slots = BTreeMap::new();
        for (name, slot) in &description.slots {
            let Some(connection) = pin.connections.get(name) else { continue };
            let Opened { backend, reads_apart, standing, .. } = self.opened(connection, pin.filled.get(name)).await?;
            let asked = slot.requests.iter().map(asked).collect();
            let (access, connection) = (slot.access, connection.to_string());
            slots.insert(name.clone(), Grant { access, connection, backend, reads_apart, asked, standing });
        }
        Ok(Grants { slots })
    }

    /// Reaches the backend, as both credentials.
    pub async fn check_connection(&self, name: &str) -> Result<Checked, Error> {
        let name = Name::new(name).map_err(|error| Refusal::new(Reason::NotFound, error.to_string()))?;
        let opened = self.opened(&name, None).await?;
        let now = self.clock.now();
        let checked = opened.backend.check(now).await;
        let sight = match &checked {
            Ok(Checked { credentials_tried: true, .. }) => Sight::Served,
            Ok(_) => Sight::Answered,
            Err(error) => Sight::Failed(error),
        };
        opened.standing.saw(sight, now);
        if checked.is_ok() {
            self.renewals.fetch_add(1, Ordering::Relaxed);
        }
        Ok(checked.map_err(|error| backend_refusal(&error, &format!("connection `{name}`")))?)
    }

    /// How a connection was found when it was last used: `Reachable` and `CredentialsAccepted`, as far as they are known.
    pub async fn connection_conditions(&self, name: &str) -> Vec<FoundCondition> {
        let backends = self.backends.read().await;
        let Some(Opened { standing, .. }) = backends.get(name) else { return Vec::new() };
        let all = [("Reachable", standing.reachable()), ("CredentialsAccepted", standing.accepted())];
        all.into_iter().filter_map(|(name, condition)| Some(FoundCondition { name, condition: condition? })).collect()
    }

    /// How often a connection has answered since it was opened.
    pub async fn connection_answers(&self, name: &str) -> u64 {
        self.backends.read().await.get(name).map_or(0, |opened| opened.standing.answers())
    }

    /// Whether the last thing that was heard over it is that nobody is served there.
    pub async fn connection_unserved(&self, name: &str) -> bool {
        self.backends.read().await.get(name).is_some_and(|opened| opened.standing.unserved())
    }

    /// Counts what gives hope that a connection which did not work does now: something was changed, or a check went well.
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    pub(super) async fn backend(&self, name: &Name, filled: Option<&ResourceId>) -> Result<Backend, Error> {
        Ok(self.opened(name, filled).await?.backend)
    }

    /// What a connection leads to, told by the backend itself where it can.
    pub async fn identity(&self, name: &Name, filled: Option<&ResourceId>) -> Result<String, Error> {
        let backend = self.backend(name, filled).await?;
        Ok(backend.identity().await.map_err(|error| backend_refusal(&error, &format!("connection `{name}`")))?)
    }

    /// `filled`: the resource that it leads to, if that is what it is filled from.
    async fn opened(&self, name: &Name, filled: Option<&ResourceId>) -> Result<Opened, Error> {
        let source = match filled {
            Some(id) => Some(self.source(name, id).await?),
            None => None,
        };
        let key = filled.map_or_else(|| name.to_string(), |id| format!("{name}@{id}"));
        let outputs = source.as_ref().map(|source| source.sealed.clone());
        if let Some(opened) = self.backends.read().await.get(&key).filter(|opened| opened.outputs == outputs) {
            return Ok(opened.clone());
        }
        let document = self.store.document(Kind::Connection, "", name.as_str()).await?;
        let Some(Document { manifest: Manifest::Connection(connection), .. }) = document else {
            return Err(Refusal::new(Reason::UnresolvedReference, format!("there is no connection `{name}`")).into());
        };
        let settings = self.settings(&filled::fill(*connection.clone(), source.as_ref())?, source.as_ref()).await?;
        let backend =
            Backend::open(settings).map_err(|error| backend_refusal(&error, &format!("connection `{name}`")))?;
        let reads_apart = matches!(connection.read_credential, Some(connection::ReadCredential::Own(_)));
        let opened = Opened { backend, reads_apart, standing: Standing::default(), outputs };
        self.backends.write().await.insert(key, opened.clone());
        Ok(opened)
    }

    /// The next use of any connection opens it anew: a document or a secret has changed. What was opened before sends nothing more.
    pub(super) async fn forget_backends(&self) {
        for (_, opened) in self.backends.write().await.drain() {
            opened.standing.revoke();
        }
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    async fn settings(&self, connection: &Connection, source: Option<&Source>) -> Result<Settings, Error> {
        let allow = connection.allow.clone().unwrap_or_default();
        let limits = connection.limits.clone().unwrap_or_default();
        let timeout_ms = match &limits.timeout {
            Some(text) => span::parse_ms(text)
                .map_err(|error| Refusal::new(Reason::DocumentInvalid, format!("{}: {error}", connection.meta.name)))?,
            None => DEFAULT_TIMEOUT_MS,
        };
        let credential = match &connection.credential {
            Some(credential) => Some(self.credential(connection, credential, source).await?),
            None => None,
        };
        let read_credential = match &connection.read_credential {
            Some(connection::ReadCredential::Own(own)) => {
                ReadCredential::Own(self.credential(connection, own, source).await?)
            }
            Some(connection::ReadCredential::Same(_)) | None => ReadCredential::Same,
        };
        let tls = connection.tls.clone().unwrap_or_default();
        let tls_identity = match (tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key: self.open(key, source).await? }),
            _ => None,
        };
        let (deny, check) = (connection.deny.clone(), connection.check.clone());
        Ok(Settings {
            name: connection.meta.name.to_string(),
            kind: connection.connection_type.clone(),
            endpoint: self.endpoint(connection),
            credential,
            read_credential,
            databases: allow.databases,
            networks: allow.networks,
            requests: Requests { reads: allow.reads, writes: allow.writes, deny, check },
            concurrency: limits.concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            rate_per_second: limits.rate_per_second,
            timeout_ms,
            tls_ca: tls.ca,
            tls_identity,
        })
    }

    /// A relative directory lies below the data directory.
    fn endpoint(&self, connection: &Connection) -> String {
        if connection.endpoint.contains("://") {
            return connection.endpoint.clone();
        }
        self.data_dir.join(&connection.endpoint).to_string_lossy().into_owned()
    }

    async fn credential(
        &self,
        connection: &Connection,
        credential: &connection::Credential,
        source: Option<&Source>,
    ) -> Result<Credential, Error> {
        let form = credential.form().map_err(|why| {
            Refusal::new(Reason::DocumentInvalid, format!("connection `{}`: {why}", connection.meta.name))
        })?;
        Ok(match form {
            Form::Login { username, password } => {
                Credential::Login(Login { username: username.to_owned(), password: self.open(password, source).await? })
            }
            Form::Bearer(token) => Credential::Bearer(self.open(token, source).await?),
            Form::Header { name, value, template } => {
                let secret = self.open(value, source).await?;
                let value = Plain::new(template.replacen("{}", secret.reveal(), 1));
                Credential::Header { name: name.to_owned(), value, secret }
            }
            Form::ClientCredentials(it) => Credential::ClientCredentials(ClientCredentials {
                token_endpoint: it.token_endpoint.clone(),
                client_id: it.client_id.clone(),
                client_secret: self.open(&it.client_secret, source).await?,
                scope: it.scope.clone(),
                audience: it.audience.clone(),
            }),
            Form::Signature(it) => Credential::Signature(Signature {
                region: it.region.clone(),
                service: it.service.clone(),
                access_key_id: it.access_key_id.clone(),
                secret_access_key: self.open(&it.secret_access_key, source).await?,
                session_token: match &it.session_token {
                    Some(token) => Some(self.open(token, source).await?),
                    None => None,
                },
            }),
        })
    }

    async fn open(&self, reference: &SecretReference, source: Option<&Source>) -> Result<Plain, Error> {
        let name = reference.secret.as_str();
        if let Some(handle) = source.and_then(|source| source.secrets.get(name)) {
            return self.opened_handle(handle).await;
        }
        let Some(record) = self.store.secret(name).await? else {
            let message = format!("there is no secret `{name}`");
            return Err(Refusal::new(Reason::UnresolvedReference, message)
                .hint(format!("set it with `vend secret set {name}`, the value on standard input"))
                .into());
        };
        let place = Place { project: &record.project, record: &record.key, field: "value" };
        let value = self.keyring.open(place, &record.value)?;
        Ok(Plain::new(String::from_utf8_lossy(&value)))
    }
}

/// A condition of a connection that is known.
pub struct FoundCondition {
    pub name: &'static str,
    pub condition: Condition,
}

/// A connection opened: what it became, and how it stands.
#[derive(Clone)]
pub(super) struct Opened {
    backend: Backend,
    /// Reads go through a credential of their own.
    reads_apart: bool,
    standing: Standing,
    /// What it was filled from.
    outputs: Option<Sealed>,
}

fn asked(request: &AskedRequest) -> RequestRule {
    RequestRule { methods: request.methods.clone(), path: request.path.clone(), ..RequestRule::default() }
}

/// A backend's error as a refusal of what was asked of vend.
pub fn backend_refusal(error: &contract::Error, whose: &str) -> Refusal {
    let reason = error.reason();
    let hint = match reason {
        Reason::BackendUnavailable => "is the backend up, and the endpoint right?",
        Reason::BackendThrottled => "try again later",
        Reason::CredentialsRejected => "set the connection's secret anew",
        Reason::ForeignObjectExists => "choose another name; what others made is never taken over",
        Reason::EgressDenied => match error.code.as_str() {
            "ADDRESS_FORBIDDEN" | "DATABASE_NOT_ALLOWED" | "REQUEST_NOT_ALLOWED" => {
                "let the connection allow it, if it should"
            }
            "CREDENTIAL_MISSING" | "READ_ROLE_TOO_POWERFUL" | "TLS_REQUIRED" => "mend the connection",
            _ => "its driver asked for what no driver gets: report it to the driver's authors",
        },
        _ => "",
    };
    let words = error.words();
    // Its own words may name the connection already.
    let told = if words.contains(whose) { words } else { format!("{whose}: {words}") };
    let mut refusal = Refusal::new(reason, told).hint(hint).violations(error.violations.clone());
    refusal.retry_after_ms = error.retry_after_ms.map(u64::from);
    refusal
}
