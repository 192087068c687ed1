//! What the platform team writes: projects, environments, resource types, connections, recipes; and orders.
//!
//! These are the records as people write them; positions in files and YAML belong to `document/`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::care::OnRemove;
use super::connection::Connection;
use super::id::DocumentId;
use super::meta::Meta;
use super::name::{Name, SharedId};
use super::time::Timestamp;

pub const API_VERSION: &str = "vend/v1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    Project,
    Environment,
    ResourceType,
    Connection,
    Recipe,
    Order,
}

impl Kind {
    /// In the order in which documents of one file are applied: what is referred to comes first.
    pub const ALL: [Kind; 6] =
        [Kind::Project, Kind::Environment, Kind::ResourceType, Kind::Connection, Kind::Recipe, Kind::Order];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Project => "Project",
            Kind::Environment => "Environment",
            Kind::ResourceType => "ResourceType",
            Kind::Connection => "Connection",
            Kind::Recipe => "Recipe",
            Kind::Order => "Order",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A document as written, without its position. Serialises to what `get -o yaml` shows, `apiVersion` excepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Manifest {
    Project(Project),
    Environment(Environment),
    ResourceType(ResourceType),
    Connection(Box<Connection>),
    Recipe(Recipe),
    Order(OrderManifest),
}

impl Manifest {
    pub fn kind(&self) -> Kind {
        match self {
            Manifest::Project(_) => Kind::Project,
            Manifest::Environment(_) => Kind::Environment,
            Manifest::ResourceType(_) => Kind::ResourceType,
            Manifest::Connection(_) => Kind::Connection,
            Manifest::Recipe(_) => Kind::Recipe,
            Manifest::Order(_) => Kind::Order,
        }
    }

    pub fn meta(&self) -> &Meta {
        match self {
            Manifest::Project(it) => &it.meta,
            Manifest::Environment(it) => &it.meta,
            Manifest::ResourceType(it) => &it.meta,
            Manifest::Connection(it) => &it.meta,
            Manifest::Recipe(it) => &it.meta,
            Manifest::Order(it) => &it.meta,
        }
    }

    pub fn name(&self) -> &Name {
        &self.meta().name
    }

    /// Its full name (AIP-122): `projects/shop/environments/dev`, `recipes/shared-postgres`, ….
    pub fn resource_name(&self) -> String {
        let name = self.name();
        match self {
            Manifest::Project(_) => format!("projects/{name}"),
            Manifest::Environment(it) => format!("projects/{}/environments/{name}", it.project),
            Manifest::ResourceType(_) => format!("resourceTypes/{name}"),
            Manifest::Connection(_) => format!("connections/{name}"),
            Manifest::Recipe(_) => format!("recipes/{name}"),
            Manifest::Order(it) => {
                let part = |part: &Option<Name>| part.as_ref().map_or("-".to_owned(), Name::to_string);
                format!("projects/{}/environments/{}/orders/{name}", part(&it.project), part(&it.environment))
            }
        }
    }

    /// The project whose shard the document lives in; empty for the platform's own.
    pub fn project(&self) -> &str {
        match self {
            Manifest::Project(it) => it.meta.name.as_str(),
            Manifest::Environment(it) => it.project.as_str(),
            Manifest::Order(it) => it.project.as_ref().map_or("", Name::as_str),
            Manifest::ResourceType(_) | Manifest::Connection(_) | Manifest::Recipe(_) => "",
        }
    }
}

/// The tenant boundary and the unit of sharding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Project {
    #[serde(flatten)]
    pub meta: Meta,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Environment {
    #[serde(flatten)]
    pub meta: Meta,
    pub project: Name,
    /// What recipes match on: `development`, `production`, …
    #[serde(rename = "type")]
    pub environment_type: Name,
}

/// The contract a developer orders against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResourceType {
    #[serde(flatten)]
    pub meta: Meta,
    /// JSON Schema 2020-12 of what may be asked.
    pub params: Value,
    /// JSON Schema 2020-12 of what is offered; `x-vend-secret: true` marks secrets.
    pub outputs: Value,
    /// Named variants that may be ordered; without any, `class` may not be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// Data would be lost with it: never replaced silently.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_data: bool,
    /// How what exists is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<Observe>,
}

/// How resources of a type are looked at by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observe {
    /// A span such as `10m`, or `off`; 1 h if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Class {
    pub name: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

/// How a type is made in a context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recipe {
    #[serde(flatten)]
    pub meta: Meta,
    #[serde(rename = "type")]
    pub resource_type: Name,
    /// Any of them; empty serves everywhere.
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Criteria>,
    /// `NAME` or `NAME@REQUIREMENT` (SemVer, as Cargo writes it): `postgres@^0.1`. Absent in a composite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// What a composite is made of: resources of the order below the key of the one that is ordered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<Name, ResourceEntry>,
    /// A composite's outputs, built from those of its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// Slot → connection.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Box<RecipeParams>>,
    /// Accepts a driver whose lost create parks for a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_unsafe: bool,
    /// How a replacement of data is allowed; absent refuses it for types that hold data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<Replace>,
    /// What is done about drift; absent reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<RecipePolicy>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecipePolicy {
    /// A span such as `7d`: so long the deletion of what holds data waits before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_grace: Option<String>,
}

impl Recipe {
    /// It is made of other resources instead of by a driver.
    pub fn is_composite(&self) -> bool {
        self.driver.is_none()
    }
}

/// All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Criteria {
    /// `ORDER/NAME`, or the `id` of an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_type: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Name>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecipeParams {
    /// Used where the developer says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Value>,
    /// Set always; a developer's other value is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Value>,
    /// JSON Schema 2020-12 that narrows the type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Value>,
    /// All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
}

/// What a schema cannot say of params: how they go together, and with the place where they are ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Constraint {
    /// CEL over `params` and `context`; true lets them through.
    pub rule: String,
    /// What a developer is told where it does not hold.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replace {
    DeleteFirst,
    CreateFirst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    Report,
    /// What was applied is applied once more.
    Correct,
}

/// What a developer wants in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderManifest {
    #[serde(flatten)]
    pub meta: Meta,
    /// From the file, or from the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Name>,
    #[serde(default)]
    pub resources: BTreeMap<Name, ResourceEntry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResourceEntry {
    /// Of a part of a composite: slot of its driver → the part whose outputs the slot's connection is filled from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, Name>,
    #[serde(rename = "type")]
    pub resource_type: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Name>,
    /// All entries of an environment with the same type, class and id are one resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SharedId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// Absent: as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_remove: Option<OnRemove>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observe_only: bool,
    /// The id of an existing object, to be taken under management.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// `[ORDER/]NAME`: what it was called, and where it belonged, before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// A stored document. Orders are kept as `domain::order::Order` instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub id: DocumentId,
    /// Its shard's project; empty for the platform's own.
    pub project: String,
    pub manifest: Manifest,
    /// Counts its changes, from 1; also its revision and its etag.
    pub version: u64,
    pub principal: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}
