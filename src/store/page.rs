//! Reading lists: filters and pages.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Error;
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::Name;

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

/// Resources that are pinned to one revision of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    pub recipe: Name,
    pub revision: u64,
    pub count: u64,
}

/// No page is longer.
pub const MAX_LIMIT: u32 = 100_000;

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
        Self { limit: MAX_LIMIT, after: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// The token of the page behind the record with these key parts. Opaque to callers.
pub fn token(key: &[String]) -> String {
    URL_SAFE_NO_PAD.encode(key.join("\n"))
}

/// The key parts in a token that [`token`] made.
pub fn parse_token<const PARTS: usize>(token: &str) -> Result<[String; PARTS], Error> {
    let damaged = |detail: &str| Error::Damaged { what: "page token".into(), detail: detail.into() };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| damaged("not base64url"))?;
    let text = String::from_utf8(bytes).map_err(|_| damaged("not UTF-8"))?;
    let parts: Vec<String> = text.splitn(PARTS, '\n').map(str::to_owned).collect();
    <[String; PARTS]>::try_from(parts).map_err(|_| damaged("of another list"))
}
