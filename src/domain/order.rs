//! An order as a record: the standing wish for a set of resources.

use std::collections::BTreeMap;

use super::id::{OperationId, OrderId};
use super::name::OrderName;
use super::sealed::Sealed;
use super::time::Timestamp;

#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: OrderId,
    pub name: OrderName,
    pub labels: BTreeMap<String, String>,
    /// Counts changes of what is desired.
    pub generation: u64,
    /// The manifest of this generation, canonical JSON; secrets replaced by handles.
    pub manifest: Sealed,
    /// The operation that carries out this generation.
    pub operation: OperationId,
    /// Being deleted: gone when its last resource is.
    pub deleting: bool,
    pub principal: String,
    /// Where its manifest is kept: a git remote and a path, a file, `cli`; empty if nobody has said.
    pub source: String,
    pub version: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}
