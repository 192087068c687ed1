//! What an order was at one of its generations, and what was planned for it.

use std::collections::BTreeMap;

use super::id::{OperationId, OrderId};
use super::name::OrderName;
use super::operation::OperationVerb;
use super::sealed::Sealed;
use super::time::Timestamp;

/// So many are kept of each order.
pub const KEPT: u64 = 20;

#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    pub order: OrderId,
    pub name: OrderName,
    pub generation: u64,
    /// What carried it out; its record may be gone before this one.
    pub operation: OperationId,
    pub verb: OperationVerb,
    pub principal: String,
    /// Where it was applied from; empty if nobody has said.
    pub source: String,
    pub plan_digest: String,
    /// Resources by what was to be done to them: `create` → 2.
    pub counts: BTreeMap<String, u64>,
    /// Sealed JSON of a [`super::plan::Plan`] with what was to be done, cut off where it would be too long.
    pub plan: Sealed,
    /// Only where it was read for one generation.
    pub manifest: Option<Sealed>,
    pub time: Timestamp,
}
