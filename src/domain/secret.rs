//! Secret handles and the values they stand for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::ResourceId;
use super::sealed::Sealed;
use super::time::Timestamp;

/// Stands for a secret value everywhere outside the secret store: `vsec_` and 52 URL-unreserved characters,
/// so that JSON, form, XML and URL encoders leave it as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(String);

impl Handle {
    pub const PREFIX: &'static str = "vsec_";
    pub const LENGTH: usize = Self::PREFIX.len() + 52;

    /// A handle made of 32 bytes, in Crockford's base 32, lower case.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut text = String::with_capacity(Self::LENGTH);
        text.push_str(Self::PREFIX);
        let (mut buffer, mut bits) = (0u32, 0u32);
        for byte in bytes {
            buffer = (buffer << 8) | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(ALPHABET[(buffer >> bits) as usize & 31] as char);
            }
        }
        if bits > 0 {
            text.push(ALPHABET[(buffer << (5 - bits)) as usize & 31] as char);
        }
        Self(text)
    }

    /// The handle that `text` is as a whole, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(Self::PREFIX)?;
        (text.len() == Self::LENGTH && rest.bytes().all(is_handle_byte)).then(|| Self(text.to_owned()))
    }

    /// Every handle that stands anywhere in `text`, with its byte offset.
    pub fn scan(text: &str) -> Vec<(usize, Self)> {
        text.match_indices(Self::PREFIX)
            .filter_map(|(at, _)| Some((at, Self::parse(text.get(at..at + Self::LENGTH)?)?)))
            .collect()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_handle_byte(b: u8) -> bool {
    b.is_ascii_digit() || (b.is_ascii_lowercase() && !matches!(b, b'i' | b'l' | b'o' | b'u'))
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A secret in the clear: never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain(…)")
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
}

/// A secret that came to be during an attempt and waits for the next durable commit.
#[derive(Debug, Clone)]
pub struct Fresh {
    pub handle: Handle,
    /// What the driver called it; unique in its resource.
    pub name: String,
    pub value: Plain,
}

/// A secret at rest.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretRecord {
    /// The handle of a resource's secret; the name of one that an operator set.
    pub key: String,
    /// Empty for the platform's own secrets.
    pub project: String,
    pub resource: Option<ResourceId>,
    /// What it is called by whoever made it.
    pub name: String,
    pub value: Sealed,
    pub principal: String,
    pub version: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}
