//! The description of a driver: its only manifest, constant for one component. Callable anywhere; touches no import.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::serve::{Served, Verbs};
use crate::{Resource, schema};

/// A driver: what it says about itself and the resource types it serves.
pub struct Driver {
    head: Head,
    pub(crate) types: BTreeMap<&'static str, Box<dyn Verbs>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    name: String,
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    state_version: u32,
    slots: BTreeMap<String, Slot>,
    encodings: Vec<String>,
    limits: Limits,
}

/// A connection the driver needs.
#[derive(Debug, Clone, Serialize)]
pub struct Slot {
    types: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    access: Access,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<Asked>,
}

/// Requests that a driver makes.
#[derive(Debug, Clone, Serialize)]
struct Asked {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    Read,
    ReadWrite,
}

/// How a create whose answer was lost can be told from one that never happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The client chooses the id.
    Named,
    /// The backend honours an idempotency key.
    Keyed,
    /// Searchable by ownership label or natural key.
    Findable,
    /// None of these; a recipe must accept it explicitly.
    Unsafe,
}

/// Limits of one attempt, where the defaults do not fit.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<u32>,
}

/// The markers of one resource type. Its schemas come from the Rust types.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Type {
    pub(crate) create_only: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    natural_key: Option<NaturalKey>,
    identity: Identity,
    settle_ms: u64,
    #[serde(skip_serializing_if = "is_zero")]
    key_retention_ms: u64,
    verbs: Vec<String>,
}

fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

#[derive(Debug, Clone, Serialize)]
struct NaturalKey {
    slot: String,
    family: String,
    pointers: Vec<String>,
}

/// What the description says of one type.
#[derive(Serialize)]
pub(crate) struct TypeDocument {
    params: Value,
    outputs: Value,
    config: Value,
    #[serde(flatten)]
    markers: Type,
}

impl TypeDocument {
    pub(crate) fn of<R: Resource>() -> Self {
        Self {
            params: schema::of_input::<R::Params>(),
            outputs: schema::of_output::<R::Outputs>(),
            config: schema::of_input::<R::Config>(),
            markers: R::describe(),
        }
    }
}

impl Driver {
    /// Usually called by `vend_sdk::driver!()`, with what Cargo.toml says.
    pub fn new(name: &str, version: &str, description: &str) -> Self {
        let head = Head {
            name: name.into(),
            version: version.into(),
            title: String::new(),
            description: description.into(),
            state_version: 1,
            slots: BTreeMap::new(),
            encodings: Vec::new(),
            limits: Limits::default(),
        };
        Self { head, types: BTreeMap::new() }
    }

    pub fn title(mut self, title: &str) -> Self {
        self.head.title = title.into();
        self
    }

    /// Raise it when the shape of any state changes, and implement `migrate` between neighbours. The first is 1.
    pub fn state_version(mut self, version: u32) -> Self {
        self.head.state_version = version;
        self
    }

    pub fn slot(mut self, name: &str, slot: Slot) -> Self {
        self.head.slots.insert(name.into(), slot);
        self
    }

    /// How secret values have to be written: `plain`, `percent`, `scram-sha-256`, ….
    pub fn encodings<const N: usize>(mut self, encodings: [&str; N]) -> Self {
        self.head.encodings = encodings.map(String::from).into();
        self
    }

    pub fn limits(mut self, limits: Limits) -> Self {
        self.head.limits = limits;
        self
    }

    pub fn serves<R: Resource>(mut self) -> Self {
        self.types.insert(R::NAME, Box::new(Served::<R>::new()));
        self
    }

    /// The answer of `describe`.
    pub fn document(&self) -> Value {
        let mut document = value(&self.head);
        let types = self.types.iter().map(|(name, verbs)| (name.to_string(), value(&verbs.describe())));
        document["types"] = Value::Object(types.collect());
        document
    }
}

fn value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("plain data with text keys is JSON")
}

impl Slot {
    /// For a driver that reads and writes through it. `types`: the connection types that fit.
    pub fn read_write<const N: usize>(types: [&str; N]) -> Self {
        Self::new(types.map(String::from).into(), Access::ReadWrite)
    }

    pub fn read<const N: usize>(types: [&str; N]) -> Self {
        Self::new(types.map(String::from).into(), Access::Read)
    }

    fn new(types: Vec<String>, access: Access) -> Self {
        Self { types, description: String::new(), access, requests: Vec::new() }
    }

    /// What the driver asks over HTTP, as `("GET PATCH", "/zones/*")`: methods, all if there are none, and a path below the
    /// endpoint, in which `*` is any run within a segment and `**` any run at all. What is not listed is then refused.
    pub fn requests<const N: usize>(mut self, asked: [(&str, &str); N]) -> Self {
        let methods = |words: &str| words.split_whitespace().map(String::from).collect();
        self.requests = asked.map(|(words, path)| Asked { methods: methods(words), path: path.into() }).into();
        self
    }

    /// What the connection is for, to whoever binds it.
    pub fn about(mut self, description: &str) -> Self {
        self.description = description.into();
        self
    }
}

impl Type {
    pub fn new(identity: Identity) -> Self {
        Self {
            create_only: Vec::new(),
            natural_key: None,
            identity,
            settle_ms: 0,
            key_retention_ms: 0,
            verbs: Vec::new(),
        }
    }

    /// Params that cannot change while the object lives, as JSON Pointers into params: `/name`.
    pub fn create_only<const N: usize>(mut self, pointers: [&str; N]) -> Self {
        self.create_only = pointers.map(String::from).into();
        self
    }

    /// The params that name the object behind `slot`. Types of one family share a name space.
    pub fn natural_key<const N: usize>(mut self, slot: &str, family: &str, pointers: [&str; N]) -> Self {
        self.natural_key =
            Some(NaturalKey { slot: slot.into(), family: family.into(), pointers: pointers.map(String::from).into() });
        self
    }

    /// How long after a write the backend may still not show its result.
    pub fn settle_ms(mut self, ms: u64) -> Self {
        self.settle_ms = ms;
        self
    }

    /// How long the backend honours an idempotency key; so long a keyed write whose answer was lost is sent again.
    pub fn key_retention_ms(mut self, ms: u64) -> Self {
        self.key_retention_ms = ms;
        self
    }

    /// What there is of the type can be listed, by labels or all of it.
    pub fn discoverable(mut self) -> Self {
        self.verbs.push("discover".into());
        self
    }

    /// Existing objects can be taken under management.
    pub fn adoptable(mut self) -> Self {
        self.verbs.push("adopt".into());
        self
    }
}
