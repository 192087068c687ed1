//! Names that people choose, and the resource names built from them (AIP-122).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A DNS label (RFC 1123): 1 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name: use 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit")]
pub struct Invalid(pub String);

impl Name {
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
        let bytes = text.as_bytes();
        if bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && edge(bytes.first()) && edge(bytes.last()) {
            return Ok(Self(text));
        }
        Err(Invalid(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// What entries of several orders of an environment call the resource that they share: 1 to 63 of `a-z 0-9 - .`, names with dots between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SharedId(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id: use 1 to 63 of a-z, 0-9, - and ., each dot between two names")]
pub struct InvalidId(pub String);

impl SharedId {
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let named = text.split('.').all(|part| Name::new(part).is_ok());
        if named && text.len() <= 63 { Ok(Self(text)) } else { Err(InvalidId(text)) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SharedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SharedId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<SharedId> for String {
    fn from(id: SharedId) -> String {
        id.0
    }
}

/// A resource in its order: `db`; of a part of a composite the names on the way to it, `db/server`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// Composites within composites, and what those are made of.
const DEEPEST: usize = 9;

impl Key {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid(text.to_owned());
        if text.split('/').count() > DEEPEST {
            return Err(invalid());
        }
        for name in text.split('/') {
            Name::new(name).map_err(|_| invalid())?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The part `name` of it; `None` if that would be too deep.
    pub fn part(&self, name: &Name) -> Option<Self> {
        (self.0.split('/').count() < DEEPEST).then(|| Self(format!("{}/{name}", self.0)))
    }

    /// It is `whole`, or a part of it.
    pub fn is_of(&self, whole: &Key) -> bool {
        self == whole || self.0.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for Key {
    fn from(name: Name) -> Self {
        Self(name.0)
    }
}

impl From<&Name> for Key {
    fn from(name: &Name) -> Self {
        Self(name.0.clone())
    }
}

impl TryFrom<String> for Key {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An environment in its project: `projects/shop/environments/dev`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvironmentName {
    pub project: Name,
    pub environment: Name,
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/environments/{}", self.project, self.environment)
    }
}

/// An order in its environment: `projects/shop/environments/dev/orders/checkout`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderName {
    pub project: Name,
    pub environment: Name,
    pub order: Name,
}

impl OrderName {
    pub fn environment_name(&self) -> EnvironmentName {
        EnvironmentName { project: self.project.clone(), environment: self.environment.clone() }
    }

    pub fn resource(&self, key: impl Into<Key>) -> ResourceName {
        ResourceName { order: self.clone(), key: key.into() }
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/environments/{}/orders/{}", self.project, self.environment, self.order)
    }
}

/// A resource in its order: `projects/shop/environments/dev/orders/checkout/resources/db`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceName {
    pub order: OrderName,
    pub key: Key,
}

impl ResourceName {
    /// As it is called within its environment: `checkout/db`.
    pub fn short(&self) -> String {
        format!("{}/{}", self.order.order, self.key)
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/resources/{}", self.order, self.key)
    }
}

/// Which of the 256 shards a project's rows belong to; the empty project is the platform's own.
pub fn shard(project: &str) -> u16 {
    // FNV-1a, 32 bit: stable for ever, since shards are stored.
    let hash = project.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u16::from((hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24)) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_belong_to_their_composite() {
        let key = |text: &str| Key::parse(text).expect("a key");
        for (it, of, expected) in
            [("db", "db", true), ("db/server", "db", true), ("dbs", "db", false), ("d", "db", false)]
        {
            assert_eq!(key(it).is_of(&key(of)), expected, "{it} of {of}");
        }
    }

    #[test]
    fn ids_are_names_with_dots_between() {
        for good in ["db", "shared-db", "company.db", "a.b.c", &"x".repeat(63)] {
            assert_eq!(SharedId::new(good).expect(good).as_str(), good);
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a/b", "A", "-a", "a.-b", &"x".repeat(64)] {
            assert!(SharedId::new(bad).is_err(), "{bad}");
        }
    }
}
