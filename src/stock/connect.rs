//! Connections opened: a document and its secrets become a backend, kept until one of them changes.

use std::collections::BTreeMap;

use crate::capability::backend::{Backend, Login, ReadLogin, Settings};
use crate::capability::grants::{Grant, Grants};
use crate::document::span;
use crate::domain::contract;
use crate::domain::description::Description;
use crate::domain::document::{Connection, Credential, Document, Kind, Manifest, ReadCredential};
use crate::domain::name::Name;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Pin;
use crate::domain::secret::Plain;
use crate::secret::Place;

use super::{Error, Stock};

const DEFAULT_CONCURRENCY: u32 = 8;
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

impl Stock {
    /// What a driver may use under this pin: each of its slots, bound to the pinned connection.
    pub async fn grants(&self, pin: &Pin, description: &Description) -> Result<Grants, Error> {
        let mut slots = BTreeMap::new();
        for (name, slot) in &description.slots {
            let Some(connection) = pin.connections.get(name) else { continue };
            let (backend, reads_apart) = self.opened(connection).await?;
            let grant = Grant { access: slot.access, connection: connection.to_string(), backend, reads_apart };
            slots.insert(name.clone(), grant);
        }
        Ok(Grants { slots })
    }

    /// Reaches the backend and logs in with both credentials. Answers with warnings.
    pub async fn check_connection(&self, name: &str) -> Result<Vec<String>, Error> {
        let name = Name::new(name).map_err(|error| Refusal::new(Reason::NotFound, error.to_string()))?;
        let backend = self.backend(&name).await?;
        Ok(backend.check().await.map_err(|error| backend_refusal(&error, &format!("connection `{name}`")))?)
    }

    pub(super) async fn backend(&self, name: &Name) -> Result<Backend, Error> {
        Ok(self.opened(name).await?.0)
    }

    /// The backend, and whether reads go through a credential of their own.
    async fn opened(&self, name: &Name) -> Result<(Backend, bool), Error> {
        if let Some(backend) = self.backends.read().await.get(name.as_str()) {
            return Ok(backend.clone());
        }
        let document = self.store.document(Kind::Connection, "", name.as_str()).await?;
        let Some(Document { manifest: Manifest::Connection(connection), .. }) = document else {
            return Err(Refusal::new(Reason::UnresolvedReference, format!("there is no connection `{name}`")).into());
        };
        let settings = self.settings(&connection).await?;
        let backend =
            Backend::open(settings).map_err(|error| backend_refusal(&error, &format!("connection `{name}`")))?;
        let opened = (backend, matches!(connection.read_credential, Some(ReadCredential::Own(_))));
        self.backends.write().await.insert(name.to_string(), opened.clone());
        Ok(opened)
    }

    /// The next use of any connection opens it anew: a document or a secret has changed.
    pub(super) async fn forget_backends(&self) {
        self.backends.write().await.clear();
    }

    async fn settings(&self, connection: &Connection) -> Result<Settings, Error> {
        let allow = connection.allow.clone().unwrap_or_default();
        let limits = connection.limits.clone().unwrap_or_default();
        let timeout_ms = match &limits.timeout {
            Some(text) => span::parse_ms(text)
                .map_err(|error| Refusal::new(Reason::DocumentInvalid, format!("{}: {error}", connection.meta.name)))?,
            None => DEFAULT_TIMEOUT_MS,
        };
        let credential = match &connection.credential {
            Some(credential) => Some(self.login(credential).await?),
            None => None,
        };
        let read_credential = match &connection.read_credential {
            Some(ReadCredential::Own(credential)) => ReadLogin::Own(self.login(credential).await?),
            Some(ReadCredential::Same(_)) | None => ReadLogin::Same,
        };
        Ok(Settings {
            name: connection.meta.name.to_string(),
            kind: connection.connection_type.clone(),
            endpoint: self.endpoint(connection),
            credential,
            read_credential,
            databases: allow.databases,
            networks: allow.networks,
            concurrency: limits.concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            rate_per_second: limits.rate_per_second,
            timeout_ms,
            tls_ca: connection.tls.as_ref().map(|tls| tls.ca.clone()),
        })
    }

    /// A relative directory lies below the data directory.
    fn endpoint(&self, connection: &Connection) -> String {
        if connection.endpoint.contains("://") {
            return connection.endpoint.clone();
        }
        self.data_dir.join(&connection.endpoint).to_string_lossy().into_owned()
    }

    async fn login(&self, credential: &Credential) -> Result<Login, Error> {
        let name = credential.password.secret.as_str();
        let Some(record) = self.store.secret(name).await? else {
            let message = format!("there is no secret `{name}`");
            return Err(Refusal::new(Reason::UnresolvedReference, message)
                .hint(format!("set it with `vend secret set {name}`, the value on standard input"))
                .into());
        };
        let place = Place { project: &record.project, record: &record.key, field: "value" };
        let value = self.keyring.open(place, &record.value)?;
        Ok(Login { username: credential.username.clone(), password: Plain::new(String::from_utf8_lossy(&value)) })
    }
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
            "ADDRESS_FORBIDDEN" | "DATABASE_NOT_ALLOWED" => "let the connection allow it, if it should",
            "CREDENTIAL_MISSING" | "READ_ROLE_TOO_POWERFUL" | "TLS_REQUIRED" => "mend the connection",
            _ => "its driver asked for what no driver gets: report it to the driver's authors",
        },
        _ => "",
    };
    let mut refusal = Refusal::new(reason, format!("{whose}: {error}")).hint(hint).violations(error.violations.clone());
    refusal.retry_after_ms = error.retry_after_ms.map(u64::from);
    refusal
}
