//! Reading lists: filters and pages.

use std::collections::BTreeMap;

use crate::domain::id::{OperationId, ResourceId};

/// Which records of a list. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    pub project: Option<String>,
    pub environment: Option<String>,
    pub order: Option<String>,
    /// Of resources: those of one type.
    pub resource_type: Option<String>,
    /// Of operations: those of one resource.
    pub resource: Option<ResourceId>,
    /// Of operations: the children of one.
    pub parent: Option<OperationId>,
    /// Of operations: only those of orders, or only children.
    pub children: Option<bool>,
    /// All of these labels (orders, resources).
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// At most so many items; 1 to 1,000.
    pub limit: u32,
    /// What `Page::next` said.
    pub after: Option<String>,
}

impl Paging {
    /// Everything up to a bound that no caller should meet.
    pub fn all() -> Self {
        Self { limit: 100_000, after: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}
