//! What one attempt may use: the slots of its pin, bound to backends.

use std::collections::BTreeMap;

use crate::domain::description::Access;

use super::backend::Backend;

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
}
