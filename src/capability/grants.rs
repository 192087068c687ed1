//! What one attempt may use: the slots of its pin, bound to backends.

use std::collections::BTreeMap;

use crate::domain::connection::RequestRule;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::description::Access;

use super::backend::Backend;
use super::standing::Standing;

/// Slot name → backend and the access granted on it. What is not in here does not exist for the driver.
#[derive(Clone, Default)]
pub struct Grants {
    pub slots: BTreeMap<String, Grant>,
}

#[derive(Clone)]
pub struct Grant {
    pub access: Access,
    /// The connection's name, for the journal and messages.
    pub connection: String,
    pub backend: Backend,
    /// Reads go through a credential of their own, which the backend holds to reading.
    pub reads_apart: bool,
    /// The HTTP requests that the driver's description asks for; empty: it asks for whatever the connection allows.
    pub asked: Vec<RequestRule>,
    pub standing: Standing,
}

impl Grants {
    /// The grant under `slot`, if it reaches as far as `access`.
    pub fn get(&self, slot: &str, access: Access) -> Result<&Grant, Error> {
        let denied = |code, message| Err(Error::new(ErrorKind::Denied, code, message));
        let Some(grant) = self.slots.get(slot) else {
            return denied("SLOT_NOT_GRANTED", format!("no connection is granted under the slot `{slot}`"));
        };
        if access == Access::ReadWrite && grant.access == Access::Read {
            return denied("SLOT_READ_ONLY", format!("the slot `{slot}` is granted for reading only"));
        }
        Ok(grant)
    }

    /// For a slot whose connection speaks something else than it was asked to.
    pub fn other_protocol(slot: &str, asked: &str) -> Error {
        let message = format!("the connection under the slot `{slot}` does not speak {asked}");
        Error::new(ErrorKind::Denied, "SLOT_OTHER_PROTOCOL", message)
    }
}
