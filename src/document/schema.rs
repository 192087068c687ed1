//! The published JSON Schemas (2020-12), one for each kind; `vend explain` prints their descriptions.

use std::sync::LazyLock;

use serde_json::Value;

use super::json_schema::Compiled;
use crate::domain::document::Kind;

static ALL: LazyLock<[Compiled; 6]> = LazyLock::new(|| {
    Kind::ALL.map(|kind| {
        let value = serde_json::from_str(text(kind)).expect("the published schemas are JSON, as a test holds");
        Compiled::new(&value).expect("the published schemas are schemas, as a test holds")
    })
});

/// The schema of a document of `kind`, `apiVersion` and `kind` included.
pub fn schema(kind: Kind) -> &'static Value {
    compiled(kind).schema()
}

pub(super) fn compiled(kind: Kind) -> &'static Compiled {
    &ALL[kind as usize]
}

/// The schema as it is published.
pub fn text(kind: Kind) -> &'static str {
    match kind {
        Kind::Project => include_str!("schema/project.json"),
        Kind::Environment => include_str!("schema/environment.json"),
        Kind::ResourceType => include_str!("schema/resource-type.json"),
        Kind::Connection => include_str!("schema/connection.json"),
        Kind::Recipe => include_str!("schema/recipe.json"),
        Kind::Order => include_str!("schema/order.json"),
    }
}
