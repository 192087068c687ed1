//! Which field of which record a sealed value belongs to: the one place that names them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::contract::Change;
use crate::domain::id::{OperationId, OrderId, ResourceId};
use crate::domain::plan::Plan;
use crate::domain::sealed::Sealed;
use crate::domain::secret::{Fresh, Plain, SecretRecord};
use crate::domain::time::{Entropy, Timestamp};

use super::{Error, Keyring, Place};

/// Seals and opens the fields of one project's records.
#[derive(Clone, Copy)]
pub struct Sealer<'a> {
    pub keyring: &'a Keyring,
    pub entropy: &'a dyn Entropy,
    pub project: &'a str,
}

impl Sealer<'_> {
    pub fn json<T: Serialize + ?Sized>(&self, record: &str, field: &str, value: &T) -> Sealed {
        let text = serde_json::to_vec(value).expect("domain values have string keys and finite numbers");
        self.keyring.seal(Place { project: self.project, record, field }, &text, self.entropy)
    }

    pub fn open<T: DeserializeOwned>(&self, record: &str, field: &'static str, sealed: &Sealed) -> Result<T, Error> {
        let bytes = self.keyring.open(Place { project: self.project, record, field }, sealed)?;
        serde_json::from_slice(&bytes).map_err(|source| Error::Damaged {
            what: field,
            record: record.to_owned(),
            source,
        })
    }

    pub fn desired<T: Serialize>(&self, id: &ResourceId, value: &T) -> Sealed {
        self.json(id.as_str(), "desired", value)
    }

    pub fn open_desired<T: DeserializeOwned>(&self, id: &ResourceId, sealed: &Sealed) -> Result<T, Error> {
        self.open(id.as_str(), "desired", sealed)
    }

    pub fn applied<T: Serialize>(&self, id: &ResourceId, value: &T) -> Sealed {
        self.json(id.as_str(), "applied", value)
    }

    pub fn open_applied<T: DeserializeOwned>(&self, id: &ResourceId, sealed: &Sealed) -> Result<T, Error> {
        self.open(id.as_str(), "applied", sealed)
    }

    pub fn state(&self, id: &ResourceId, value: &Value) -> Sealed {
        self.json(id.as_str(), "state", value)
    }

    pub fn open_state(&self, id: &ResourceId, sealed: &Sealed) -> Result<Value, Error> {
        self.open(id.as_str(), "state", sealed)
    }

    pub fn outputs(&self, id: &ResourceId, value: &Value) -> Sealed {
        self.json(id.as_str(), "outputs", value)
    }

    pub fn open_outputs(&self, id: &ResourceId, sealed: &Sealed) -> Result<Value, Error> {
        self.open(id.as_str(), "outputs", sealed)
    }

    pub fn drift(&self, id: &ResourceId, value: &[Change]) -> Sealed {
        self.json(id.as_str(), "drift", value)
    }

    pub fn open_drift(&self, id: &ResourceId, sealed: &Sealed) -> Result<Vec<Change>, Error> {
        self.open(id.as_str(), "drift", sealed)
    }

    pub fn manifest<T: Serialize>(&self, id: &OrderId, value: &T) -> Sealed {
        self.json(id.as_str(), "manifest", value)
    }

    pub fn open_manifest<T: DeserializeOwned>(&self, id: &OrderId, sealed: &Sealed) -> Result<T, Error> {
        self.open(id.as_str(), "manifest", sealed)
    }

    pub fn plan(&self, id: &OrderId, value: &Plan) -> Sealed {
        self.json(id.as_str(), "plan", value)
    }

    pub fn open_plan(&self, id: &OrderId, sealed: &Sealed) -> Result<Plan, Error> {
        self.open(id.as_str(), "plan", sealed)
    }

    pub fn continuation(&self, id: &OperationId, value: &Value) -> Sealed {
        self.json(id.as_str(), "continuation", value)
    }

    pub fn open_continuation(&self, id: &OperationId, sealed: &Sealed) -> Result<Value, Error> {
        self.open(id.as_str(), "continuation", sealed)
    }

    /// A secret of a resource, ready for the store.
    pub fn secret(&self, fresh: &Fresh, resource: &ResourceId, principal: &str, now: Timestamp) -> SecretRecord {
        let place = Place { project: self.project, record: fresh.handle.as_str(), field: "value" };
        SecretRecord {
            key: fresh.handle.to_string(),
            project: self.project.to_owned(),
            resource: Some(resource.clone()),
            name: fresh.name.clone(),
            value: self.keyring.seal(place, fresh.value.reveal().as_bytes(), self.entropy),
            principal: principal.to_owned(),
            version: 1,
            create_time: now,
            update_time: now,
        }
    }

    pub fn open_secret(&self, record: &SecretRecord) -> Result<Plain, Error> {
        let place = Place { project: &record.project, record: &record.key, field: "value" };
        let bytes = self.keyring.open(place, &record.value)?;
        Ok(Plain::new(String::from_utf8_lossy(&bytes)))
    }
}
